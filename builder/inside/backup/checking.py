"""Is what is kept still what was kept? Snapshots are compared with what was recorded of them.

Contents are compared by btrfs, which has a checksum of every block (but of files that were made
with `nodatacow`) and gives an error in place of what is not as it was written: btrfs(5), CHECKSUM
ALGORITHMS. So it is enough to read them, from the disk. Other file systems have none: what their
disks give back wrongly and without an error is not noticed.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from builder.basics.printable import clean
from builder.border import paths
from builder.border.backups import (
    Checked,
    CheckedSnapshot,
    CheckRequest,
    Wholeness,
)
from builder.formats.snapshot import SnapshotKind
from builder.inside.backup.recording import FORMAT, record_tree
from builder.inside.backup.stored import (
    cache_state,
    found_snapshots,
    has_system,
    read_cache_meta,
)
from builder.inside.debian.facts import read_facts
from builder.inside.linux.btrfs import filesystem_id
from builder.inside.source.scan import ROOTFS, SNAPSHOTS
from builder.inside.source.snapshots import FoundSnapshot
from builder.inside.source.unfinished import is_unfinished
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree

_SYSFS: Final = Path("/sys/fs/btrfs")
_PIECE: Final = 1 << 20  # bytes


def check(request: CheckRequest, *, system: System, base: Path = paths.CACHE) -> Checked:
    """Check the snapshots of the cache. Raises SourceError where there is none."""
    state = cache_state(base)
    reading = Reading(expected=state.total - state.free, system=system)
    done = []
    chosen = reading if request.read_data else None
    if state.plain:
        done.append(_checked_copy(base, chosen))
    for each in [] if state.plain else found_snapshots(base):
        checked = _checked(each, chosen)
        if os.path.lexists(each.path):  # or somebody has deleted it meanwhile
            done.append(checked)
    identity = filesystem_id(base)
    return Checked(
        state=state,
        snapshots=tuple(done),
        filesystem=identity,
        read=reading.read,
        device_errors=tuple(device_errors(_SYSFS / identity)) if identity else (),
        tree_distro=read_facts(Tree(base / ROOTFS)).pretty_name,
    )


def _checked(found: FoundSnapshot, reading: "Reading | None") -> CheckedSnapshot:
    recorded = "" if found.subvolume.received else found.tree
    return replace(
        _looked_through(found.path, recorded, reading),
        selector=found.selector,
        read_only=found.subvolume.read_only,
    )


def _checked_copy(base: Path, reading: "Reading | None") -> CheckedSnapshot:
    meta, _written = read_cache_meta(base)
    return _looked_through(base / ROOTFS, meta.tree, reading)


def _looked_through(root: Path, recorded: str, reading: "Reading | None") -> CheckedSnapshot:
    """Compare a tree with what was recorded of it; it is called as the copy itself is."""
    how, path, reason = Wholeness.WHOLE, "", ""
    try:
        if not has_system(Tree(root)) or is_unfinished(root):
            how = Wholeness.INCOMPLETE
        elif not recorded.startswith(FORMAT):
            how = Wholeness.UNKNOWN
        else:
            how = _compared(record_tree(root).tree, recorded)
        if reading is not None:
            reading.read_all(root)
    except OSError as error:
        how, reason = Wholeness.DAMAGED, error.strerror or str(error)
        name = os.fsdecode(error.filename or "")
        path = clean(name.removeprefix(str(root)), limit=400)
    return CheckedSnapshot(
        selector=SnapshotKind.CACHE.value,
        wholeness=how,
        read_only=False,
        path=path,
        reason=reason,
    )


def _compared(now: str, recorded: str) -> Wholeness:
    if not now:  # it could be read to its end when it was made
        return Wholeness.DAMAGED
    return Wholeness.WHOLE if now == recorded else Wholeness.CHANGED


@dataclass(slots=True, kw_only=True)
class Reading:
    """Reads the files of snapshots from the disk, what several have in common only once."""

    expected: int  # bytes, about
    system: System
    read: int = 0
    _known: set[tuple[int, int, int]] = field(default_factory=set)

    def read_all(self, root: Path) -> None:
        """Read every file below `root`. Raises OSError, with the path, for what cannot be read."""
        for path, status in _files(os.fsencode(root)):
            # A file of the cache's tree that did not change since is the same file in all of them.
            same = (status.st_ino, status.st_ctime_ns, status.st_size)
            if same not in self._known:
                self._read(path)
                self._known.add(same)
                self.system.progress(min(self.read / max(self.expected, 1), 1.0))

    def _read(self, path: bytes) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            # Not from memory, which may hold what the disk no longer does.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            while piece := os.read(descriptor, _PIECE):
                self.read += len(piece)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            error.filename = path
            raise
        finally:
            os.close(descriptor)


def _files(top: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    """Yield the regular files below `top`, and their status; snapshots in it are others'."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    if folder != top or entry.name != os.fsencode(SNAPSHOTS):
                        waiting.append(entry.path)
                elif stat.S_ISREG(status.st_mode):
                    yield entry.path, status


def device_errors(place: Path) -> Iterator[str]:
    """Yield what the kernel counted of errors of a btrfs: "1: corruption_errs 3".

    Source: fs/btrfs/sysfs.c, `error_stats`, since Linux 5.14. Nothing where it does not say.
    """
    for path in sorted(place.glob("devinfo/*/error_stats")):
        try:
            lines = path.read_text("ascii", "replace").split("\n")
        except OSError:
            continue
        for line in lines:
            name, _blank, count = line.partition(" ")
            if count.isdecimal() and int(count):
                yield clean(f"{path.parent.name}: {name} {count}")
