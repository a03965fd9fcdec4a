"""What is written to: a disk, or a file that stands for one; opened for nobody else's use.

Sources: open(2) (O_EXCL without O_CREAT on a block device fails with EBUSY while anything of it is
mounted or held), the ioctls of <linux/fs.h>, and systemd's "Locking Block Device Access" (while we
hold the lock, udev does not look into the disk).
"""

import contextlib
import errno
import fcntl
import os
import shlex
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, HostError, UsageError
from builder.basics.signals import undoing
from builder.host.stick.disks import ROOT, Disk, attached_to, read_disk
from builder.host.stick.safety import check_disk

_BLKRRPART: Final = 0x125F  # read the partition table again
_BLKGETSIZE64: Final = 0x80081272
_BROKEN: Final = "Was it pulled out? If not, it is broken or worn out: take another."
_PRIVATE: Final = 0o600  # of a new file, until it is whole
_USUAL: Final = 0o666  # less the umask
_FLAGS: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An open disk or file, and the only way to its bytes."""

    path: Path
    name: str  # what a person types to confirm: "sdb", or the file's name
    descriptor: int
    size: int  # bytes; of a new file, what it shall have, and 0 if nobody said
    disk: Disk | None  # None for a file
    is_new: bool  # a file that we made

    def read_at(self, offset: int, size: int) -> bytes:
        """Read from it; fewer bytes at its end. Raises HostError."""
        try:
            return os.pread(self.descriptor, size, offset)
        except OSError as error:
            raise unreadable(self, offset, error) from error

    def write_at(self, offset: int, content: bytes) -> None:
        """Write all of `content`. Raises HostError."""
        rest = memoryview(content)
        try:
            while rest:
                done = os.pwrite(self.descriptor, rest, offset)
                rest, offset = rest[done:], offset + done
        except OSError as error:
            raise _unwritable(self, offset, error) from error

    def settle(self) -> None:
        """Wait until what was written is on the medium. Raises HostError."""
        try:
            os.fsync(self.descriptor)
        except OSError as error:
            raise HostError(
                "{name} does not keep what is written to it: {reason}",
                hint=_BROKEN,
                name=self.name,
                reason=error.strerror or error,
            ) from error

    def reread(self) -> bool:
        """Have the kernel read a disk's new partition table; whether it could."""
        if self.disk is None:
            return True
        try:
            fcntl.ioctl(self.descriptor, _BLKRRPART)
        except OSError:
            return False
        return True


def _unwritable(target: Target, offset: int, error: OSError) -> HostError:
    if error.errno == errno.ENOSPC and target.disk is None:
        return HostError(
            "There is no room for {path}",
            hint="Free space where the file lies, or give another place.",
            path=target.path,
        )
    return HostError(
        "{name} cannot be written at {offset}: {reason}",
        hint=_BROKEN,
        name=target.name,
        offset=offset,
        reason=error.strerror or error,
    )


def unreadable(target: Target, offset: int, error: OSError) -> HostError:
    """Return the error for a medium that cannot be read at so many bytes from its start."""
    return HostError(
        "{name} cannot be read at {offset}: {reason}",
        hint=_BROKEN,
        name=target.name,
        offset=offset,
        reason=error.strerror or error,
    )


@contextlib.contextmanager
def opened_target(
    path: Path, *, allow_fixed: bool, new_size: int | None, root: Path = ROOT
) -> Iterator[Target]:
    """Open a disk or a file to write an ISO to; a file that is not there is made, sparse.

    It is made with `new_size` bytes, and is gone again if the body fails. Raises UsageError for
    what cannot be a stick or is no place for one, HostError for what cannot be written now.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        found = None
    except OSError as error:
        raise _unreachable(path, error) from error
    if found is None:
        with _new_file(path, new_size) as target:
            yield target
    elif stat.S_ISBLK(found.st_mode):
        _check_no_size(path, new_size)
        with _disk(path, found.st_rdev, allow_fixed=allow_fixed, root=root) as target:
            yield target
    elif stat.S_ISREG(found.st_mode):
        _check_no_size(path, new_size)
        with _file(path, root=root) as target:
            yield target
    else:
        raise UsageError(
            "{path} is neither a disk nor a file",
            hint="Give the device of a USB stick, e.g. /dev/sdb; `lsblk` shows which one it is.",
            path=path,
        )


def sized(target: Target, *, size: int) -> None:
    """Give a new file its size. Raises HostError."""
    try:
        os.ftruncate(target.descriptor, size)
    except OSError as error:
        raise HostError(
            "{path} cannot have {size} bytes: {reason}",
            hint="Give another place; FAT holds no file of 4 GiB or more.",
            path=target.path,
            size=size,
            reason=error.strerror or error,
        ) from error


def _check_no_size(path: Path, size: int | None) -> None:
    if size is not None:
        raise UsageError(
            "{path} is there already, and --size is for a new file",
            hint="Leave out --size, or name a file that is not there yet.",
            path=path,
        )


@contextlib.contextmanager
def _new_file(path: Path, size: int | None) -> Iterator[Target]:
    if _is_below_dev(path):
        raise UsageError(
            "There is no device {path}",
            hint="`lsblk` shows which disks there are.",
            path=path,
        )
    try:
        descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, _PRIVATE)
    except OSError as error:
        raise _unreachable(path, error) from error
    with _closed(descriptor), _gone_after_failure(path):
        yield Target(
            path=path, name=path.name, descriptor=descriptor, size=size or 0, disk=None,
            is_new=True,
        )  # fmt: skip
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, _USUAL & ~mask)


@contextlib.contextmanager
def _gone_after_failure(path: Path) -> Iterator[None]:
    done = False

    def undo() -> None:
        if not done:
            path.unlink(missing_ok=True)

    with undoing(undo):
        yield
        done = True


@contextlib.contextmanager
def _file(path: Path, *, root: Path) -> Iterator[Target]:
    if loop := attached_to(path.resolve(), root=root):
        raise HostError(
            "{path} is in use as {loop}",
            hint="If it may be erased, detach it first: `losetup -d /dev/{loop}`.",
            path=path,
            loop=loop,
        )
    with _locked(path, path.name, os.O_NOFOLLOW if not path.is_symlink() else 0) as descriptor:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _swapped(path)
        yield Target(
            path=path, name=path.name, descriptor=descriptor, size=found.st_size, disk=None,
            is_new=False,
        )  # fmt: skip


@contextlib.contextmanager
def _disk(path: Path, number: int, *, allow_fixed: bool, root: Path) -> Iterator[Target]:
    disk = read_disk((os.major(number), os.minor(number)), root=root)
    if disk is None:
        raise HostError(
            "The kernel tells nothing of {path} below /sys, so nobody knows whether it is a stick",
            hint="Run this where /sys is mounted, outside of a container.",
            path=path,
        )
    check_disk(disk, allow_fixed=allow_fixed)
    with _locked(path, disk.name, os.O_EXCL) as descriptor:
        if os.fstat(descriptor).st_rdev != number:
            raise _swapped(path)
        yield Target(
            path=path, name=disk.name, descriptor=descriptor, size=_disk_size(descriptor),
            disk=disk, is_new=False,
        )  # fmt: skip


@contextlib.contextmanager
def _locked(path: Path, name: str, flags: int) -> Iterator[int]:
    try:
        descriptor = os.open(path, _FLAGS | flags)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise _busy(name) from error
        raise _unreachable(path, error) from error
    with _closed(descriptor):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _busy(name) from error
        yield descriptor


@contextlib.contextmanager
def _closed(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def _disk_size(descriptor: int) -> int:
    answer = fcntl.ioctl(descriptor, _BLKGETSIZE64, bytes(8))
    size: int = struct.unpack("<Q", answer)[0]
    return size


def _busy(name: str) -> HostError:
    return HostError(
        "{name} is in use by another program",
        hint="Close what uses it: another mount namespace, a virtual machine, RAID, btrfs or ZFS "
        "over several disks, or another program that writes sticks.",
        name=name,
    )


def _swapped(path: Path) -> UsageError:
    return UsageError(
        "{path} was swapped for something else",
        hint="See what it is now, with `ls -l`, then start the command again.",
        path=path,
    )


def _is_below_dev(path: Path) -> bool:
    return path.parent.absolute().is_relative_to("/dev")


def _unreachable(path: Path, error: OSError) -> BuilderError:
    return _no_disk(path, error) if _is_below_dev(path) else _no_file(path, error)


def _no_file(path: Path, error: OSError) -> BuilderError:
    if error.errno in (errno.EACCES, errno.EPERM):
        return HostError(
            "{path} may not be written by you",
            hint="Give a path in a folder of your own, or have the owner of {folder} give you the "
            "right.",
            path=path,
            folder=path.parent,
        )
    if error.errno == errno.EROFS:
        return HostError(
            "{path} lies on a file system that is mounted read-only",
            hint="Give a path on another file system; `findmnt --target {word}` shows which "
            "one this is.",
            path=path,
            word=shlex.quote(str(path.parent)),
        )
    if error.errno == errno.ENOENT and not path.parent.exists():
        return UsageError(
            "There is no folder {folder} for {path}",
            hint="Make the folder first, or give another path.",
            folder=path.parent,
            path=path,
        )
    return UsageError(
        "{path} cannot be opened: {reason}",
        hint="Give the path of a file, in a folder that is there, or the device of a USB stick, "
        "e.g. /dev/sdb.",
        path=path,
        reason=error.strerror or error,
    )


def _no_disk(path: Path, error: OSError) -> BuilderError:
    if error.errno in (errno.EACCES, errno.EPERM):
        return HostError(
            "{path} may not be written by you",
            hint="Writing to disks is for root: start the command again with sudo.",
            path=path,
        )
    if error.errno == errno.EROFS:
        return HostError(
            "{path} is write-protected",
            hint="Some sticks and cards have a switch for that.",
            path=path,
        )
    return UsageError(
        "{path} cannot be opened: {reason}",
        hint="Give the device of a USB stick, e.g. /dev/sdb; `lsblk` shows which one it is.",
        path=path,
        reason=error.strerror or error,
    )
