"""What a cache has: its snapshots, and how its last backup ended."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from builder.basics.errors import SourceError
from builder.border.backups import CacheState, SnapshotName, StoredSnapshot
from builder.formats.snapshot import SnapshotKind
from builder.inside.backup.cache import is_locked
from builder.inside.backup.folders import is_staged, subvolumes_in
from builder.inside.debian.facts import read_os_release
from builder.inside.linux.btrfs import subvolume
from builder.inside.linux.mounts import filesystem_at
from builder.inside.source import unfinished
from builder.inside.source.backup_meta import BackupMeta, read_meta
from builder.inside.source.scan import META, ROOTFS, SNAPSHOTS
from builder.inside.source.snapshots import FoundSnapshot, find_snapshots
from builder.inside.source.zoneless_time import utc_seconds
from builder.inside.tree.tree import Tree

_PARTS = ("/etc", "/usr")


def has_system(tree: Tree) -> bool:
    """Whether a system is in the tree: its name, settings and programs. Raises no OSError."""
    try:
        named = read_os_release(tree) is not None
        return named and all(tree.is_dir(part) and tree.listdir(part) for part in _PARTS)
    except OSError:
        return False


def stored_snapshots(base: Path) -> tuple[StoredSnapshot, ...]:
    """Return the snapshots of the cache at `base`, oldest first: also raw ones, in both places.

    Numbered ones are in the order of their numbers, and raw ones among them by the ids of the
    subvolumes, which a volume counts up: whatever the clock said. On a file system without
    snapshots, the one there is is the copy itself.
    """
    if is_plain(base):
        return (_the_copy(base),)
    return tuple(_stored(each, base) for each in found_snapshots(base))


def is_plain(base: Path) -> bool:
    """Whether there is a cache at `base` on a file system that has no snapshots."""
    rootfs = base / ROOTFS
    return not rootfs.is_symlink() and rootfs.is_dir() and filesystem_at(rootfs) != "btrfs"


def _the_copy(base: Path) -> StoredSnapshot:
    rootfs, (meta, finished) = base / ROOTFS, read_cache_meta(base)
    taken = utc_seconds(meta.date)
    whole = finished is not None and not unfinished.is_unfinished(rootfs)
    return StoredSnapshot(
        selector=SnapshotKind.CACHE.value,
        path=ROOTFS,
        uuid="",
        taken=(finished or 0) if taken is None else taken,
        zoneless=taken is not None,
        description="",
        routine=False,
        complete=whole and has_system(Tree(rootfs)),
    )


def found_snapshots(base: Path) -> list[FoundSnapshot]:
    """Like `stored_snapshots`, before anybody looks into them."""
    found: dict[str, FoundSnapshot] = {}
    for folder in (base / ROOTFS / SNAPSHOTS, base / SNAPSHOTS):
        for each in find_snapshots(folder, base=base)[0]:
            found.setdefault(each.selector, each)
    return in_order(found.values())


def in_order(found: Iterable[FoundSnapshot]) -> list[FoundSnapshot]:
    """Return snapshots in the order of their making.

    The numbers count, also where the ids do not fit, as on a volume that others were sent to.
    """
    kinds: dict[bool, list[FoundSnapshot]] = {True: [], False: []}
    for each in found:
        kinds[each.kind is SnapshotKind.SNAPPER].append(each)
    ordered: list[tuple[int, FoundSnapshot]] = []
    highest = 0
    for each in sorted(kinds[True], key=lambda each: int(each.selector)):
        highest = max(highest, each.subvolume.id)
        ordered.append((highest, each))
    ordered += [(each.subvolume.id, each) for each in kinds[False]]
    return [each for _id, each in sorted(ordered, key=lambda pair: pair[0])]


def _stored(found: FoundSnapshot, base: Path) -> StoredSnapshot:
    return StoredSnapshot(
        selector=found.selector,
        path=found.path.relative_to(base).as_posix(),
        uuid=found.subvolume.uuid,
        taken=found.taken,
        zoneless=found.kind is SnapshotKind.RAW,
        description=found.description,
        routine=found.routine,
        complete=has_system(Tree(found.path)) and not unfinished.is_unfinished(found.path),
    )


def cache_state(base: Path) -> CacheState:
    """Return what the cache at `base` has. Raises SourceError where there is none."""
    rootfs = base / ROOTFS
    if rootfs.is_symlink() or not rootfs.is_dir():
        raise SourceError(
            "There is no backup cache in this folder",
            hint="Is its drive mounted? Give the folder that holds {rootfs} with --cache.",
            rootfs=ROOTFS,
        )
    meta, finished = read_cache_meta(base)
    space = os.statvfs(base)
    running = is_locked(base)
    snapshots = stored_snapshots(base)
    return CacheState(
        date=meta.date,
        distro=meta.distro,
        size=meta.size,
        finished=finished,
        began=_began(rootfs),
        running=running,
        free=space.f_bavail * space.f_frsize,
        total=space.f_blocks * space.f_frsize,
        snapshots=snapshots,
        others=tuple(_others(base, snapshots)),
        plain=is_plain(base),
    )


def _others(base: Path, known: Iterable[StoredSnapshot]) -> Iterator[SnapshotName]:
    """Yield what is deleted with a whole cache, too: half-made snapshots, and what people made."""
    uuids = {each.uuid for each in known}
    for folder in (base / ROOTFS / SNAPSHOTS, base / SNAPSHOTS):
        for path in subvolumes_in(folder):
            found = subvolume(path)
            if found is not None and found.uuid not in uuids and not is_staged(path):
                yield SnapshotName(path=path.relative_to(base).as_posix(), uuid=found.uuid)


def _began(rootfs: Path) -> int | None:
    if not unfinished.is_unfinished(rootfs):
        return None
    began = unfinished.began(rootfs)
    return int(rootfs.lstat().st_mtime) if began is None else began


def read_cache_meta(base: Path) -> tuple[BackupMeta, int | None]:
    """Return the metadata of the cache at `base`, and when they were written; None for never."""
    try:
        path = Tree(base).resolve(META)
        return read_meta(path, prefix="META_"), int(path.stat().st_mtime)
    except OSError:
        return BackupMeta(), None
