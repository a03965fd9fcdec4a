"""What a rule is, and how it is carried out on a tree."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.tree.tree import Tree

_WILDCARDS: Final = "*?["
_LARGEST: Final = 16 << 20  # bytes of a text file that is edited


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something the user should know; a template of `builder.basics.texts` and its values."""

    message: str
    values: tuple[tuple[str, str], ...] = ()


Edit = Callable[[Tree, LiveSettings], tuple[Warned, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One reason to change the copy, and what is done for it.

    Paths are patterns as in a shell, matched inside the tree; `/dir/*` spares the directory.
    First the entries `removes` go, then the files `empties` are cut to nothing (owner and mode
    stay), then `edit` runs; `edits` names for readers what it may write.
    """

    name: str
    reason: str
    removes: tuple[str, ...] = ()
    empties: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    edit: Edit | None = None

    def apply(self, tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
        """Carry the rule out; returns what the user should know about it."""
        for path in expand(tree, self.removes):
            tree.remove(path)
        for path in expand(tree, self.empties):
            cut(tree, path)
        return self.edit(tree, live) if self.edit else ()


def expand(tree: Tree, patterns: tuple[str, ...]) -> list[str]:
    """Return the paths in the tree that match; a path without wildcards only if it is there."""
    return [path for pattern in patterns for path in _matches(tree, pattern)]


def _matches(tree: Tree, pattern: str) -> Iterator[str]:
    found = [""]
    for part in pattern.strip("/").split("/"):
        if any(sign in part for sign in _WILDCARDS):
            found = [path for above in found for path in tree.glob(above or "/", part)]
        else:
            found = [f"{above}/{part}" for above in found]
    return (path for path in found if os.path.lexists(tree.locate(path)))


def cut(tree: Tree, path: str) -> None:
    """Make the file `path` empty, keeping owner and mode; a symlink becomes an empty file."""
    status = tree.locate(path).lstat()
    if stat.S_ISREG(status.st_mode):
        if status.st_size:
            _put(tree, path, b"", status)
    elif not stat.S_ISDIR(status.st_mode):
        tree.remove(path)
        add(tree, path, b"")


def lines_of(tree: Tree, path: str) -> list[str] | None:
    """Return the lines of a text file, ends kept; None where there is none that can be read.

    Bytes that are not UTF-8 survive the way back through `put_lines`.
    """
    if not tree.is_file(path):
        return None
    content = tree.read_bytes(path, limit=_LARGEST)
    return content.decode("utf-8", errors="surrogateescape").splitlines(keepends=True)


def put_lines(tree: Tree, path: str, lines: list[str]) -> None:
    """Put the lines in place of the file's own, if they differ, keeping owner and mode.

    A symlink stays, and the file it leads to is written.
    """
    if lines == lines_of(tree, path):
        return
    real = tree.resolve(path)
    data = "".join(lines).encode("utf-8", errors="surrogateescape")
    _put(tree, tree.inner(real), data, real.lstat())


def add(tree: Tree, path: str, data: bytes, *, mode: int = 0o644) -> None:
    """Put a file of root's at `path`, in place of whatever is there."""
    uid, gid = _owner()
    real = tree.locate(path)
    if os.path.lexists(real) and stat.S_ISDIR(real.lstat().st_mode):
        tree.remove(path)
    tree.write(path, data, mode=mode, uid=uid, gid=gid)


def _put(tree: Tree, path: str, data: bytes, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    tree.write(path, data, mode=mode, uid=status.st_uid, gid=status.st_gid)


def _owner() -> tuple[int, int]:
    """Root, or whoever runs this where files cannot be given away."""
    return (0, 0) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
