"""Access to a foreign root filesystem tree, as if chrooted into it.

Symlinks, including absolute ones and `..`, are resolved inside the tree and never lead outside.
Nobody else may change the tree at the same time: it is a frozen snapshot, or our own copy.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO, Final

from builder.basics.regular import open_regular, read_whole
from builder.inside.tree import tree_edit

_MOST_LINKS: Final = 40  # as the kernel's MAXSYMLINKS, include/linux/namei.h
_MEBIBYTE: Final = 1 << 20


class Tree:
    """A tree below `root`; its paths are written "/etc/fstab" or "etc/fstab".

    `clock` (seconds since 1970) dates what is written; without it the tree is read-only.
    `record` is called with "added", "changed" or "removed" and the real path inside the tree.
    Of the real paths that `keeps` is true for, none is removed.
    """

    def __init__(
        self,
        root: Path,
        *,
        clock: int | None = None,
        record: Callable[[str, str], None] | None = None,
        keeps: Callable[[str], bool] | None = None,
    ) -> None:
        self.root = root.resolve()
        self._clock = clock
        self._record = _ignore if record is None else record
        self._keeps = keeps

    # Finding

    def resolve(self, path: str) -> Path:
        """Return where `path` really is, every symlink followed inside the tree.

        Missing components are kept as they are. Raises OSError (ELOOP) for a symlink loop.
        """
        return self._follow(path, last=True)

    def locate(self, path: str) -> Path:
        """Like `resolve`, but a symlink at the very end of `path` is not followed."""
        return self._follow(path, last=False)

    def inner(self, real: Path) -> str:
        """Return the path inside the tree ("/etc/fstab") of a path that `resolve` returned."""
        return f"/{real.relative_to(self.root).as_posix()}" if real != self.root else "/"

    def _follow(self, path: str, *, last: bool) -> Path:
        waiting = _parts(path)
        root = os.fspath(self.root).rstrip("/")
        inner = ""  # text, as thousands of snapshots are looked into by this
        links = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                inner = inner.rpartition("/")[0]
                continue
            step = f"{inner}/{part}"
            target = _link_target(root + step) if waiting or last else None
            if target is None:
                inner = step
                continue
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if target.startswith("/"):
                inner = ""
            waiting.extend(_parts(target))
        return Path(root + inner) if inner else self.root

    # Reading

    def exists(self, path: str) -> bool:
        """Whether `path` leads to anything inside the tree."""
        return self._status(path) is not None

    def is_dir(self, path: str) -> bool:
        """Whether `path` leads to a directory."""
        status = self._status(path)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def is_file(self, path: str) -> bool:
        """Whether `path` leads to a regular file."""
        status = self._status(path)
        return status is not None and stat.S_ISREG(status.st_mode)

    def _status(self, path: str) -> os.stat_result | None:
        try:
            return self.resolve(path).lstat()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
                return None
            raise

    def open(self, path: str) -> BinaryIO:
        """Open the regular file `path` for reading; OSError for anything else."""
        return open_regular(self.resolve(path))

    def read_bytes(self, path: str, *, limit: int = _MEBIBYTE) -> bytes:
        """Return the regular file `path`; OSError for anything else or more than `limit` bytes."""
        return read_whole(self.resolve(path), limit=limit)

    def read_text(self, path: str, *, limit: int = _MEBIBYTE) -> str:
        """Like `read_bytes`, as UTF-8; what is not UTF-8 becomes U+FFFD."""
        return self.read_bytes(path, limit=limit).decode("utf-8", errors="replace")

    def link_target(self, path: str) -> str | None:
        """Return the literal target of the symlink `path`; None if it is not a symlink."""
        return _link_target(os.fspath(self.locate(path)))

    def listdir(self, path: str) -> list[str]:
        """Return the sorted names in the directory `path`; empty if it is not a directory."""
        if not self.is_dir(path):
            return []
        return sorted(entry.name for entry in self.resolve(path).iterdir())

    def glob(self, path: str, pattern: str) -> list[str]:
        """Return the paths of the entries of directory `path` whose names match `pattern`."""
        top = "/" + "/".join(reversed(_parts(path)))
        return [
            f"{top.rstrip('/')}/{name}" for name in self.listdir(path) if fnmatchcase(name, pattern)
        ]

    def walk(self, path: str = "/") -> Iterator[tuple[str, os.stat_result]]:
        """Yield everything at and below `path` with its lstat: sorted, parents first.

        No symlink below `path` is followed; paths are the real ones inside the tree.
        """
        waiting = [self.resolve(path)]
        while waiting:
            real = waiting.pop()
            status = real.lstat()
            yield self.inner(real), status
            if stat.S_ISDIR(status.st_mode):
                waiting.extend(sorted(real.iterdir(), reverse=True))

    # Changing

    def write(self, path: str, data: bytes, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """Write a regular file at `path`; an existing entry, even a symlink, is replaced.

        Missing parents are created (0755). Raises OSError for a directory at `path`, and where
        something else is mounted in the tree.
        """
        real = self._target(path)
        self._make_parents(real.parent)
        change = "changed" if os.path.lexists(real) else "added"
        tree_edit.replace_file(real, data, mode=mode, uid=uid, gid=gid, clock=self._now())
        self._record(change, self.inner(real))

    def make_directory(self, path: str, *, mode: int, uid: int = 0, gid: int = 0) -> None:
        """Make a directory at `path`, where nothing may be; its parents as `write` does.

        Raises OSError as `write` does, and for anything at `path`.
        """
        real = self._target(path)
        self._make_parents(real.parent)
        tree_edit.make_directory(real, clock=self._now(), mode=mode, uid=uid, gid=gid)
        self._record("added", self.inner(real))

    def symlink(self, path: str, target: str) -> None:
        """Make a symlink to `target` at `path`; an existing file or symlink is replaced.

        Missing parents are created (0755). Raises OSError as `write` does.
        """
        real = self._target(path)
        self._make_parents(real.parent)
        change = "changed" if os.path.lexists(real) else "added"
        tree_edit.replace_link(real, target, clock=self._now())
        self._record(change, self.inner(real))

    def remove(self, path: str) -> bool:
        """Remove a file, a symlink (not its target) or a whole directory.

        What is to be kept stays, with the directories above it. Returns whether anything was
        removed. Raises OSError (EXDEV), before anything is removed, if something else is mounted
        inside.
        """
        real = self._target(path)
        if not os.path.lexists(real):
            return False
        self._refuse_crossing(real.parent)
        return self._remove(real)

    def empty(self, path: str) -> bool:
        """Remove everything in directory `path`, which keeps its owner, mode and times.

        Returns whether there was anything; a missing directory is empty. Raises OSError as
        `remove` does, and for anything but a directory.
        """
        self._now()
        if not self.exists(path):
            return False
        real = self.resolve(path)
        self._refuse_crossing(real)
        if self._has_kept(real):
            return self._remove_around(real)
        children = tree_edit.remove_children(real)
        for child in children:
            self._record("removed", self.inner(child))
        return bool(children)

    def is_kept(self, path: str) -> bool:
        """Whether `path`, or where it leads to, is to be kept: it is neither removed nor emptied.

        Raises OSError (ELOOP) for a symlink loop.
        """
        return any(self._is_kept(real) for real in (self.locate(path), self.resolve(path)))

    def _is_kept(self, real: Path) -> bool:
        return self._keeps is not None and self._keeps(self.inner(real))

    def _has_kept(self, real: Path) -> bool:
        """Whether `real`, or anything in it, is to be kept."""
        if self._keeps is None:
            return False
        waiting = [real]
        while waiting:
            entry = waiting.pop()
            if self._is_kept(entry):
                return True
            if stat.S_ISDIR(entry.lstat().st_mode):
                waiting.extend(entry.iterdir())
        return False

    def _remove(self, real: Path) -> bool:
        if self._has_kept(real):
            return self._remove_around(real)
        tree_edit.remove_entry(real)
        self._record("removed", self.inner(real))
        return True

    def _remove_around(self, real: Path) -> bool:
        """Remove what is in the directory `real`, except what is to be kept."""
        if self._is_kept(real):
            return False
        tree_edit.refuse_mounts(real)
        removed = [self._remove(child) for child in sorted(real.iterdir())]
        return any(removed)

    def _target(self, path: str) -> Path:
        self._now()
        if _parts(path)[:1] in ([], [".."]):
            raise OSError(errno.EINVAL, "not the path of an entry", path)
        return self.locate(path)

    def _now(self) -> int:
        if self._clock is None:
            raise OSError(errno.EROFS, "this tree is read-only", str(self.root))
        return self._clock

    def _make_parents(self, directory: Path) -> None:
        missing = []
        while not os.path.lexists(directory):
            missing.append(directory)
            directory = directory.parent
        self._refuse_crossing(directory)
        for path in reversed(missing):
            tree_edit.make_directory(path, clock=self._now())
            self._record("added", self.inner(path))

    def _refuse_crossing(self, directory: Path) -> None:
        if directory.lstat().st_dev != self.root.lstat().st_dev:
            raise tree_edit.crossing(directory)


def _parts(path: str) -> list[str]:
    """Return the components of `path`, the last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _link_target(path: str) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115 - see above
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):  # not a symlink, or missing
            return None
        raise


def _ignore(_change: str, _path: str) -> None:
    pass
