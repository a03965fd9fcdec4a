"""What a program can see of the machine that it runs on, as lines of JSON: [what, text].

Left out is what docs/security.md names as visible everywhere: the kernel's release, the clock, what
the processor itself answers, and the file systems that are mounted.
"""

import hashlib
import json
import os
import resource
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

_LIMIT = 1 << 16
_PROCESSES = {"self", "thread-self", "mounts", "net"}  # links to what is the process's own


def _files(top: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(top):
        here = Path(folder)
        if here == Path("/proc"):
            folders[:] = [name for name in folders if not name.isdigit()]
        yield from (here / name for name in sorted(names) if name not in _PROCESSES)


def _seen(path: Path) -> str:
    try:
        with path.open("rb") as file:
            os.set_blocking(file.fileno(), False)  # /proc/kmsg would wait for news
            return hashlib.sha256(file.read(_LIMIT) or b"").hexdigest()[:16]
    except OSError as error:
        return os.strerror(error.errno or 0)


def view() -> dict[str, str]:
    """Return what each source of knowledge says."""
    limits = (name for name in dir(resource) if name.startswith("RLIMIT_"))
    unlimited = {"RLIMIT_NPROC"}  # would count what the user runs outside, too
    return {
        **{str(path): _seen(path) for top in ("/proc", "/sys") for path in _files(Path(top))},
        "processors": str(len(os.sched_getaffinity(0))),
        "processors of the machine": str(os.cpu_count()),
        "host name": socket.gethostname(),
        **{
            name: str(resource.getrlimit(getattr(resource, name)))
            for name in limits
            if name not in unlimited
        },
        **{f"${name}": value for name, value in os.environ.items()},
    }


if __name__ == "__main__":
    sys.stdout.writelines(json.dumps(each) + "\n" for each in view().items())
