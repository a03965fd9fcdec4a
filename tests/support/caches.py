"""Caches on this machine: copies of the demo cache, mounted or laid out on a plain file system."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

BASE = "SysLinuxOS_backup"
ROOTFS = ".rootfs_cache"
PREFIX = f"distroclone-tests-{os.getpid()}-"


def command(*words: object) -> str:
    """Run a tool and return what it printed; its errors fail the test."""
    argv = [str(word) for word in words]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


@contextmanager
def mounted_copy(image: Path) -> Iterator[Path]:
    """Mount a writable copy of a cache image of its own file system id; yield the cache base."""

    def copy(target: Path) -> None:
        command("cp", "--sparse=always", image, target)
        command("btrfstune", "-m", target)

    with _mounted(copy) as mount:
        yield mount / BASE


@contextmanager
def mounted_ext4(size: int = 2 << 30) -> Iterator[Path]:
    """Mount an empty ext4 of that many bytes."""
    with _mounted(lambda target: _make(target, size, "mkfs.ext4", "-q")) as mount:
        yield mount


@contextmanager
def mounted_xfs(size: int) -> Iterator[Path]:
    """Mount an empty xfs of that many bytes, 300 MiB at least."""
    with _mounted(lambda target: _make(target, size, "mkfs.xfs", "-q")) as mount:
        yield mount


def _make(target: Path, size: int, *tool: str) -> None:
    with target.open("wb") as stream:
        stream.truncate(size)
    command(*tool, target)


@contextmanager
def mounted_btrfs(size: int) -> Iterator[Path]:
    """Mount an empty btrfs of that many bytes, in the file `image_of` names."""
    with _mounted(lambda target: _make(target, size, "mkfs.btrfs", "--quiet")) as mount:
        yield mount


def image_of(mount: Path) -> Path:
    """Return the file that holds a volume that is mounted by one of these."""
    return mount.with_name("volume.img")


@contextmanager
def after_a_power_cut(mount: Path) -> Iterator[Path]:
    """Mount what is on the disk of a volume now, and not what the kernel still has in memory."""

    def copy(target: Path) -> None:
        command("cp", "--sparse=always", image_of(mount), target)
        command("umount", mount)  # which writes the rest; two with one id are never mounted at once

    try:
        with _mounted(copy) as again:
            yield again
    finally:
        command("mount", "-o", "loop,noatime", image_of(mount), mount)


@contextmanager
def _mounted(make: Callable[[Path], None]) -> Iterator[Path]:
    with ExitStack() as undo:
        place = Path(tempfile.mkdtemp(prefix=PREFIX))
        undo.callback(place.rmdir)
        image, mount = place / "volume.img", place / "volume"
        undo.callback(image.unlink, missing_ok=True)
        make(image)
        mount.mkdir()
        undo.callback(mount.rmdir)
        command("mount", "-o", "loop,noatime", image, mount)
        undo.callback(command, "umount", mount)  # frees the loop device as well
        yield mount


@contextmanager
def made_place() -> Iterator[Path]:
    """Make a folder that every user may enter; it is gone afterwards."""
    with ExitStack() as undo:
        place = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/var/tmp"))
        undo.callback(shutil.rmtree, place)
        place.chmod(0o755)
        yield place


@contextmanager
def plain_copy(base: Path) -> Iterator[Path]:
    """Copy the cache of a mounted cache to plain directories; yield the new base."""
    with made_place() as place:
        rootfs = place / ROOTFS
        rootfs.mkdir()
        entries = (path for path in (base / ROOTFS).iterdir() if path.name != ".snapshots")
        command("cp", "--archive", "--sparse=always", *entries, rootfs)
        (rootfs / ".snapshots").mkdir(mode=0o750)
        shutil.copy2(base / ".backup_meta", place)
        yield place


@contextmanager
def small_tmpfs(size: str) -> Iterator[Path]:
    """Mount an empty tmpfs of that size."""
    with ExitStack() as undo:
        place = Path(tempfile.mkdtemp(prefix=PREFIX))
        undo.callback(place.rmdir)
        command("mount", "-t", "tmpfs", "-o", f"size={size}", "none", place)
        undo.callback(command, "umount", place)
        yield place


def frozen(base: Path) -> list[str]:
    """Return the names of the frozen snapshots beside a cache."""
    return sorted(path.name for path in base.glob(".distroclone-builder-*"))
