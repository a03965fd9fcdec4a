"""Two initramfs are compared piece by piece, however much a few kilobytes unpack to."""

import bz2
import gzip
import io
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.basics.errors import VerificationError
from builder.border.differences import CONTENT, SIZE, Difference
from builder.inside.archives import unpacking
from builder.inside.archives.cpio import members
from builder.inside.archives.unpacking import PIECE
from builder.inside.explain.initramfs import explain_initramfs
from builder.inside.explain.parts import Part

MEBIBYTE = 1 << 20
Pack = Callable[[bytes], bytes]
PACKERS: dict[str, Pack] = {"gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress}


def member(name: str, content: bytes | bytearray, *, size: int | None = None) -> bytes:
    """Return a file of a cpio archive, which may say another size than it has."""
    raw = name.encode() + b"\0"
    numbers = (1, 0o100644, 0, 0, 1, 1, len(content) if size is None else size,
               0, 0, 0, 0, len(raw), 0)  # fmt: skip
    head = b"070701" + b"".join(b"%08x" % number for number in numbers) + raw
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)


def archive(*files: bytes) -> bytes:
    return b"".join((*files, member("TRAILER!!!", b"")))


@pytest.fixture
def part(tmp_path: Path) -> Callable[[bytes], Part]:
    def written(content: bytes) -> Part:
        path = tmp_path / str(len(list(tmp_path.iterdir())))
        path.write_bytes(content)
        return Part(file=path, start=0, size=len(content))

    return written


def differences(one: Part, other: Part) -> dict[tuple[str, str], Difference]:
    found = explain_initramfs(one, other).differences
    return {(each.place[-1], each.attribute): each for each in found}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=list(PACKERS))
def test_a_bomb_is_compared_in_little_memory(part: Callable[[bytes], Part], pack: Pack) -> None:
    contents = [bytes(40 * MEBIBYTE) + end for end in (b"a", b"b")]
    sides = [part(pack(archive(member("etc/bomb", content)))) for content in contents]
    del contents
    tracemalloc.start()
    found = differences(sides[0], sides[1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["etc/bomb", CONTENT].offset == 40 * MEBIBYTE
    assert peak < 16 * MEBIBYTE  # xz has a dictionary of 8


@pytest.mark.parametrize("pack", PACKERS.values(), ids=list(PACKERS))
def test_what_unpacks_to_too_much_is_said_to_do_so(
    part: Callable[[bytes], Part], pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "MOST_UNPACKED", 4 * MEBIBYTE)
    small = part(pack(archive(member("x", bytes(3 * MEBIBYTE)))))
    bombs = {
        "one file": archive(member("x", bytes(5 * MEBIBYTE))),
        "after the end": archive(member("x", b"")) + bytes(5 * MEBIBYTE),
    }
    for bomb in (*map(pack, bombs.values()), pack(archive(member("x", bytes(3 * MEBIBYTE)))) * 2):
        with pytest.raises(VerificationError, match=r"unpacks to more than 4\.0 MiB"):
            explain_initramfs(small, part(bomb))
    assert not explain_initramfs(small, small).differences


def test_a_size_that_is_not_there_costs_nothing(part: Callable[[bytes], Part]) -> None:
    lying = part(gzip.compress(member("x", b"", size=0xFFFF_FFF0)))
    with pytest.raises(VerificationError, match="truncated"):
        explain_initramfs(lying, lying)


def test_names_without_end_are_refused(part: Callable[[bytes], Part]) -> None:
    long = archive(*(member(f"{number:05}" + "n" * 4000, b"") for number in range(2200)))
    with pytest.raises(VerificationError, match="too long names"):
        explain_initramfs(part(gzip.compress(long)), part(gzip.compress(long)))


def test_an_xz_archive_cannot_ask_for_gigabytes(part: Callable[[bytes], Part]) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 1 << 30}]
    packed = lzma.compress(archive(member("x", b"x")), filters=filters)
    with pytest.raises(VerificationError, match=r"[Mm]emory"):
        explain_initramfs(part(packed), part(packed))


@pytest.mark.parametrize("at", [0, PIECE - 1, PIECE, 3 * PIECE + 5])
def test_the_first_byte_that_differs_is_found_in_every_piece(
    part: Callable[[bytes], Part], at: int
) -> None:
    one, other = bytearray(4 * PIECE), bytearray(4 * PIECE)
    other[at], other[-1] = 1, 1
    found = differences(
        part(gzip.compress(archive(member("x", one)))),
        part(gzip.compress(archive(member("y", b"1"), member("x", other)))),
    )
    difference = found["x", CONTENT]
    assert (difference.offset, difference.original, difference.rebuilt) == (at, "0x00", "0x01")


def test_a_file_that_only_goes_on_differs_where_the_other_ends(
    part: Callable[[bytes], Part],
) -> None:
    for size in (PIECE, PIECE + 3):
        one, other = (archive(member("x", bytes(length))) for length in (size, 3 * PIECE))
        found = differences(part(gzip.compress(one)), part(other))
        assert (found["x", SIZE].original, found["x", SIZE].rebuilt) == (str(size), str(3 * PIECE))
        assert (found["x", CONTENT].offset, found["x", CONTENT].original) == (size, "none")


@pytest.mark.parametrize("pack", [bytes, *PACKERS.values()], ids=["plain", *PACKERS])
def test_archives_in_a_row_are_all_read(pack: Pack) -> None:
    packed = pack(archive(member("x", b"1" * 300_000)))
    content = archive(member("early", b"e")) + bytes(512) + packed + bytes(-len(packed) % 4)
    found = list(members(io.BytesIO(content + archive(member("late", b"")))))
    assert [(each.archive, each.name, each.size) for each in found] == [
        (1, "early", 1), (2, "x", 300_000), (3, "late", 0),
    ]  # fmt: skip
