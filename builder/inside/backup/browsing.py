"""Lists what a snapshot has at a path, finds names in it, and compares it with an earlier one.

Nothing is opened but folders. Paths are found in the snapshot's own tree: a link in it never leads
out of it.
"""

import contextlib
import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from builder.basics.errors import SourceError
from builder.basics.printable import clean, short
from builder.border import paths
from builder.border.backups import BrowseRequest, Change, ListedEntry, Listing
from builder.formats.inventory import EntryType
from builder.inside.backup.system import still_there
from builder.inside.source.scan import SNAPSHOTS
from builder.inside.source.unfinished import MARK
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree

_TYPES: Final = {
    stat.S_IFDIR: EntryType.DIRECTORY, stat.S_IFREG: EntryType.FILE, stat.S_IFLNK: EntryType.LINK,
    stat.S_IFIFO: EntryType.FIFO, stat.S_IFSOCK: EntryType.SOCKET,
    stat.S_IFCHR: EntryType.CHARACTER, stat.S_IFBLK: EntryType.BLOCK,
}  # fmt: skip
_NOT_OF_THE_SYSTEM: Final = frozenset(map(os.fsencode, (SNAPSHOTS, MARK)))  # at its top
_WILDCARDS: Final = frozenset("*?[")
_MOST_NAMED: Final = 5

_Found = tuple[bytes, bytes, os.stat_result, Change | None]  # path, tree, status


def browse(
    request: BrowseRequest,
    *,
    system: System,
    source: Path = paths.SOURCE,
    earlier: Path = paths.EARLIER,
) -> Listing:
    """List what the request names. Raises SourceError where there is nothing at its path."""
    others = (earlier,) if request.compared else ()
    walk = _Walk((source, *others))
    fits = fitting(request.pattern)
    entries, count = list[ListedEntry](), 0
    with still_there(source), _not_emptied(others):
        for path, tree, status, change in _found(request, walk):
            if not fits(os.fsdecode(path)):
                continue
            count += 1
            if count <= request.most:
                entries.append(_entry(path, tree, status, change))
    if walk.unreadable:
        system.note(
            "{count} folders cannot be read, so what is in them is missing here: {paths}",
            warning=True,
            count=len(walk.unreadable),
            paths=", ".join(clean(os.fsdecode(each)) for each in walk.unreadable[:_MOST_NAMED]),
        )
    return Listing(entries=tuple(entries), count=count)


def fitting(pattern: str | None) -> Callable[[str], bool]:
    """Return whether a path, "/etc/fstab", is one that is looked for.

    A pattern with "/" is for the whole path, any other for the last name. It has the wildcards of a
    shell; one without is found anywhere in the name. Capitals are the same as small letters.
    """
    if pattern is None:
        return lambda _path: True
    wanted = pattern.casefold()
    if not _WILDCARDS & set(wanted):
        wanted = f"*{wanted}*"
    matches = re.compile(fnmatch.translate(wanted)).match
    if "/" in pattern:
        return lambda path: matches(path.casefold()) is not None
    return lambda path: matches(path.rpartition("/")[2].casefold()) is not None


def _found(request: BrowseRequest, walk: "_Walk") -> Iterator[_Found]:
    path = _real_path(request, walk.trees)
    if request.compared:
        return walk.differing(path)
    return walk.below(path, deep=request.pattern is not None)


def _real_path(request: BrowseRequest, trees: tuple[bytes, ...]) -> bytes:
    """Return where the path leads to in the first of the trees that has it: "" or "/usr/bin"."""
    for each in trees:
        tree = Tree(Path(os.fsdecode(each)))
        for find in (tree.resolve, tree.locate):
            with contextlib.suppress(OSError):  # a loop of links; a part that is too long
                if os.path.lexists(real := find(request.path)):
                    return os.fsencode(tree.inner(real)).rstrip(b"/")
    raise SourceError(
        "{path} is not in the snapshot",
        hint="Paths begin at the root of the system, e.g. /etc/ssh. Look for a name with --find.",
        path=short(request.path),
    )


class _Walk:
    """Goes through a tree, or two of them side by side: a newer one and an earlier one."""

    def __init__(self, trees: tuple[Path, ...]) -> None:
        self.trees = tuple(os.fsencode(each.resolve()) for each in trees)
        self.unreadable = list[bytes]()
        self._devices = [os.lstat(each).st_dev for each in self.trees]

    def below(self, path: bytes, *, deep: bool) -> Iterator[_Found]:
        """Yield what is in the folder, not the folder; anything else is there by itself."""
        tree = self.trees[0]
        if (status := _status(tree, path)) and not self._is_folder(0, status):
            yield path, tree, status, None
            return
        waiting = self._inside(0, path)
        while waiting:
            each = waiting.pop()
            if (status := _status(tree, each)) is None:
                continue
            yield each, tree, status, None
            if deep and self._is_folder(0, status):
                waiting += self._inside(0, each)

    def differing(self, path: bytes) -> Iterator[_Found]:
        """Yield what is different at and below a path, and whether it came, changed or went."""
        new, old = self.trees
        waiting = [path]
        while waiting:
            each = waiting.pop()
            now, then = _status(new, each), _status(old, each)
            if now and not then:
                yield each, new, now, Change.ADDED
            elif then and not now:
                yield each, old, then, Change.DELETED
            elif now and then and _differ(new + each, now, old + each, then):
                yield each, new, now, Change.CHANGED
            names = {
                name
                for number, status in enumerate((now, then))
                if status and self._is_folder(number, status)
                for name in self._inside(number, each)
            }
            waiting += sorted(names, reverse=True)

    def _is_folder(self, number: int, status: os.stat_result) -> bool:
        """Whether it is one to look into: another subvolume is empty in a snapshot."""
        return stat.S_ISDIR(status.st_mode) and status.st_dev == self._devices[number]

    def _inside(self, number: int, folder: bytes) -> list[bytes]:
        """Return the paths in a folder, the last one first; none where it cannot be read."""
        try:
            names = os.listdir(self.trees[number] + (folder or b"/"))  # noqa: PTH208 - bytes
        except OSError:
            self.unreadable.append(folder or b"/")
            return []
        own = frozenset[bytes]() if folder else _NOT_OF_THE_SYSTEM
        return [folder + b"/" + each for each in sorted(names, reverse=True) if each not in own]


def _status(tree: bytes, path: bytes) -> os.stat_result | None:
    try:
        return os.lstat(tree + (path or b"/"))
    except OSError:  # it is not there; a disk that gives no inode gives no folder either
        return None


def _differ(new: bytes, now: os.stat_result, old: bytes, then: os.stat_result) -> bool:
    """Whether two of one path differ, by what a copy keeps; contents by size and time alone.

    In snapshots of one subvolume a file that nobody touched has its inode, and the time of its
    last change, whatever that was of.
    """
    if (now.st_ino, now.st_ctime_ns) == (then.st_ino, then.st_ctime_ns):
        return False
    if (now.st_mode, now.st_uid, now.st_gid, now.st_rdev) != (
        then.st_mode, then.st_uid, then.st_gid, then.st_rdev,
    ):  # fmt: skip
        return True
    kind = stat.S_IFMT(now.st_mode)
    if kind == stat.S_IFREG and (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns):
        return True
    if kind == stat.S_IFLNK and _target(new) != _target(old):
        return True
    return _attributes(new) != _attributes(old)


def _target(path: bytes) -> bytes:
    try:
        return os.readlink(path)  # noqa: PTH115 - bytes
    except OSError:
        return b""


def _attributes(path: bytes) -> dict[str, bytes]:
    with contextlib.suppress(OSError):
        names = os.listxattr(path, follow_symlinks=False)
        return {each: os.getxattr(path, each, follow_symlinks=False) for each in names}
    return {}


def _entry(path: bytes, tree: bytes, status: os.stat_result, change: Change | None) -> ListedEntry:
    kind = stat.S_IFMT(status.st_mode)
    return ListedEntry(
        path=os.fsdecode(path or b"/"),
        type=_TYPES[kind],
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        size=status.st_size if kind == stat.S_IFREG else 0,
        mtime=status.st_mtime_ns // 10**9,
        target=os.fsdecode(_target(tree + path)) if kind == stat.S_IFLNK else "",
        change=change,
    )


@contextlib.contextmanager
def _not_emptied(trees: tuple[Path, ...]) -> Iterator[None]:
    """Raise SourceError where a snapshot was deleted during the body; it then reads as empty."""
    before = [sorted(each.iterdir()) for each in trees]
    yield
    if [sorted(each.iterdir()) for each in trees] != before:
        raise SourceError(
            "The earlier snapshot was deleted or changed while it was being read",
            hint="Choose another one with --changed-since; `distroclone-builder snapshots` lists "
            "them.",
        )
