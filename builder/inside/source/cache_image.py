"""A cache image: a file that contains a btrfs volume, mounted read-only in the container."""

import contextlib
import fcntl
import os
import stat
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from builder.basics.errors import SourceError, StepError
from builder.basics.printable import short
from builder.inside.linux import btrfs
from builder.inside.linux.mounts import mounts
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree

_LOOP_CTL_GET_FREE: Final = 0x4C82  # linux/loop.h
_LOOP_MAJOR: Final = 7  # Documentation/admin-guide/devices.txt
_LOOP_DEVICES: Final = Path("/sys/block")
_ATTEMPTS: Final = 5
_PASSING: Final = ("loop device", "busy", "No such file")  # messages of mount

# btrfs's first superblock (btrfs-progs, kernel-shared/uapi/btrfs_tree.h, btrfs_super_block)
_SUPERBLOCK: Final = 64 * 1024
_FIELDS: Final = struct.Struct("<64x8s40xQ16xQ")  # magic, total_bytes, num_devices
_MAGIC: Final = b"_BHRfS_M"


@contextlib.contextmanager
def mounted(
    image: Path, target: Path, *, system: System, subvolume: str | None = None
) -> Iterator[None]:
    """Mount the volume in `image`, or one `subvolume` of it, read-only at `target`.

    The loop device detaches itself on unmounting, even when the container is killed. The log tree
    of a volume that was not unmounted cleanly is not replayed: its last commit is read. Raises
    SourceError when the file does not contain a btrfs volume that can be mounted, or not that
    subvolume.
    """
    check(image)
    target.mkdir(parents=True, exist_ok=True)
    # By its number: a path may contain what would end an option, or begin another one.
    options = ["ro", "loop", "rescue=nologreplay"]
    if subvolume is not None:
        with _volume(image, target, system=system, options=options):
            options.append(f"subvolid={_number(target, subvolume)}")
    with _volume(image, target, system=system, options=options):
        yield


@contextlib.contextmanager
def _volume(image: Path, target: Path, *, system: System, options: Sequence[str]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for attempt in range(1, _ATTEMPTS + 1):
            make_loop_devices()
            try:
                stack.enter_context(
                    system.mounted(os.fspath(image), target, kind="btrfs", options=options)
                )
                break
            except StepError as error:
                taken_by_another = any(words in line for line in error.output for words in _PASSING)
                if not taken_by_another or attempt == _ATTEMPTS:
                    raise _unusable(error) from error
                time.sleep(0.2 * attempt)  # another container's loop device comes or goes
        _check_read_only(target)
        yield


def _number(top: Path, path: str) -> int:
    """Return the id of the subvolume at `path` in the volume whose top level is at `top`."""
    try:
        found = btrfs.subvolume(Tree(top).locate(path))
    except OSError:  # a file in the place of a folder, a loop of links
        found = None
    if found is None:
        raise SourceError(
            "The cache image has no subvolume {path}",
            hint="It was changed meanwhile. Try again.",
            path=short(path),
        )
    return found.id


def check(image: Path) -> None:
    """Raise a clear SourceError for a file that cannot contain a complete btrfs volume."""
    if not image.is_file():
        raise SourceError(
            "The cache image is not a file",
            hint="Use --cache for a folder, and for a file that holds a btrfs volume use "
            "--cache-image.",
        )
    with image.open("rb") as file:
        file.seek(_SUPERBLOCK)
        block = file.read(_FIELDS.size)
        size = file.seek(0, os.SEEK_END)
    if len(block) < _FIELDS.size or _FIELDS.unpack(block)[0] != _MAGIC:
        raise SourceError(
            "The cache image does not hold a btrfs volume",
            hint="It must be an image of a filesystem, not of a partitioned disk, and must not be "
            "compressed or encrypted.",
        )
    _magic, needed, devices = _FIELDS.unpack(block)
    if size < needed:
        raise SourceError(
            "The cache image is truncated: it has {size} bytes, its volume needs {needed}",
            hint="Copy the whole file again.",
            size=size,
            needed=needed,
        )
    if devices != 1:
        raise SourceError(
            "The cache image is only one of the {count} devices of its volume",
            hint="Mount the volume with all its devices, and pass its mount point with --cache.",
            count=devices,
        )


def _check_read_only(target: Path) -> None:
    """Refuse a volume that is mounted writable elsewhere: the kernel then shares that mount."""
    if any(mount.point == os.fspath(target) and mount.writable for mount in mounts()):
        raise SourceError(
            "The cache image is mounted writable on the engine's host",
            hint="Unmount it there, or pass its mount point with --cache.",
        )


def make_loop_devices() -> None:
    """Ensure a free loop device, and nodes for all of them in this container's /dev.

    mount examines each one, to reuse it for the same file. Without a node it could only compare
    the file's name, and that is /cache.img in each of our containers.
    """
    with Path("/dev/loop-control").open("rb") as control:
        free = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
    known = {int(path.name.removeprefix("loop")) for path in _LOOP_DEVICES.glob("loop[0-9]*")}
    for number in known | {free, free + 1}:  # one more, in case another process takes the free one
        node = Path(f"/dev/loop{number}")
        if not node.exists():
            os.mknod(node, 0o600 | stat.S_IFBLK, os.makedev(_LOOP_MAJOR, number))


def _unusable(error: StepError) -> SourceError:
    reasons = [line for line in error.output if line.startswith("mount:")] or [str(error)]
    return SourceError(
        "The cache image cannot be mounted: {reason}",
        hint="Its volume may be damaged (check it with `btrfs check --readonly`), or mounted on "
        "the engine's host at the same time.",
        command=error.command,
        output=error.output,
        reason=reasons[0],
    )
