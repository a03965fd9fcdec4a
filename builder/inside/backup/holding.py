"""Can the file system of a cache hold what a system has? Tried, as its name alone says too little.

A network share may map all owners to one, a FUSE driver may keep them or not, by its options.
"""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from builder.basics.errors import SourceError

PROBE: Final = ".distroclone-builder-probe"  # a folder in the cache's
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_OWNER: Final = (54321, 65432)  # more than 16 bits of them would be lost where only 15 are kept
_TIME: Final = 1_780_473_600_123_456_789  # nanoseconds since 1970
_LONGEST_NAME: Final = 255  # bytes, as on ext4, xfs and btrfs
# Format: acl(5), fs/posix_acl.h: version 2, then tag, permissions and id of each entry.
_ACL: Final = bytes.fromhex(
    "0200000001000600ffffffff0200040031d4000004000400ffffffff10000600ffffffff"
    "20000400ffffffff"
)  # fmt: skip
_WHERE: Final = (
    "Choose a folder on btrfs, which has snapshots, or on ext4 or xfs with --cache. If it should "
    "be on one, its drive is not mounted."
)


def check_holding(base: Path, *, filesystem: str) -> bool:
    """Raise SourceError where the folder `base` cannot hold a system; it is empty again after.

    Returns whether it keeps times to the nanosecond: ext3 does not, nor does ext4 with inodes of
    128 bytes. Raises OSError where nothing can be written at all.
    """
    if filesystem in _IN_MEMORY:
        raise SourceError(
            "The cache would be on {filesystem}, in memory: it is gone when the machine stops",
            hint=_WHERE,
            filesystem=filesystem,
        )
    place = base / PROBE
    shutil.rmtree(place, ignore_errors=True)  # of one that was killed
    place.mkdir(mode=0o700)
    try:
        for what, holds in _TRIALS.items():
            if not _succeeds(holds, place):
                raise SourceError(
                    "The cache would be on {filesystem}, which does not keep {what}",
                    hint=_WHERE,
                    filesystem=filesystem,
                    what=what,
                )
        return _keeps_fine_times(place)
    finally:
        shutil.rmtree(place)


def _succeeds(holds: Callable[[Path], bool], place: Path) -> bool:
    try:
        return holds(place)
    except (OSError, ValueError):  # a driver may have no such call, or no such name
        return False


def _keeps_owners(place: Path) -> bool:
    path = place / "owner"
    path.touch()
    os.chown(path, *_OWNER)
    status = path.stat()
    return (status.st_uid, status.st_gid) == _OWNER


def _keeps_modes(place: Path) -> bool:
    path = place / "mode"
    path.touch()
    for mode in (0o4751, 0o600):
        path.chmod(mode)
        if stat.S_IMODE(path.stat().st_mode) != mode:
            return False
    return True


def _keeps_links(place: Path) -> bool:
    (place / "file").touch()
    os.link(place / "file", place / "another")
    (place / "link").symlink_to("nowhere/at all")
    return (place / "file").stat().st_nlink == 2 and os.readlink(place / "link") == "nowhere/at all"  # noqa: PTH115


def _keeps_special_files(place: Path) -> bool:
    os.mkfifo(place / "pipe")
    os.mknod(place / "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    status = (place / "device").lstat()
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == os.makedev(1, 3)


def _keeps_attributes(place: Path) -> bool:
    path = place / "attribute"
    path.touch()
    os.setxattr(path, "user.probe", b"value")
    return os.getxattr(path, "user.probe") == b"value"


def _keeps_acls(place: Path) -> bool:
    path = place / "acl"
    path.touch()
    os.setxattr(path, "system.posix_acl_access", _ACL)
    return os.getxattr(path, "system.posix_acl_access") == _ACL


def _keeps_names(place: Path) -> bool:
    names = {b"a", b"A", b"colon: back\\slash\n?", b"latin-1 \xe9", b"x" * _LONGEST_NAME}
    folder = place / "names"
    folder.mkdir()
    for name in names:
        (folder / os.fsdecode(name)).touch()
    return {os.fsencode(each.name) for each in folder.iterdir()} == names


def _keeps_fine_times(place: Path) -> bool:
    path = place / "time"
    path.write_bytes(b"")
    os.utime(path, ns=(_TIME, _TIME))
    return path.stat().st_mtime_ns == _TIME


_TRIALS: Final[dict[str, Callable[[Path], bool]]] = {
    "owners": _keeps_owners,
    "modes": _keeps_modes,
    "links": _keeps_links,
    "devices and pipes": _keeps_special_files,
    "extended attributes": _keeps_attributes,
    "ACLs": _keeps_acls,
    "all names": _keeps_names,
}
