"""Compares two squashfs: their superblocks, then every path, attribute and byte."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from builder.basics.errors import VerificationError
from builder.basics.printable import clean
from builder.border.cache_report import Problem
from builder.border.differences import PRESENCE, SIZE, Difference, Explanation, explained
from builder.formats.inventory import Entry, EntryType
from builder.inside.explain.parts import FirstByte, Part, first_byte_of
from builder.inside.explain.superblock import SIZE as SUPERBLOCK
from builder.inside.explain.superblock import Superblock, read_superblock
from builder.inside.inventory.squashfs_listing import squashfs_rows
from builder.inside.iso.read_iso import readable
from builder.inside.system.digests import CHUNK
from builder.inside.system.system import System

_UNREADABLE: Final = re.compile(r"uncompress file /*(?P<path>/.+)")  # unsquashfs 4.6.1
_MOST_LOOKED_INTO: Final = (
    50  # files whose first differing byte is determined; each costs a run of unsquashfs
)
_WORDS: Final = {
    EntryType.DIRECTORY: "directory",
    EntryType.FILE: "file",
    EntryType.LINK: "symbolic link",
    EntryType.FIFO: "FIFO",
    EntryType.SOCKET: "socket",
    EntryType.CHARACTER: "character device",
    EntryType.BLOCK: "block device",
}
_PACKED_DIFFERENTLY: Final = Problem(
    message="Both squashfs contain the same tree, packed differently: in another order, or "
    "compressed with another version or other settings",
)
_VALUES: Final = {EntryType.FILE: "content", EntryType.LINK: "target"}


def explain_squashfs(original: Part, rebuilt: Part, *, system: System) -> Explanation:
    """Say what differs in two squashfs that are not the same.

    Raises VerificationError when one of them is not a squashfs.
    """
    with readable():
        blocks = [_superblock(part) for part in (original, rebuilt)]
        after = _entries(rebuilt, system)
    try:
        with readable():
            before = _entries(original, system)
    except VerificationError as error:
        return _damaged(error)
    found = tree_differences(before, after)
    if not found:
        outer = blocks[0].differences(blocks[1], only_chosen=False)
        return explained(outer, remarks=(_PACKED_DIFFERENTLY,))
    outer = blocks[0].differences(blocks[1], only_chosen=True)
    looked = 0
    for each in found:
        if each.attribute == "content" and looked < _MOST_LOOKED_INTO:
            looked += 1
            first = _first_byte(original, rebuilt, each.place[0], system=system)
            outer.append(first.difference(*each.place) if first else each)
        else:
            outer.append(each)
    return explained(outer)


def _damaged(error: VerificationError) -> Explanation:
    """Name the file at which unpacking the original failed, if the tool names one."""
    remark = Problem(message=error.message, values=tuple(error.values.items()))
    file = _UNREADABLE.search(str(error))
    found = [_difference(file["path"], "unpacks", "no", "yes")] if file else []
    return explained(found, remarks=(remark,))


def tree_differences(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[Difference]:
    """Return what differs in two trees, by path; "content" with both digests."""
    found: list[Difference] = []
    for path in sorted({*before, *after}):
        one, other = before.get(path), after.get(path)
        if one is None or other is None:
            yes_no = ("no", "yes") if one is None else ("yes", "no")
            found.append(_difference(path, PRESENCE, *yes_no))
        elif one != other:
            found += _attributes(one, other)
    return found


def _attributes(one: Entry, other: Entry) -> Iterator[Difference]:
    if one.type is not other.type:
        yield _difference(one.path, "type", _word(one), _word(other))
        return
    value = _VALUES.get(one.type, "device")
    for name, before, after in (
        ("mode", f"{one.mode:04o}", f"{other.mode:04o}"),
        ("owner", one.uid, other.uid),
        ("group", one.gid, other.gid),
        ("time", one.mtime, other.mtime),
        ("capability", one.capability, other.capability),
        ("hard link of", one.first, other.first),
        (SIZE, one.size, other.size),
        (value, one.value, other.value),
    ):
        if before != after:
            yield _difference(one.path, name, before, after)


def _word(entry: Entry) -> str:
    return "whiteout" if entry.is_whiteout else _WORDS[entry.type]


def _difference(path: str, attribute: str, original: object, rebuilt: object) -> Difference:
    return Difference(
        place=(path,),
        attribute=attribute,
        original=clean(str(original)) or "none",
        rebuilt=clean(str(rebuilt)) or "none",
    )


def _superblock(part: Part) -> Superblock:
    block = read_superblock(part.read(0, SUPERBLOCK))
    if block is None:
        message = "it is not a squashfs"
        raise ValueError(message)
    return block


def _entries(part: Part, system: System) -> Mapping[str, Entry]:
    rows = squashfs_rows(part.file, part.start, system=system)
    return {row.path: row for row in rows if isinstance(row, Entry)}


def _first_byte(original: Part, rebuilt: Part, path: str, *, system: System) -> FirstByte | None:
    with (
        system.reading(_cat(original, path)) as one,
        system.reading(_cat(rebuilt, path)) as other,
    ):
        first = first_byte_of(one, other)
        for stream in (one, other):  # a tool fails when its output is no longer read
            while stream.read(CHUNK):
                pass
    return first


def _cat(part: Part, path: str) -> list[str]:
    return [
        "unsquashfs", "-offset", str(part.start), "-no-wildcards", "-cat", str(part.file), path,
    ]  # fmt: skip
