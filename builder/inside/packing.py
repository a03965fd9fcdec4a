"""Which small files share a fragment block, so that a change of a few files moves few of the rest.

mksquashfs puts the files that are smaller than a block one after the other into fragment blocks.
A file more or less moves all that follow it, so half of the blocks differ after an update of a
few packages. Here the sorted paths are cut into groups at common beginnings, and each group fills
blocks of its own: a change moves its group only. The groups follow from the paths and sizes of
the tree and from nothing else. They are written as a file of mksquashfs actions
(`-action-file`, squashfs-tools 4.6; the first action that matches a file decides).
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

# A group of more than `split` bytes is cut, and no part of less than a quarter of that comes off
# it: smaller groups leave more blocks half full, larger ones move more.
_SPLIT: Final = 2 << 20
_MOST: Final = 128  # times `split`: mksquashfs tries the groups one after the other for each file

_RANGE: Final = tuple(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
# Whatever means something to mksquashfs or to fnmatch(3) in its quoted patterns, and more.
_UNSAFE: Final = re.compile(rb"[^A-Za-z0-9._/:=~-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallFile:
    """A file that goes into a fragment block; `path` is relative to the tree."""

    path: bytes
    size: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The files whose paths go on after `beginning` with a byte from `first` to `last`."""

    beginning: bytes
    first: int
    last: int

    def action(self) -> bytes:
        """Return the line for mksquashfs; a byte that could mean more there fits any byte."""
        beginning = _UNSAFE.sub(b"?", self.beginning)
        following = _UNSAFE.sub(b"?", bytes([self.first]))
        if self.first != self.last:
            following = b"[%c-%c]" % (self.first, self.last)
        return b'fragment(group)@subpathname("/%s%s*")\n' % (beginning, following)


def write_actions(root: Path, target: Path, *, block_size: int) -> None:
    """Write the actions for the tree at `root`."""
    files = sorted(_small_files(root, block_size), key=lambda file: file.path)
    target.write_bytes(b"".join(group.action() for group in grouped(files)))


def grouped(files: Sequence[SmallFile]) -> list[Group]:
    """Return the groups; `files` come in the order of their paths.

    A file belongs to the first group that it fits, and to the rest where it fits none.
    """
    split = _SPLIT
    while _size(files) > split * _MOST:
        split *= 2
    return list(_cut(files, split))


def _cut(files: Sequence[SmallFile], split: int) -> Iterator[Group]:
    """Yield what comes off by the first byte in which the paths differ, the finest first."""
    if len(files) < 2 or _size(files) <= split:
        return
    length = _common(files[0].path, files[-1].path)
    beginning = files[0].path[:length]
    rest: dict[int, int] = {}
    for following, members in groupby(files, key=lambda file: file.path[length : length + 1]):
        part = list(members)
        byte = following[0] if following else 0
        if _size(part) * 4 >= split:
            yield from _cut(part, split)
            yield Group(beginning=beginning, first=byte, last=byte)
        else:
            rest[byte] = _size(part)
    yield from _ranges(beginning, rest, _RANGE, split)


def _ranges(
    beginning: bytes, sizes: dict[int, int], letters: Sequence[int], split: int
) -> Iterator[Group]:
    """Yield halves of the alphabet, and halves of these, as long as there is much in them."""
    if len(letters) < 2 or sum(sizes.get(byte, 0) for byte in letters) <= split:
        return
    middle = len(letters) // 2
    for half in (letters[:middle], letters[middle:]):
        if sum(sizes.get(byte, 0) for byte in half) * 4 >= split:
            yield from _ranges(beginning, sizes, half, split)
            yield Group(beginning=beginning, first=half[0], last=half[-1])


def _size(files: Sequence[SmallFile]) -> int:
    return sum(file.size for file in files)


def _common(one: bytes, other: bytes) -> int:
    """Return how many bytes two different paths have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _small_files(root: Path, block_size: int) -> Iterator[SmallFile]:
    top = os.fsencode(root)
    pending = [b""]
    while pending:
        folder = pending.pop()
        with os.scandir(os.path.join(top, folder)) as entries:  # noqa: PTH118 - bytes
            for entry in entries:
                path = folder + entry.name
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(facts.st_mode):
                    pending.append(path + b"/")
                elif stat.S_ISREG(facts.st_mode) and 0 < facts.st_size < block_size:
                    yield SmallFile(path=path, size=facts.st_size)
