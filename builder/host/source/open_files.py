"""Files that programs of this machine are writing to: proc_pid_fd(5) and proc_pid_fdinfo(5).

Only root sees those of others. A program may have a view of the file system of its own, as services
and containers do: what is at the path for us has to be the same file.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.basics.printable import clean

_PROCESSES: Final = Path("/proc")
_MOST: Final = 4096
_LONGEST: Final = 4096  # PATH_MAX
_FLAGS: Final = "flags:"


def written_files(*, processes: Path = _PROCESSES) -> dict[str, str]:
    """Return the names of programs by the paths of files that these have open for writing."""
    found: dict[str, str] = {}
    for process in processes.iterdir():
        if process.name.isdecimal() and len(found) < _MOST:
            try:
                name = clean((process / "comm").read_text("utf-8", "replace"))
                found |= dict.fromkeys(_written_by(process), name)
            except OSError:  # it ended, or is hidden
                continue
    return found


def _written_by(process: Path) -> Iterator[str]:
    for each in (process / "fd").iterdir():
        try:
            path = os.readlink(each)  # noqa: PTH115 - "pipe:[12]" is no path
            if (
                path.startswith("/")
                and clean(path, limit=_LONGEST) == path
                and _is_written(process, each.name)
            ):
                there, opened = os.lstat(path), each.stat()
                if (there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino):
                    yield path
        except OSError:
            continue


def _is_written(process: Path, number: str) -> bool:
    for line in (process / "fdinfo" / number).read_text("ascii").split("\n"):
        if line.startswith(_FLAGS):
            return int(line.removeprefix(_FLAGS), 8) & os.O_ACCMODE != os.O_RDONLY
    return False
