"""Rolls a system back to a snapshot: looks first, backs up what is there, then changes it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, HostError, SourceError, UsageError
from builder.basics.rsync_patterns import literal
from builder.basics.texts import say
from builder.border import paths
from builder.border.backups import DISKS, CacheState, FolderIdentity, StoredSnapshot
from builder.border.events import OnEvent
from builder.border.jobs import LOOK_BACK, ROLL_BACK
from builder.border.labels import new_run
from builder.border.whole_systems import LookedBack, RollbackRequest, RolledBack
from builder.formats.rollback_mark import Goal, goal_of
from builder.host.backup.mount_points import MountPoint, point_of
from builder.host.backup.planning import RUNNING, BackupPlan, Seen, seen_system
from builder.host.backup.retention import Retention
from builder.host.backup.selecting import selected
from builder.host.backup.session import back_up
from builder.host.backup.status import read_state
from builder.host.backup.target_disk import HERE, ThisMachine
from builder.host.backup.whole_system import check_complete, check_engine, identity_of
from builder.host.engine import Bind, ContainerSpec, Engine
from builder.host.engine.owner import ourselves
from builder.host.image.builder_image import ensure_builder
from builder.host.source.local_zone import local_zone

# Without these, a system is not in one piece; everything else that is mounted stays as it is.
_PARTS: Final = ("boot", "usr", "var", "var/lib", "usr/local", "opt")
_WHOLE: Final = ("usr", "etc", "var", "var/lib")
_KEPT: Final = Retention(at_once=0)  # of a backup that is made only to be able to go back


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """What is asked for."""

    cache: Path
    selector: str
    root: Path = RUNNING
    include_home: bool = False
    exclude: tuple[str, ...] = ()
    saves: bool = True  # what is there is backed up first

    @property
    def backup(self) -> BackupPlan:
        """The backup that takes with it all that the rollback may change, and nothing else."""
        return BackupPlan(
            cache=self.cache,
            source=self.root,
            include_home=self.include_home,
            exclude=self.exclude,
            retention=_KEPT,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackPlan:
    """What would be done; made without writing anything."""

    asked: Rollback
    snapshot: StoredSnapshot
    request: RollbackRequest
    looked: LookedBack
    continued: bool  # an earlier rollback did not finish
    others: tuple[str, ...]  # where other file systems are mounted, which stay as they are

    @property
    def saves(self) -> bool:
        """Whether what is there is backed up first; what is half and half is not worth it."""
        return self.asked.saves and not self.continued


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackDone:
    """What was done."""

    saved: str | None  # the snapshot of what was there before
    done: RolledBack


def planned_rollback(
    asked: Rollback, engine: Engine, *, on_event: OnEvent, machine: ThisMachine = HERE
) -> RollbackPlan:
    """Look at the snapshot and the system. Raises for all that is in the way, as the job does."""
    check_engine(engine)
    state = read_state(asked.cache, engine, on_event=on_event)
    goal = goal_of(asked.root)
    snapshot = _chosen(state, asked.selector, goal)
    check_complete(snapshot)
    if not snapshot.uuid and asked.saves and goal is None:
        raise UsageError(
            "The cache has no snapshots: to save what is there now would replace what you go "
            "back to",
            hint="Back up into another cache first if you want to be able to go forward again. "
            "--no-backup then rolls back without saving.",
        )
    seen = _seen(asked, engine, machine)
    _check_apart(asked, seen, machine)
    request = _request(asked, seen, snapshot, machine)
    looked = engine.run(
        ContainerSpec(
            image=ensure_builder(engine, on_event=on_event).id,
            job=LOOK_BACK,
            request=request,
            run=new_run(),
            binds=_binds(asked, request, snapshot, read_only=True),
        ),
        on_event,
    )
    return RollbackPlan(
        asked=asked,
        snapshot=snapshot,
        request=request,
        looked=looked,
        continued=goal is not None,
        others=tuple(each.path for each in _others(seen)),
    )


def carry_back(
    plan: RollbackPlan, engine: Engine, *, on_event: OnEvent, machine: ThisMachine = HERE
) -> RollbackDone:
    """Carry the plan out. Raises what the jobs raise; then the same command goes on."""
    asked, saved = plan.asked, None
    if plan.saves:
        try:
            outcome = back_up(asked.backup, engine, on_event=on_event, mountinfo=machine.mountinfo)
        except BuilderError as error:
            error.add_note(
                say("Nothing was rolled back. --no-backup does it without saving what is there")
            )
            raise
        saved = outcome.done.selector
    request = _request(asked, _seen(asked, engine, machine), plan.snapshot, machine)
    if replace(request, others=plan.request.others) != plan.request:  # containers mount, too
        raise UsageError(
            "What is mounted in {path} changed meanwhile, so nothing was rolled back",
            hint="Run the same command again.",
            path=asked.root,
        )
    spec = ContainerSpec(
        image=ensure_builder(engine, on_event=on_event).id,
        job=ROLL_BACK,
        request=request,
        run=new_run(),
        binds=_binds(asked, request, plan.snapshot, read_only=False),
    )
    return RollbackDone(saved=saved, done=engine.run(spec, on_event))


def _chosen(state: CacheState, selector: str, goal: Goal | None) -> StoredSnapshot:
    """Return the snapshot that is meant: of a rollback that is gone on with, the same as before.

    The newest one is another by then, as what was there before has been backed up.
    """
    if goal is None or goal.asked != selector:
        return selected(state.snapshots, selector, zone=local_zone())
    for each in state.snapshots:
        if identity_of(each) == goal.snapshot:
            return each
    raise SourceError(
        "The snapshot that the system was being rolled back to is not in this cache",
        hint="Give the cache that it is in, or another snapshot by its number: "
        "`distroclone-builder snapshots` lists them.",
    )


def _check_apart(asked: Rollback, seen: Seen, machine: ThisMachine) -> None:
    """Raise UsageError for a cache in what is rolled back, or a system that is not whole."""
    parts = _parts(seen)
    points = machine.points()
    if any(_is_in(asked.cache.resolve(), seen.source / each, points) for each in ("", *parts)):
        raise UsageError(
            "The cache {cache} is in the system that would be rolled back",
            hint="A rollback must not change what it reads. Mount the cache's volume by itself, "
            "e.g. at /mnt, or start a live system.",
            cache=asked.cache,
        )
    for each in _WHOLE:
        if each in seen.mounted and each not in parts:
            raise UsageError(
                "/{place} of the system is on a file system that cannot be rolled back",
                hint="The rest would not fit it. Restore single files with --to.",
                place=each,
            )
    root = point_of(seen.source, points)
    if root.path and not root.writable:
        raise HostError(
            "{path} is mounted read-only",
            hint="Look why: `dmesg` says whether its disk has errors. Mount it for writing.",
            path=root.path,
        )


def _is_in(cache: Path, rolled: Path, points: Sequence[MountPoint]) -> bool:
    """Whether the cache is on the file system at `rolled`, and there below it; however mounted."""
    there, here = point_of(cache, points), point_of(rolled, points)
    if there.device != here.device:
        return False
    inside = Path(there.root) / cache.relative_to(there.path)
    return inside.is_relative_to(Path(here.root) / rolled.relative_to(here.path))


def _parts(seen: Seen) -> tuple[str, ...]:
    """Return the separate file systems that are rolled back, too."""
    kept = [each for each in seen.mounts.disks if each.kind in DISKS and each.writable]
    places = [str(Path(each.path).relative_to(seen.source)) for each in kept]
    homes = ("home", "root")
    return tuple(each for each in places if each in _PARTS or each in homes)


def _request(
    asked: Rollback, seen: Seen, snapshot: StoredSnapshot, machine: ThisMachine
) -> RollbackRequest:
    status, parts = seen.source.stat(), _parts(seen)
    own = own_folders() if seen.source == RUNNING else ()
    return RollbackRequest(
        target=FolderIdentity(boot=ourselves().boot, device=status.st_dev, inode=status.st_ino),
        snapshot=identity_of(snapshot),
        asked=asked.selector,
        filters=(*seen.filters, *(f"- {literal(each)}" for each in own)),
        parts=parts,
        others=tuple(each for each in seen.mounted if each not in parts),
        homes=asked.include_home,
        keeps_boot=("boot" in seen.mounted and "boot" not in parts) or _leaves_out_boot(asked),
        kernel=machine.kernel if seen.source == RUNNING else "",
    )


def own_folders(
    *, prefix: str = sys.prefix, base: str = sys.base_prefix, module: str = __file__
) -> tuple[str, ...]:
    """Return where this program is installed, but for what belongs to the system's packages.

    It has to finish, and to go forward again, also where it came after the snapshot.
    """
    environment = [Path(prefix)] if prefix != base else []
    found = (*environment, Path(module).resolve().parents[2])
    ours = [each for each in found if not each.is_relative_to("/usr") or "local" in each.parts]
    return tuple(dict.fromkeys(str(each) for each in ours if each != Path("/")))


def _leaves_out_boot(asked: Rollback) -> bool:
    return any(each.rstrip("/*") == "/boot" for each in asked.exclude)


def _seen(asked: Rollback, engine: Engine, machine: ThisMachine) -> Seen:
    root = Path(engine.facts().root)
    return seen_system(asked.backup, engine_root=root, mountinfo=machine.mountinfo)


def _others(seen: Seen) -> list[MountPoint]:
    """Return the disks and shares that are not rolled back."""
    parts = {str(seen.source / each) for each in _parts(seen)}
    found = (*seen.mounts.disks, *seen.mounts.elsewhere, *seen.mounts.foreign)
    return [each for each in found if each.path not in parts]


def _binds(
    asked: Rollback, request: RollbackRequest, snapshot: StoredSnapshot, *, read_only: bool
) -> tuple[Bind, ...]:
    root = asked.root.resolve()
    system = [
        Bind(source=str(root / each), target=paths.TARGET / each, read_only=read_only, alone=True)
        for each in ("", *request.parts)
    ]
    stored = Bind(source=str(asked.cache.resolve() / snapshot.path), target=paths.SOURCE)
    return (stored, *system)
