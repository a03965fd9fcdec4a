"""A copy of a tree with all that a build may read, made in an order of its own."""

import os
import random
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

_SEED = 20260617


def shuffled_copy(source: Path, target: Path) -> None:
    """Copy the tree at `source` into the new folder `target`, entries in random order.

    Owners, modes, times, links, device nodes and extended attributes stay; holes are filled.
    """
    paths = list(_below(source))
    random.Random(_SEED).shuffle(paths)  # noqa: S311 - an order, no secret
    links: dict[tuple[int, int], Path] = {}
    target.mkdir()
    for path in paths:
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        _make(source / path, place, links)
    for path in (*sorted(paths, reverse=True), Path()):  # what is made in a folder dates it anew
        _dress(source / path, target / path)


def _below(top: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for folder, folders, files in os.walk(top, onerror=fail):
        for name in (*folders, *files):
            yield Path(folder, name).relative_to(top)


def _make(source: Path, target: Path, links: dict[tuple[int, int], Path]) -> None:
    status = source.lstat()
    if stat.S_ISDIR(status.st_mode):
        target.mkdir(exist_ok=True)
        return
    first = links.setdefault((status.st_dev, status.st_ino), target)
    if first != target:
        os.link(first, target, follow_symlinks=False)
    elif stat.S_ISLNK(status.st_mode):
        target.symlink_to(source.readlink())
    elif stat.S_ISREG(status.st_mode):
        shutil.copyfile(source, target)
    else:
        os.mknod(target, status.st_mode, status.st_rdev)


def _dress(source: Path, target: Path) -> None:
    status = source.lstat()
    os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        target.chmod(stat.S_IMODE(status.st_mode))
    for name in os.listxattr(source, follow_symlinks=False):
        value = os.getxattr(source, name, follow_symlinks=False)
        os.setxattr(target, name, value, follow_symlinks=False)
    times = (status.st_atime_ns, status.st_mtime_ns)
    os.utime(target, ns=times, follow_symlinks=False)
