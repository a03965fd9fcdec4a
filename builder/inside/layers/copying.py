"""Copies single paths of a tree, with owner, mode and times."""

import os
import shutil
import stat

from builder.basics.errors import DefectError
from builder.basics.printable import clean


def copy_entry(original: bytes, place: bytes, status: os.stat_result) -> None:
    """Copy a file or a symlink to a place that is free. Raises DefectError for anything else."""
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(original), place)  # noqa: PTH211, PTH115
    elif stat.S_ISREG(status.st_mode):
        shutil.copyfile(original, place, follow_symlinks=False)
    else:
        raise DefectError(
            "Nothing of the kind of {path} can be copied", path=clean(os.fsdecode(original))
        )
    dress(place, status)


def dress(place: bytes, status: os.stat_result) -> None:
    """Give a path the owner, the mode and the times of another one."""
    os.chown(place, status.st_uid, status.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(place, stat.S_IMODE(status.st_mode))  # noqa: PTH101
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)
