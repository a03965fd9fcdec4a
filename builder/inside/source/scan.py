"""Scans a cache or a tree and reports what can be built from it; nothing is written."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from builder.basics.errors import SourceError
from builder.basics.printable import clean
from builder.border.cache_report import CacheReport, Candidate, Problem, Skipped
from builder.formats.snapshot import LATEST, SnapshotKind
from builder.formats.system_facts import SystemFacts
from builder.inside.debian.admission import admission_problems, admission_warnings, is_empty
from builder.inside.debian.dpkg import STATUS
from builder.inside.debian.facts import read_facts, read_os_release
from builder.inside.debian.kernels import find_kernels
from builder.inside.linux.btrfs import Subvolume, subvolume
from builder.inside.linux.mounts import filesystem_at
from builder.inside.source.backup_meta import BackupMeta, read_meta
from builder.inside.source.snapshots import FoundSnapshot, find_snapshots, relative, unreadable
from builder.inside.source.unfinished import is_unfinished, unfinished_problem
from builder.inside.source.zoneless_time import utc_seconds
from builder.inside.tree.tree import Tree

ROOTFS: Final = ".rootfs_cache"
META: Final = ".backup_meta"
SNAPSHOTS: Final = ".snapshots"
_UNMAPPED: Final = Problem(
    message="its files belong to users that this engine, which runs without root, cannot see",
    hint="Send it to the engine as root (--source-on here), or use an engine that runs as root.",
    values=(),
)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FROM_NOON: Final = 26 * 3600  # seconds: half a day, and the 14 hours that a zone may be ahead
WITHOUT_OWNERS: Final = ("vfat", "exfat", "msdos", "ntfs", "ntfs3", "fuseblk")


def scan_cache(base: Path, *, volume: Path | None = None, wanted: str = "") -> CacheReport:
    """Report on the cache at `base`, in the mounted cache image `volume` if there is one.

    With `wanted`, only snapshots that this selector may mean are examined, and the others if none
    of these can be built.

    Raises SourceError, naming what is missing, when it is not a complete cache.
    """
    base = base.resolve()
    rootfs, meta = _detect(base)
    cache = _cache_candidate(base, rootfs, meta)
    found, skipped = _found_snapshots(base, rootfs)
    snapshots = _snapshot_candidates(found, base, wanted=wanted, cache=cache)
    return CacheReport(
        base=base.relative_to(volume.resolve()).as_posix() if volume else ".",
        filesystem=filesystem_at(rootfs),
        date=meta.date,
        distro=meta.distro,
        size=meta.size,
        candidates=(*snapshots, cache),
        skipped=tuple(skipped),
        warnings=(*_meta_warnings(meta), *_tree_warnings(rootfs, cache)),
    )


def scan_tree(root: Path) -> CacheReport:
    """Report on a root filesystem that is not a cache: one tree, in its current state.

    Its date is that of its package database, which is the same for every copy of the tree.
    """
    tree = Tree(root)
    system, problems = _inspect(tree)
    if (kind := filesystem_at(root)) in WITHOUT_OWNERS:
        problems = (_no_owners(kind), *problems)
    if _is_unmapped(root):
        problems = (_UNMAPPED, *problems)
    candidate = _candidate(
        selector=SnapshotKind.TREE.value,
        kind=SnapshotKind.TREE,
        path=".",
        taken=_last_change(tree),
        size="",
        volume=subvolume(root),
        system=system,
        problems=problems,
    )
    return CacheReport(
        base=".",
        filesystem=filesystem_at(root),
        date="",
        distro="",
        size="",
        candidates=(candidate,),
        warnings=_tree_warnings(root, candidate),
    )


def find_base(volume: Path, *, depth: int = 3) -> Path:
    """Return the one directory in a mounted cache image that contains `.rootfs_cache`.

    It is at most `depth` directories below the top. Raises SourceError for none or several.
    """
    bases = list(_bases(volume.resolve(), depth))
    if not bases:
        raise SourceError(
            "The cache image has no {rootfs}",
            hint="Use an image of a volume that has a DistroClone Backup cache at its top, "
            "or at most {depth} directories below.",
            rootfs=ROOTFS,
            depth=depth,
        )
    if len(bases) > 1:
        raise SourceError(
            "The cache image holds several caches: {bases}",
            hint="Mount the image, and pass one of them with --cache.",
            bases=", ".join(relative(base, volume.resolve()) for base in bases),
        )
    return bases[0]


def _bases(directory: Path, depth: int) -> Iterator[Path]:
    if (directory / ROOTFS).is_dir():
        yield directory
        return  # a cache inside a cache belongs to the backed-up system
    if depth == 0:
        return
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    for name in names:
        yield from _bases(directory / name, depth - 1)


def _detect(base: Path) -> tuple[Path, BackupMeta]:
    rootfs = Path(os.path.realpath(base / ROOTFS))
    if base not in rootfs.parents:
        raise SourceError(
            "{rootfs} is a symlink that points outside the cache, to {target}",
            hint="Pass the folder that really holds {rootfs} and {meta} with --cache.",
            rootfs=ROOTFS,
            meta=META,
            target=clean(str((base / ROOTFS).readlink())),
        )
    missing = [] if rootfs.is_dir() else [f"{ROOTFS}/"]
    meta = BackupMeta()
    try:
        meta = read_meta(Tree(base).resolve(META), prefix="META_")
    except OSError as error:
        missing.append(f"{META} ({error.strerror})")
    if missing:
        raise SourceError(
            "This is not a finished DistroClone Backup cache; missing: {missing}",
            hint="Pass the folder that holds {rootfs}/ and {meta} with --cache. A backup that "
            "did not finish leaves no {meta}: run it again.",
            missing=", ".join(missing),
            rootfs=ROOTFS,
            meta=META,
        )
    return rootfs, meta


def _meta_warnings(meta: BackupMeta) -> Iterator[Problem]:
    yield from meta.warnings
    if meta.date and utc_seconds(meta.date) is None:
        yield Problem(
            message="Invalid date in {meta}: {date}",
            hint="The date of the package database is used instead.",
            values=(("meta", META), ("date", meta.date)),
        )


def _tree_warnings(root: Path, candidate: Candidate) -> tuple[Problem, ...]:
    return admission_warnings(Tree(root)) if candidate.complete else ()


def _cache_candidate(base: Path, rootfs: Path, meta: BackupMeta) -> Candidate:
    tree = Tree(rootfs)
    volume = subvolume(rootfs)
    taken = utc_seconds(meta.date)
    system, problems = _inspect(tree)
    if (kind := filesystem_at(rootfs)) in WITHOUT_OWNERS:
        problems = (_no_owners(kind), *problems)
    if _is_unmapped(rootfs):
        problems = (_UNMAPPED, *problems)
    if is_unfinished(rootfs):
        problems = (unfinished_problem(), *problems)
    return _candidate(
        selector=SnapshotKind.CACHE.value,
        kind=SnapshotKind.CACHE,
        path=rootfs.relative_to(base).as_posix(),
        taken=_last_change(tree) if taken is None else taken,
        size=meta.size,
        volume=volume,
        system=system,
        problems=problems,
    )


def _is_unmapped(root: Path) -> bool:
    nobody = int(Path("/proc/sys/kernel/overflowuid").read_text("ascii"))
    return is_nobodys(root.stat().st_uid, nobody, Path("/proc/self/uid_map").read_text("ascii"))


def is_nobodys(owner: int, nobody: int, uid_map: str) -> bool:
    """Whether an owner is none that an engine without root has a number for.

    Then all of its files seem to belong to nobody: user_namespaces(7), "Unmapped user IDs".
    """
    first, _outside, count = uid_map.split()[:3]
    return owner == nobody and (first, count) != ("0", str(2**32 - 1))


def _no_owners(filesystem: str) -> Problem:
    return Problem(
        message="a {filesystem} filesystem does not preserve owners, modes and links",
        hint="Make the backup on btrfs, ext4 or xfs.",
        values=(("filesystem", filesystem),),
    )


def _last_change(tree: Tree) -> int:
    status = tree.resolve(STATUS if tree.is_file(STATUS) else "/").stat()
    return max(0, int(status.st_mtime))


def _found_snapshots(base: Path, rootfs: Path) -> tuple[list[FoundSnapshot], list[Skipped]]:
    found: dict[str, FoundSnapshot] = {}
    skipped: list[Skipped] = []
    for directory in (rootfs / SNAPSHOTS, base / SNAPSHOTS):
        here, not_here = find_snapshots(directory, base=base)
        skipped.extend(not_here)
        for snapshot in here:
            if snapshot.selector in found:
                skipped.append(_twin(snapshot, found[snapshot.selector], base))
            else:
                found[snapshot.selector] = snapshot
    return sorted(found.values(), key=_age), skipped


def _snapshot_candidates(
    found: Sequence[FoundSnapshot], base: Path, *, wanted: str, cache: Candidate
) -> list[Candidate]:
    """Return the snapshots as candidates: those that are needed examined, all if none of them is.

    The package list of one alone may take a tenth of a second to read, and there may be thousands.
    """
    examined: dict[str, Candidate] = {}
    for snapshot in meant_by(wanted, found):
        examined[snapshot.selector] = _from_snapshot(snapshot, base)
        if wanted == LATEST and examined[snapshot.selector].complete:
            break
    known = [*examined.values(), *([cache] if wanted == cache.selector else [])]
    everything = not any(each.complete for each in known)
    return [
        examined.get(each.selector)
        or (_from_snapshot(each, base) if everything else _unexamined(each, base))
        for each in found
    ]


def meant_by(wanted: str, found: Sequence[FoundSnapshot]) -> list[FoundSnapshot]:
    """Return the snapshots that a selector may mean, for `latest` in the order to try them.

    A day is one of the user's, whose zone is not known here.
    """
    if wanted == LATEST:
        usable = [each for each in found if each.subvolume.read_only]
        return sorted(usable, key=lambda each: -each.taken)
    if _DAY.fullmatch(wanted):
        day = utc_seconds(f"{wanted} 12:00")
        return (
            [] if day is None else [each for each in found if abs(each.taken - day) <= _FROM_NOON]
        )
    return [each for each in found if each.selector == wanted]


def _age(snapshot: FoundSnapshot) -> tuple[int, bool, int, str]:
    number = int(snapshot.selector) if snapshot.kind is SnapshotKind.SNAPPER else 0
    return (snapshot.taken, snapshot.kind is SnapshotKind.SNAPPER, number, snapshot.selector)


def _twin(snapshot: FoundSnapshot, first: FoundSnapshot, base: Path) -> Skipped:
    return Skipped(
        path=relative(snapshot.path, base),
        reason=Problem(
            message="{other} already has this name",
            values=(("other", relative(first.path, base)),),
        ),
    )


def _from_snapshot(snapshot: FoundSnapshot, base: Path) -> Candidate:
    system, problems = _inspect(Tree(snapshot.path))
    if is_unfinished(snapshot.path):
        problems = (unfinished_problem(), *problems)
    unexamined = _unexamined(snapshot, base)
    return replace(unexamined, system=system, problems=problems, examined=True)


def _unexamined(snapshot: FoundSnapshot, base: Path) -> Candidate:
    candidate = _candidate(
        selector=snapshot.selector,
        kind=snapshot.kind,
        path=snapshot.path.relative_to(base).as_posix(),
        taken=snapshot.taken,
        description=snapshot.description,
        size=snapshot.size,
        volume=snapshot.subvolume,
        system=None,
        problems=(),
    )
    return replace(candidate, examined=False)


def _inspect(tree: Tree) -> tuple[SystemFacts | None, tuple[Problem, ...]]:
    try:
        kernels = find_kernels(tree)  # once: it takes most of the time
        facts = read_facts(tree, kernels=kernels)
        known = not is_empty(tree) and read_os_release(tree) is not None
        return facts if known else None, admission_problems(tree, facts, kernels=kernels)
    except OSError as error:
        return None, (unreadable(error),)


def _candidate(
    *,
    selector: str,
    kind: SnapshotKind,
    path: str,
    taken: int,
    size: str,
    volume: Subvolume | None,
    system: SystemFacts | None,
    problems: tuple[Problem, ...],
    description: str = "",
) -> Candidate:
    return Candidate(
        selector=selector,
        kind=kind,
        path=path,
        taken=taken,
        description=description,
        size=size,
        read_only=volume is not None and volume.read_only,
        subvolume=volume is not None,
        uuid=volume.uuid if volume else "",
        system=system,
        problems=problems,
    )
