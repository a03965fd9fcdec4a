"""Changes to a foreign tree, on paths that `builder.inside.tree.tree` has resolved.

Nothing here follows a symlink, crosses a mount point, or leaves the current time in the tree.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from builder.inside.linux.mounts import mount_points_below


@contextmanager
def kept_times(directory: Path) -> Iterator[None]:
    """Restore the access and modification times of `directory` at the end."""
    before = directory.lstat()
    try:
        yield
    finally:
        os.utime(directory, ns=(before.st_atime_ns, before.st_mtime_ns), follow_symlinks=False)


def make_directory(
    path: Path, *, clock: int, mode: int = 0o755, uid: int = -1, gid: int = -1
) -> None:
    """Make the one directory `path`, dated `clock` (seconds since 1970).

    It belongs to whoever runs this, unless `uid` and `gid` say otherwise.
    """
    with kept_times(path.parent):
        path.mkdir()
        os.chown(path, uid, gid)
        path.chmod(mode)  # mkdir's own mode is subject to the umask
        os.utime(path, (clock, clock))


def replace_file(path: Path, data: bytes, *, mode: int, uid: int, gid: int, clock: int) -> None:
    """Put a new regular file at `path`, replacing any file, symlink or special file.

    Raises OSError for a directory at `path`. The replacement is atomic.
    """
    with _draft_for(path) as draft:
        _write_new(draft, data, mode=mode, uid=uid, gid=gid, clock=clock)


def replace_link(path: Path, target: str, *, clock: int) -> None:
    """Put a symlink to `target` at `path`, as `replace_file` does for a file."""
    with _draft_for(path) as draft:
        draft.symlink_to(target)
        os.utime(draft, (clock, clock), follow_symlinks=False)


@contextmanager
def _draft_for(path: Path) -> Iterator[Path]:
    """Yield a temporary name next to `path`; what the body makes there replaces `path`."""
    if path.is_dir() and not path.is_symlink():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with kept_times(path.parent):
        draft = path.with_name(f".new-{secrets.token_hex(8)}")
        try:
            yield draft
            draft.rename(path)
        except BaseException:
            with suppress(FileNotFoundError):
                draft.unlink()
            raise


def _write_new(path: Path, data: bytes, *, mode: int, uid: int, gid: int, clock: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fchown(stream.fileno(), uid, gid)
        os.fchmod(stream.fileno(), mode)  # after chown, which clears set-id bits
        os.utime(stream.fileno(), (clock, clock))


def remove_entry(path: Path) -> None:
    """Remove the file, symlink or whole directory at `path`.

    Raises OSError (EXDEV), before anything is removed, for a mount point at or below it.
    """
    with kept_times(path.parent):
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return
        refuse_mounts(path)
        directories, others = _contents(path)
        for other in others:
            other.unlink()
        for directory in reversed(directories):
            directory.rmdir()


def remove_children(directory: Path) -> list[Path]:
    """Remove everything in `directory`, but not itself; return its former entries, sorted.

    Raises OSError (EXDEV), before anything is removed, for a mount point at or below it.
    """
    refuse_mounts(directory)
    with kept_times(directory):
        _contents(directory)
        children = sorted(directory.iterdir())
        for child in children:
            remove_entry(child)
    return children


def _contents(top: Path) -> tuple[list[Path], list[Path]]:
    """Return the directories (parents first) and everything else at and below `top`."""
    device = top.lstat().st_dev
    directories: list[Path] = []
    others: list[Path] = []
    waiting = [top]
    while waiting:
        directory = waiting.pop()
        if directory.lstat().st_dev != device:
            raise crossing(directory)
        directories.append(directory)
        with os.scandir(directory) as entries:
            for entry in entries:
                is_directory = entry.is_dir(follow_symlinks=False)
                (waiting if is_directory else others).append(Path(entry.path))
    return directories, others


def refuse_mounts(directory: Path) -> None:
    """Raise OSError (EXDEV) where something is mounted at or below `directory`.

    A bind mount from the same filesystem has the same st_dev: only mountinfo shows it.
    """
    if points := mount_points_below(directory):
        raise crossing(Path(points[0]))


def crossing(path: Path) -> OSError:
    """Return the error for a change that would reach another filesystem."""
    return OSError(errno.EXDEV, "something else is mounted here", str(path))
