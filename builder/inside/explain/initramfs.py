"""Compares two initramfs.

Nothing is kept of the contents but digests: some kilobytes can unpack to gigabytes.
"""

import io
import lzma
import zlib
from collections.abc import Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Final

from builder.basics.errors import VerificationError
from builder.border.cache_report import Problem
from builder.border.differences import CONTENT, PRESENCE, SIZE, Difference, Explanation, explained
from builder.inside.archives.cpio import Member, Place, members
from builder.inside.archives.unpacking import PIECE
from builder.inside.explain.parts import Part, first_byte_of

_MOST_LOOKED_INTO: Final = 50
_PACKED_DIFFERENTLY: Final = Problem(
    message="Both initramfs contain the same files, packed differently"
)


def explain_initramfs(original: Part, rebuilt: Part) -> Explanation:
    """Say which members of two initramfs differ, and where.

    Raises VerificationError where one of them cannot be unpacked.
    """
    try:
        before, after = (_by_key(part) for part in (original, rebuilt))
        found = _differences(before, after)
        differing = [key for key in before.keys() & after.keys()
                     if before[key].sha256 != after[key].sha256]  # fmt: skip
        wanted = {
            _place(before[key]): (before[key], after[key])
            for key in sorted(differing)[:_MOST_LOOKED_INTO]
        }
        first = _first_bytes((original, rebuilt), wanted)
    except (ValueError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise VerificationError(
            "The initramfs cannot be unpacked: {reason}", reason=str(error) or "it is truncated"
        ) from error
    if not found:
        return explained([], remarks=(_PACKED_DIFFERENTLY,))
    return explained([first.get(each.place, each) if each.attribute == CONTENT else each
                      for each in found])  # fmt: skip


def _by_key(part: Part) -> Mapping[tuple[int, str], Member]:
    with part.opened() as stream:
        return {member.key: member for member in members(stream)}


def _first_bytes(
    parts: tuple[Part, Part], wanted: Mapping[Place, tuple[Member, Member]]
) -> dict[Place, Difference]:
    """Say where the contents of these members first differ; only these pieces are kept."""
    starts = {place: _first_piece(*pair) for place, pair in wanted.items()}
    before, after = (_pieces(part, starts) for part in parts)
    found = {}
    for place, start in starts.items():
        one, other = (io.BytesIO(side.get(place, b"")) for side in (before, after))
        if (first := first_byte_of(one, other)) is not None:
            found[place] = replace(first, offset=start + first.offset).difference(*place)
    return found


def _first_piece(one: Member, other: Member) -> int:
    """Return where the first piece that is not the same in two members starts."""
    pairs = zip_longest(one.pieces, other.pieces)
    return PIECE * next((at for at, (was, is_now) in enumerate(pairs) if was != is_now), 0)


def _pieces(part: Part, starts: Mapping[Place, int]) -> Mapping[Place, bytes]:
    found: dict[Place, bytes] = {}

    def keep(place: Place, at: int, piece: bytes) -> None:
        if starts.get(place) == at:
            found[place] = piece

    if starts:
        with part.opened() as stream:
            for _member in members(stream, on_piece=keep):
                pass
    return found


def _differences(
    before: Mapping[tuple[int, str], Member], after: Mapping[tuple[int, str], Member]
) -> list[Difference]:
    found = []
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        if one is None or other is None:
            place = _place(after[key] if one is None else before[key])
            yes_no = ("no", "yes") if one is None else ("yes", "no")
            found.append(_difference(place, PRESENCE, *yes_no))
            continue
        for name, was, is_now in (
            ("mode", f"{one.mode:06o}", f"{other.mode:06o}"),
            ("owner", one.uid, other.uid),
            ("group", one.gid, other.gid),
            ("time", one.mtime, other.mtime),
            (SIZE, one.size, other.size),
            (CONTENT, one.sha256, other.sha256),
        ):
            if was != is_now:
                found.append(_difference(_place(one), name, was, is_now))
    return found


def _place(member: Member) -> tuple[str, ...]:
    return (f"archive {member.archive}", member.name)


def _difference(
    place: tuple[str, ...], attribute: str, original: object, rebuilt: object
) -> Difference:
    return Difference(
        place=place, attribute=attribute, original=str(original), rebuilt=str(rebuilt)
    )
