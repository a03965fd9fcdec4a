"""Mounts in a tree what its programs need of a running system."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from builder.inside.system.system import System
from builder.inside.tree.tree import Tree

# Devices that every program may expect: Linux' Documentation/admin-guide/devices.txt
_DEVICES: Final = (
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
)
_LINKS: Final = (
    ("fd", "/proc/self/fd"),
    ("stdin", "fd/0"),
    ("stdout", "fd/1"),
    ("stderr", "fd/2"),
)
# `builder.inside.system.enter` covers the first two with those of a machine of our own. What is in
# the others is in memory until they are unmounted, even if whoever wrote it was ended.
_MOUNTS: Final = (  # kind, where, options
    ("proc", "/proc", ("ro", "nosuid", "nodev", "noexec")),
    ("tmpfs", "/sys", ("ro", "nosuid", "nodev", "noexec")),
    ("tmpfs", "/dev", ("mode=0755", "nosuid", "size=1m", "nr_inodes=1k")),
    ("tmpfs", "/tmp", ("mode=1777", "nosuid", "nodev", "size=1g", "nr_inodes=100k")),  # noqa: S108
    ("tmpfs", "/run", ("mode=0755", "nosuid", "nodev", "size=16m", "nr_inodes=10k")),
)


@contextmanager
def inhabited(tree: Tree, system: System) -> Iterator[None]:
    """Mount in the tree what a chroot needs of a running system; unmount it at the end."""
    with ExitStack() as stack:
        for kind, path, options in _MOUNTS:
            target = _mount_point(tree, path)
            stack.enter_context(system.mounted(kind, target, kind=kind, options=options))
            if path == "/dev":
                _make_devices(target, system, stack)
        yield


def _mount_point(tree: Tree, path: str) -> Path:
    """Return a real directory: mounting on a symlink could affect something outside the tree."""
    real = tree.locate(path)
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(real.lstat().st_mode):
            return real
        tree.remove(path)
    real.mkdir()
    return real


def _make_devices(directory: Path, system: System, stack: ExitStack) -> None:
    for name, major, minor in _DEVICES:
        device = directory / name
        try:
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        except PermissionError:  # of an engine without root: the container's own are shown there
            device.touch()
            stack.enter_context(
                system.mounted(f"/dev/{name}", device, kind="none", options=("bind",))
            )
        else:
            device.chmod(0o666)
    for name, target in _LINKS:
        (directory / name).symlink_to(target)
    for name in ("pts", "shm"):
        (directory / name).mkdir()
