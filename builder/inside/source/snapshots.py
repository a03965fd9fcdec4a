"""The snapshots in a `.snapshots` directory: snapper's N/snapshot and the backup's @DATE_TIME.

Incomplete ones, which are normal (snapper creates the subvolume before info.xml, and deletes it
first), and everything else that is not a snapshot are skipped with a reason.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.printable import clean
from builder.border.cache_report import Problem, Skipped
from builder.border.labels import is_frozen_name
from builder.formats.snapshot import SnapshotKind
from builder.inside.linux.btrfs import Subvolume, subvolume
from builder.inside.source.backup_meta import BackupMeta, read_meta
from builder.inside.source.snapper import SnapperInfo, read_info
from builder.inside.source.zoneless_time import utc_seconds

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")
_RAW: Final = re.compile(r"@([0-9]{4}-[0-9]{2}-[0-9]{2})_([0-9]{2}:[0-9]{2})")
_SIDECAR: Final = ".meta"
DESCRIPTION: Final = "distroclone-backup"  # with which DistroClone Backup's own ones begin


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSnapshot:
    """A snapshot that really exists; its contents are not examined yet."""

    selector: str
    kind: SnapshotKind
    path: Path
    taken: int  # seconds since 1970; a raw name's local time is read as UTC
    description: str
    size: str
    subvolume: Subvolume
    routine: bool  # a backup made it, and nobody asked to keep it
    tree: str = ""  # the fingerprint that our backup recorded; "" where it did not


def find_snapshots(directory: Path, *, base: Path) -> tuple[list[FoundSnapshot], list[Skipped]]:
    """Return the snapshots in `directory` and what was skipped; paths are relative to `base`."""
    found: list[FoundSnapshot] = []
    skipped: list[Skipped] = []
    for entry in _entries(directory):
        try:
            result = _examine(entry) if isinstance(entry, Path) else entry
        except OSError as error:
            result = unreadable(error)
        match result:
            case FoundSnapshot():
                found.append(result)
            case Problem():
                place = entry if isinstance(entry, Path) else directory
                skipped.append(Skipped(path=relative(place, base), reason=result))
            case None:
                pass
    return found, skipped


def relative(path: Path, base: Path) -> str:
    """Return `path` below `base` as text that is safe to show."""
    return clean(path.relative_to(base).as_posix(), limit=400)


def unreadable(error: OSError) -> Problem:
    """Return the problem for something that could not be read."""
    return Problem(
        message="it cannot be read: {detail}",
        hint="Check the disk and the permissions.",
        values=(("detail", error.strerror or type(error).__name__),),
    )


def _entries(directory: Path) -> list[Path | Problem]:
    """Tell an unreadable directory from a missing one."""
    try:
        if directory.is_symlink():
            return [
                Problem(
                    message="it is a symlink",
                    hint="Only snapshots in the cache itself are used.",
                )
            ]
        return [*sorted(directory.iterdir())]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        return [unreadable(error)]


def _examine(entry: Path) -> FoundSnapshot | Problem | None:
    if is_frozen_name(entry.name):  # a backup is making one, or was interrupted at that
        return None
    if _NUMBER.fullmatch(entry.name):
        return _snapper_snapshot(entry)
    if _RAW.fullmatch(entry.name):
        return _raw_snapshot(entry)
    snapshot, sidecar = entry.name.removesuffix(_SIDECAR), entry.name.endswith(_SIDECAR)
    if sidecar and _RAW.fullmatch(snapshot) and entry.with_name(snapshot).is_dir():
        return None
    if sidecar and _RAW.fullmatch(snapshot):
        return Problem(message="it describes a snapshot that no longer exists")
    return Problem(message="its name is not a snapshot name")


def _snapper_snapshot(directory: Path) -> FoundSnapshot | Problem:
    tree, description = directory / "snapshot", directory / "info.xml"
    if reason := _half_made(directory, tree, description):
        return reason
    volume = subvolume(tree)
    if volume is None:
        return _not_a_subvolume()
    info = read_info(description, number=int(directory.name))
    if isinstance(info, Problem):
        return info
    return FoundSnapshot(
        selector=directory.name,
        kind=SnapshotKind.SNAPPER,
        path=tree,
        taken=info.date,
        description=info.description,
        size="",
        subvolume=volume,
        routine=is_routine(info),
        tree=info.tree,
    )


def is_routine(info: SnapperInfo) -> bool:
    """Whether a backup made it. DistroClone Backup gives its own no clean-up algorithm."""
    ours = info.description.startswith(DESCRIPTION) and info.cleanup in ("", "number")
    return ours and not info.important


def _half_made(directory: Path, tree: Path, description: Path) -> Problem | None:
    if directory.is_symlink() or not directory.is_dir():
        return Problem(message="it is not a directory")
    has_tree, has_description = os.path.lexists(tree), os.path.lexists(description)
    if not has_tree and not has_description:
        return Problem(message="it is empty: its snapshot was deleted")
    if not has_description:
        return Problem(
            message="it has no info.xml: it is still being created, "
            "or its creation was interrupted",
            hint="Try again when no backup is running.",
        )
    if not has_tree:
        return Problem(message="it has an info.xml but no snapshot: its deletion did not finish")
    return None


def _raw_snapshot(tree: Path) -> FoundSnapshot | Problem:
    date, time = tree.name.removeprefix("@").split("_")
    taken = utc_seconds(f"{date} {time}")
    if taken is None:
        return Problem(message="the date in its name is invalid")
    volume = subvolume(tree)
    if volume is None:
        return _not_a_subvolume()
    try:
        meta = read_meta(tree.with_name(tree.name + _SIDECAR), prefix="SNAP_")
    except OSError:
        meta = BackupMeta()
    return FoundSnapshot(
        selector=tree.name,
        kind=SnapshotKind.RAW,
        path=tree,
        taken=taken,
        description=meta.distro,
        size=meta.size,
        subvolume=volume,
        routine=True,
    )


def _not_a_subvolume() -> Problem:
    return Problem(
        message="it is not a btrfs subvolume, so it is not a snapshot",
        hint="A snapshot that was copied file by file can be used as a separate cache.",
    )
