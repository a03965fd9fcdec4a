"""A backup of DistroClone Backup that is at work: it takes no lock, so its rsync is looked for."""

import os
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError

_PROCESSES: Final = Path("/proc")


def check_no_other(cache: Path, *, processes: Path = _PROCESSES) -> None:
    """Raise HostError while an rsync on this machine writes to the tree of the cache."""
    target = os.path.realpath(cache / ".rootfs_cache")
    for process in processes.iterdir():
        if process.name.isdecimal() and _writes_to(process, target):
            raise HostError(
                "Another program's backup is writing to {cache}: rsync, process {process}",
                hint="Wait until it has finished.",
                cache=cache,
                process=process.name,
            )


def _writes_to(process: Path, target: str) -> bool:
    try:
        words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:  # it ended, or is hidden
        return False
    last = os.fsdecode(words[-1])
    is_rsync = os.path.basename(words[0]) == b"rsync"  # noqa: PTH119 - bytes
    return is_rsync and last.startswith("/") and os.path.realpath(last) == target
