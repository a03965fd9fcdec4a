"""What a rule is, and how it is applied to a tree."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import Gone, leads_to_new_key
from builder.inside.tree.tree import Tree

_WILDCARDS: Final = "*?["
_LINE: Final = re.compile(r"[^\n]*\n?")
_LARGEST: Final = (
    256 << 20
)  # bytes of a text file that is edited; a list of blocked hosts has 22 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something the user should know; a template of `builder.basics.texts` and its values."""

    message: str
    values: tuple[tuple[str, str], ...] = ()


Edit = Callable[[Tree, LiveSettings], tuple[Warned, ...]]
Follow = Callable[[Tree, Gone], tuple[Warned, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One reason to change the copy, and the changes.

    Paths are shell patterns, matched inside the tree; `/dir/*` keeps the directory itself.
    First the entries in `removes` are removed, then the files in `empties` are emptied (keeping
    owner and mode), then `edit` runs; `edits` lists, for the documentation, what it may write.
    A rule with `follow` instead looks for what refers to things that are gone by then.
    """

    name: str
    reason: str
    removes: tuple[str, ...] = ()
    empties: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    edit: Edit | None = None
    follow: Follow | None = None

    def apply(self, tree: Tree, live: LiveSettings, gone: Gone) -> tuple[Warned, ...]:
        """Apply the rule; return what the user should know about it."""
        for path in expand(tree, self.removes):
            if not leads_to_new_key(tree, path):
                tree.remove(path)
        for path in expand(tree, self.empties):
            truncate(tree, path)
        warned = self.edit(tree, live) if self.edit else ()
        return (*warned, *(self.follow(tree, gone) if self.follow else ()))


def expand(tree: Tree, patterns: tuple[str, ...]) -> list[str]:
    """Return the paths in the tree that match; a path without wildcards only if it exists."""
    return [path for pattern in patterns for path in _matches(tree, pattern)]


def _matches(tree: Tree, pattern: str) -> Iterator[str]:
    found = [""]
    for part in pattern.strip("/").split("/"):
        if any(sign in part for sign in _WILDCARDS):
            found = [path for above in found for path in tree.glob(above or "/", part)]
        else:
            found = [f"{above}/{part}" for above in found]
    return (path for path in found if os.path.lexists(tree.locate(path)))


def truncate(tree: Tree, path: str) -> None:
    """Empty the file `path`, keeping owner and mode; a symlink becomes an empty file.

    What the user wants to keep stays as it is.
    """
    if tree.is_kept(path):
        return
    status = tree.locate(path).lstat()
    if stat.S_ISREG(status.st_mode):
        if status.st_size:
            _replace(tree, path, b"", status)
    elif not stat.S_ISDIR(status.st_mode):
        tree.remove(path)
        add(tree, path, b"")


def lines_of(tree: Tree, path: str) -> list[str] | None:
    """Return the lines of a text file, with line ends; None if it cannot be read.

    Bytes that are not UTF-8 survive a round trip through `put_lines`.
    """
    if not tree.is_file(path):
        return None
    text = tree.read_bytes(path, limit=_LARGEST).decode("utf-8", errors="surrogateescape")
    # Not `splitlines`, for which a dozen more characters end a line, and for no Unix tool.
    return [line for line in _LINE.findall(text) if line]


def put_lines(tree: Tree, path: str, lines: list[str]) -> None:
    """Replace the lines of a file, if they differ, keeping owner and mode.

    A symlink stays, and its target is written.
    """
    if lines == lines_of(tree, path):
        return
    real = tree.resolve(path)
    data = "".join(lines).encode("utf-8", errors="surrogateescape")
    _replace(tree, tree.inner(real), data, real.lstat())


def add(tree: Tree, path: str, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file owned by root at `path`, replacing whatever is there."""
    uid, gid = _owner()
    real = tree.locate(path)
    if os.path.lexists(real) and stat.S_ISDIR(real.lstat().st_mode):
        tree.remove(path)
    tree.write(path, data, mode=mode, uid=uid, gid=gid)


def _replace(tree: Tree, path: str, data: bytes, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    tree.write(path, data, mode=mode, uid=status.st_uid, gid=status.st_gid)


def _owner() -> tuple[int, int]:
    """Root, or the current user where chown is not permitted."""
    return (0, 0) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
