"""dpkg's lock in a system: packages do not change while their files do, and the other way round.

Sources: dpkg's lib/dpkg/dbmodify.c and apt's apt-pkg/deb/debsystem.cc, which take a lock of
fcntl(2) on these files; it is seen from a container too.
"""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError
from builder.inside.tree.tree import Tree

LOCKS: Final = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock")


def check_packages(root: Path) -> None:
    """Raise HostError where somebody installs packages right now."""
    with _opened(root, os.O_RDONLY) as descriptors:
        for each in descriptors:
            _take(each, fcntl.LOCK_SH)


@contextlib.contextmanager
def held_packages(root: Path) -> Iterator[None]:
    """Keep others from installing packages during the body. Raises HostError."""
    with _opened(root, os.O_RDWR) as descriptors:
        for each in descriptors:
            _take(each, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _opened(root: Path, access: int) -> Iterator[list[int]]:
    """Open the locks that there are; closing one frees it."""
    with contextlib.ExitStack() as stack:
        found = []
        for path in LOCKS:
            try:
                place = Tree(root).locate(path)
                descriptor = os.open(place, access | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            except OSError:
                continue
            stack.callback(os.close, descriptor)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                found.append(descriptor)
        yield found


def _take(descriptor: int, kind: int) -> None:
    try:
        fcntl.lockf(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        raise HostError(
            "Packages are being installed or removed right now",
            hint="Wait until apt or dpkg has finished, then run the command again.",
        ) from error
