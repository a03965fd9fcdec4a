"""What of a tree is to be searched: files by their paths, and the names of everything.

Of a million entries, little more than their paths is kept.
"""

import contextlib
import os
import re
import stat
import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.regular import open_regular
from builder.inside.search.derived import is_derived, moved_folders
from builder.inside.tree.tree import Tree

ARROW: Final = b" -> "
_COMPILED: Final = re.compile(
    rb"(.*/)__pycache__/([^/]+?)\.cpython-\d+(?:\.opt-\d)?\.pyc", re.DOTALL
)
_BYTECODE: Final = struct.Struct("<4sIII")  # PEP 552: magic, flags, date and size of the source
_WORD: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Paths begin with a slash, and are in the order of a walk."""

    files: Sequence[bytes]  # regular ones with content, each under one name
    names: Sequence[bytes]  # of what is no package's, links with their targets behind an ARROW


def listing(root: Path, *, owned: Collection[bytes]) -> Listing:
    """List the tree at `root`, of which packages have `owned`.

    Files that were made from others which are there, or from packages alone, are not listed.
    """
    top, moved = os.fsencode(root), moved_folders(Tree(root))
    sources: dict[bytes, tuple[int, int]] = {}  # date and size of Python's
    compiled: list[tuple[bytes, os.stat_result]] = []
    files: list[bytes] = []
    names: list[bytes] = []
    seen: set[tuple[int, int]] = set()
    for path, status in _walk(top):
        if _COMPILED.fullmatch(path):
            compiled.append((path, status))
            continue
        if path.endswith(b".py"):
            sources[path] = int(status.st_mtime) & _WORD, status.st_size & _WORD
        if is_derived(path, moved):
            continue
        if path not in owned:
            names.append(path + _target(top + path, status))
        if _is_first(status, seen):
            files.append(path)
    for path, status in compiled:
        source = source_of(path)
        if (source in sources or source in owned) and not _is_outdated(
            top + path, None if source in owned else sources.get(source or b"")
        ):
            continue
        names += [path] if path not in owned else []
        if _is_first(status, seen):
            files.append(path)
    return Listing(files=files, names=names)


def is_made(path: bytes, present: Collection[bytes]) -> bool:
    """Whether a file was made from others that are `present`, or from packages alone."""
    return source_of(path) in present or is_derived(path)


def source_of(path: bytes) -> bytes | None:
    """Return where the source of compiled Python is; None for anything else."""
    made = _COMPILED.fullmatch(path)
    return made[1] + made[2] + b".py" if made else None


def _is_outdated(path: bytes, source: tuple[int, int] | None) -> bool:
    """Whether compiled Python is of another state of its `source` than the one that is there."""
    if source is None:
        return False
    with contextlib.suppress(OSError), open_regular(Path(os.fsdecode(path))) as file:
        start = file.read(_BYTECODE.size).ljust(_BYTECODE.size)
        _magic, flags, changed, size = _BYTECODE.unpack(start)
        return flags != 0 or (changed, size) != source
    return True


def _walk(top: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    waiting = [b""]
    while waiting:
        above = waiting.pop()
        with os.scandir(top + (above or b"/")) as listed:
            for entry in sorted(listed, key=lambda each: each.name):
                status = entry.stat(follow_symlinks=False)
                yield above + b"/" + entry.name, status
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(above + b"/" + entry.name)


def _is_first(status: os.stat_result, seen: set[tuple[int, int]]) -> bool:
    """Whether it is a regular file with content under a name that is the first of its inode."""
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        return False
    if status.st_nlink > 1:
        inode = (status.st_dev, status.st_ino)
        if inode in seen:
            return False
        seen.add(inode)
    return True


def _target(path: bytes, status: os.stat_result) -> bytes:
    if not stat.S_ISLNK(status.st_mode):
        return b""
    return ARROW + os.readlink(path)  # noqa: PTH115 - a Path has no bytes
