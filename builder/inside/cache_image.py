"""A cache image: a file that holds a btrfs volume, mounted read-only inside the container."""

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.errors import SourceError, StepError
from builder.inside.system import System

_LOOP_CTL_GET_FREE: Final = 0x4C82  # linux/loop.h
_LOOP_MAJOR: Final = 7  # Documentation/admin-guide/devices.txt
_ATTEMPTS: Final = 5


@contextlib.contextmanager
def mounted(
    image: Path, target: Path, *, system: System, subvolume: str | None = None
) -> Iterator[None]:
    """Mount the volume in `image`, or one `subvolume` of it, read-only at `target`.

    The loop device frees itself when it is unmounted, also when the container is killed. The log
    of a volume that was not unmounted cleanly is left alone: its last commit is what is read.
    Raises SourceError when the file holds no btrfs volume that can be mounted.
    """
    target.mkdir(parents=True, exist_ok=True)
    options = ["ro", "rescue=nologreplay"]
    if subvolume is not None:
        options.append(f"subvol={subvolume}")
    with contextlib.ExitStack() as stack:
        for attempt in range(1, _ATTEMPTS + 1):
            loop = free_loop_device()
            try:
                stack.enter_context(
                    system.mounted(
                        os.fspath(image), target, kind="btrfs", options=[*options, f"loop={loop}"]
                    )
                )
                break
            except StepError as error:
                taken_by_another = any("overlapping loop" in line or "busy" in line
                                       for line in error.output)  # fmt: skip
                if not taken_by_another or attempt == _ATTEMPTS:
                    raise _unusable(error) from error
                time.sleep(0.2 * attempt)  # another container's loop device is just going away
        _check_read_only(target)
        yield


def _check_read_only(target: Path) -> None:
    """Refuse a volume that somebody else has mounted writable: the kernel gave us that one."""
    for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
        fields, _separator, rest = line.partition(" - ")
        if fields.split()[4] == os.fspath(target) and rest.split()[2].split(",")[0] == "rw":
            raise SourceError(
                "The cache image is mounted writable on the engine's host",
                hint="Unmount it there, or give the mounted folder with --cache.",
            )


def free_loop_device() -> Path:
    """Return a loop device that nobody uses, making its node in this container's /dev."""
    with Path("/dev/loop-control").open("rb") as control:
        number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
    device = Path(f"/dev/loop{number}")
    if not device.exists():
        os.mknod(device, 0o600 | stat.S_IFBLK, os.makedev(_LOOP_MAJOR, number))
    return device


def _unusable(error: StepError) -> SourceError:
    reason = error.output[-1] if error.output else str(error)
    return SourceError(
        "The cache image cannot be mounted: {reason}",
        hint="It must hold a btrfs volume of DistroClone Backup (a file system, not a partitioned "
        "disk), and must not be mounted on the engine's host at the same time.",
        command=error.command,
        output=error.output,
        reason=reason,
    )
