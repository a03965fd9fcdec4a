"""A backup or a deletion that is killed at a named point: `killed_backup.py POINT BASE SOURCE`.

Run it alone in a namespace of process numbers, which ends with it, as a container does.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from builder.border.backups import (
    BackupRequest,
    DeleteCacheRequest,
    DeleteSnapshotsRequest,
    FolderIdentity,
    SnapshotName,
)
from builder.border.labels import new_run
from builder.inside.backup import backing_up, cache, deleting, keeping, stored
from builder.inside.backup.system import BOOT_ID
from builder.inside.system.real_system import RealSystem

# Where each phase is: a function, and whether it is killed before or after it.
BACKUP: dict[str, tuple[Any, str, bool]] = {
    "with the lock only": (backing_up, "check_system", True),
    "before the first snapshot folder": (cache, "_prepare_snapshots", True),
    "before the mark": (backing_up, "mark", True),
    "after the mark": (backing_up, "mark", False),
    "after the copy": (backing_up, "copy", False),
    "before the meta": (backing_up, "write_atomically", True),
    "before the meta has its name": (Path, "replace", True),
    "after the meta": (backing_up, "write_atomically", False),
    "after the mark is gone": (backing_up, "unmark", False),
    "before the snapshot": (keeping, "snapshot_read_only", True),
    "after the snapshot": (keeping, "snapshot_read_only", False),
    "before the number": (keeping, "_numbered", True),
    "after the number": (keeping, "_numbered", False),
    "at the very end": (backing_up, "stored_snapshots", True),
}
DELETION: dict[str, tuple[Any, str, bool]] = {
    "before the deletion": (deleting, "_delete", True),
    "after the subvolume is gone": (deleting, "clear_folder", True),
    "after the folder is gone": (deleting, "clear_folder", False),
}
COPYING = "while rsync copies"


def request_for(source: Path, *, new: bool = False, frozen: bool = False) -> BackupRequest:
    """Return the request for a backup of a system on this machine."""
    status = source.stat()
    return BackupRequest(
        run=new_run(),
        system=FolderIdentity(
            boot=BOOT_ID.read_text().strip(), device=status.st_dev, inode=status.st_ino
        ),
        filters=("- /proc/*",),
        mounts=(),
        mounted=(),
        frozen=frozen,
        running=False,
        new=new,
        adopt=False,
        zone=7200,
    )


def deletion_of(base: Path, *selectors: str) -> DeleteSnapshotsRequest:
    """Return the request to delete these snapshots."""
    return DeleteSnapshotsRequest(
        snapshots=tuple(
            SnapshotName(path=each.path, uuid=each.uuid)
            for each in stored.stored_snapshots(base)
            if each.selector in selectors
        )
    )


def deletion_of_all(base: Path) -> DeleteCacheRequest:
    """Return the request to delete a whole cache, as somebody sees it now."""
    state = stored.cache_state(base)
    known = [SnapshotName(path=each.path, uuid=each.uuid) for each in state.snapshots]
    return DeleteCacheRequest(subvolumes=(*known, *state.others))


def _killing(place: Any, name: str, *, before: bool) -> None:
    """Kill this process at its first call of a function."""
    usual = getattr(place, name)

    def killed(*arguments: Any, **named: Any) -> Any:
        if not before:
            usual(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, killed)


def main(point: str, base: Path, source: Path) -> None:
    """Do it up to the point."""
    if point in (known := {**BACKUP, **DELETION}):
        place, name, before = known[point]
        _killing(place, name, before=before)
    system = RealSystem(lambda _event: None)
    if point in DELETION:
        deleting.delete_snapshots(deletion_of(base, "1"), system=system, base=base)
    else:
        request = request_for(source, new=not (base / ".rootfs_cache").exists())
        backing_up.backup(request, system=system, source=source, base=base)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
