"""Which small files share a fragment block, so that changing a few files moves few of the others.

mksquashfs packs the files that are smaller than a block one after the other into fragment blocks.
One file more or less moves all that follow, so half of the blocks differ after an update of a few
packages. Here only files below 64 KiB share blocks: larger ones gain little from it. The sorted
paths of the small files are divided into groups by common prefix, and each group fills its own
blocks: a change moves only its group. The groups depend on nothing but the paths and sizes of the
tree.

mksquashfs keeps the last block of every group open until it ends, in one of the buffers that get a
quarter of its `-mem`; without a free buffer it would wait forever. So the number of groups has a
limit.

They are written as a file of mksquashfs actions (`-action-file`, squashfs-tools 4.6; the first
`fragment` action that matches a file decides). Its patterns are those of fnmatch(3) with
FNM_PATHNAME in the C locale, applied to as many path components as they have.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

MOST_GROUPS: Final = 100  # `-mem` must provide a third more buffers than that
QUEUES: Final = "512M"  # `-mem`: a quarter of it is 128 of the largest blocks, 1 MiB

_FRAGMENT_LIMIT: Final = 64 << 10  # bytes; larger files do not share blocks
# A group of more than `split` bytes is divided, but never into parts below a quarter of that:
# smaller groups leave more blocks half full, larger ones move more files.
_SPLIT: Final = 1 << 20
_MOST_SPLITS: Final = 50  # in all files; `split` is a power of two, so that it rarely changes

_LONGEST: Final = 250  # bytes of a key; longer common prefixes are not divided
_RANGE: Final = tuple(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
# Includes everything that is special to mksquashfs or to fnmatch(3) in quoted patterns.
_UNSAFE: Final = re.compile(rb"[^A-Za-z0-9._/:=~-]")
_ANY_BYTE: Final = ord("?")

# A package has a catalogue in the directory of every language. Sorted by catalogue, not by
# language, a new package does not move those of others; and a package's catalogues are similar.
_CATALOGUES: Final = re.compile(rb"^(usr/share/locale/)[^/]+(/LC_MESSAGES/)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallFile:
    """A file that goes into a fragment block."""

    key: bytes  # its path as a pattern
    size: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The files whose keys continue after `beginning` with a byte from `first` to `last`."""

    beginning: bytes
    first: int
    last: int
    files: int  # upper bound
    is_refined: bool  # finer groups take some of its files

    def action(self) -> bytes:
        """Return the line for mksquashfs."""
        following = b"%c" if self.first == self.last else b"[%c-%c]"
        ends = tuple(sorted({self.first, self.last}))
        return b'fragment(group)@subpathname("/%s%s*")\n' % (self.beginning, following % ends)


def write_actions(root: Path, target: Path, *, block_size: int) -> None:
    """Write the actions for the tree at `root`."""
    smallest = fragment_limit(block_size)
    files = sorted(_small_files(root, smallest), key=lambda file: file.key)
    alone = b"no-fragments@filesize(+%d)\n" % (smallest - 1)
    target.write_bytes(alone + b"".join(group.action() for group in grouped(files)))


def fragment_limit(block_size: int) -> int:
    """Return the size in bytes from which on a file does not share blocks."""
    return min(block_size, _FRAGMENT_LIMIT)


def key_of(path: bytes) -> bytes:
    """Return the key by which a path, relative to the tree, is sorted and grouped: a pattern."""
    return _CATALOGUES.sub(rb"\1*\2", _UNSAFE.sub(b"?", path))


def grouped(files: Sequence[SmallFile]) -> list[Group]:
    """Return the groups; `files` come in the order of their keys.

    A file belongs to the first group that it matches, or to the rest. A group comes after those
    that refine it; otherwise the largest groups come first, because mksquashfs tries them one
    after the other for each file.
    """
    split = _SPLIT
    while _size(files) > split * _MOST_SPLITS:
        split *= 2
    groups, _rest = _cut(files, split)
    while len(groups) > MOST_GROUPS:
        split *= 2
        groups, _rest = _cut(files, split)
    return sorted(
        groups, key=lambda group: (group.is_refined, -group.files * (not group.is_refined))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The files that continue with one byte: those without a group, and whether some have one."""

    size: int
    files: int
    is_cut: bool


def _cut(files: Sequence[SmallFile], split: int) -> tuple[list[Group], int]:
    """Divide by the first byte in which the keys differ, and recursively each part.

    Return the groups, the finest first, and how many bytes are not in any of them.
    """
    size = _size(files)
    if size <= split or files[0].key == files[-1].key:
        return [], size
    length = _common(files[0].key, files[-1].key)
    if length > _LONGEST:
        return [], size
    beginning = files[0].key[:length]
    groups: list[Group] = []
    parts: dict[int, _Part] = {}
    for following, members in groupby(files, key=lambda file: file.key[length : length + 1]):
        byte, part = following[0] if following else _ANY_BYTE, list(members)
        found, left = _cut(part, split)
        groups += found
        parts[byte] = _Part(size=left, files=len(part), is_cut=bool(found))
        if byte != _ANY_BYTE and left * 4 >= split:
            groups.append(_group(beginning, (byte,), parts))
            parts[byte] = _Part(size=0, files=0, is_cut=True)
    found, left = _ranges(beginning, parts, _RANGE, split)
    return groups + found, left + sum(parts[byte].size for byte in parts if byte not in _RANGE)


def _ranges(
    beginning: bytes, parts: Mapping[int, _Part], letters: Sequence[int], split: int
) -> tuple[list[Group], int]:
    """Halve the alphabet recursively, as long as the halves are large."""
    size = sum(parts[byte].size for byte in letters if byte in parts)
    if size <= split or len(letters) < 2:
        return [], size
    middle = len(letters) // 2
    groups: list[Group] = []
    rest = 0
    for half in (letters[:middle], letters[middle:]):
        found, left = _ranges(beginning, parts, half, split)
        groups += found
        if left * 4 >= split:
            groups.append(_group(beginning, half, parts, is_refined=bool(found)))
        else:
            rest += left
    return groups, rest


def _group(
    beginning: bytes,
    letters: Sequence[int],
    parts: Mapping[int, _Part],
    *,
    is_refined: bool = False,
) -> Group:
    inside = [part for byte, part in parts.items() if letters[0] <= byte <= letters[-1]]
    return Group(
        beginning=beginning,
        first=letters[0],
        last=letters[-1],
        files=sum(part.files for part in inside),
        is_refined=is_refined or any(part.is_cut for part in inside),
    )


def _size(files: Sequence[SmallFile]) -> int:
    return sum(file.size for file in files)


def _common(one: bytes, other: bytes) -> int:
    """Return the length of the common prefix of two different keys."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _small_files(root: Path, limit: int) -> Iterator[SmallFile]:
    top = os.fsencode(root)
    pending = [b""]
    while pending:
        directory = pending.pop()
        with os.scandir(os.path.join(top, directory)) as entries:  # noqa: PTH118 - bytes
            for entry in entries:
                path = directory + entry.name
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(facts.st_mode):
                    pending.append(path + b"/")
                elif stat.S_ISREG(facts.st_mode) and 0 < facts.st_size < limit:
                    yield SmallFile(key=key_of(path), size=facts.st_size)
