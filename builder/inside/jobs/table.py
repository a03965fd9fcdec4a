"""The function for each job of `builder.border.jobs`.

Each function does its own imports: a build starts four containers, and images contain no compiled
modules, so unused imports would cost half a second each time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic

from builder.basics.codec import from_data, to_data
from builder.basics.errors import HostError, StepError
from builder.border import paths
from builder.border.added_packages import (
    AptData,
    Fetched,
    FetchRequest,
    Resolved,
    ResolveRequest,
)
from builder.border.backups import (
    BackedUp,
    BackupRequest,
    BrowseRequest,
    CacheState,
    Checked,
    CheckRequest,
    DeleteCacheRequest,
    DeleteSnapshotsRequest,
    FreezeSystemRequest,
    FrozenSystem,
    Listing,
    Restored,
    RestoreRequest,
)
from builder.border.boot_test import (
    BootTestRequest,
    BootTestResult,
    InstallTestRequest,
    InstallTestResult,
)
from builder.border.cache_report import CacheReport
from builder.border.differences import Explanation
from builder.border.events import OnEvent
from builder.border.iso_contents import IsoContents, IsoListed
from builder.border.jobs import (
    BACKUP,
    BACKUP_STATE,
    BOOT_TEST,
    BROWSE,
    BUILD,
    CHECK_CACHE,
    COPY_SYSTEM,
    DELETE_CACHE,
    DELETE_SNAPSHOTS,
    DIGEST,
    EXAMINE,
    EXPLAIN,
    FETCH,
    FREEZE,
    FREEZE_SYSTEM,
    INSTALL_TEST,
    INVENTORY,
    ISO_INVENTORY,
    LIST_FROZEN,
    LOOK_AT_TARGET,
    LOOK_BACK,
    MAKE_START,
    PROBE,
    PRUNE_BLOCKS,
    READ_DISK,
    RECEIVE,
    RESOLVE,
    RESTORE,
    ROLL_BACK,
    SCAN,
    SHOW_BLOCKS,
    SYSTEM_DATA,
    THAW,
    VERIFY,
    Job,
    Request,
    Result,
)
from builder.border.plan import BuildPlan
from builder.border.requests import (
    Abilities,
    Built,
    FreezeRequest,
    Frozen,
    FrozenNames,
    Listed,
    Nothing,
    Received,
    ReceiveRequest,
    ScanRequest,
    ThawRequest,
    TreeRequest,
)
from builder.border.stored_blocks import PruneRequest, StoreFacts
from builder.border.whole_systems import (
    CopySystemRequest,
    DiskRead,
    Looked,
    LookedBack,
    LookRequest,
    MadeStart,
    MakeStartRequest,
    ReadDiskRequest,
    RollbackRequest,
    RolledBack,
    SystemCopied,
)
from builder.formats.identities import TreeName
from builder.inside.system.real_system import RealSystem


@dataclass(frozen=True, slots=True)
class Handler(Generic[Request, Result]):
    """A job and its function."""

    job: Job[Request, Result]
    do: Callable[[Request, OnEvent], Result]

    def run(self, request: object, on_event: OnEvent) -> Mapping[str, Any]:
        """Run the job, and return its result as plain data."""
        _check_folders(self.job)
        return dict(to_data(self.do(from_data(self.job.request, request), on_event)))


def _check_folders(job: Job[Request, Result]) -> None:
    """Raise HostError where a file was given for a folder; engines mount one as well."""
    for sight in job.sees:
        if not sight.is_file and sight.target.exists() and not sight.target.is_dir():
            raise HostError(
                "What was given for {what} is not a folder",
                hint="Give the path of a folder on the engine's machine.",
                what=sight.what,
            )


def run(name: str, request: object, *, on_event: OnEvent) -> Mapping[str, Any]:
    """Run the job `name`, and return its result as plain data. Raises any of our errors."""
    handler = _HANDLERS.get(name)
    if handler is None:
        raise StepError("This builder image has no job named {name}", name=name)
    return handler.run(request, on_event)


def _scan(request: ScanRequest, on_event: OnEvent) -> CacheReport:
    from builder.inside.jobs import scan

    return scan.scan(request, system=RealSystem(on_event))


def _freeze(request: FreezeRequest, on_event: OnEvent) -> Frozen:
    from builder.inside.source import freeze

    return Frozen(frozen=freeze.freeze(request, system=RealSystem(on_event)))


def _thaw(request: ThawRequest, on_event: OnEvent) -> Nothing:
    from builder.inside.source import freeze

    freeze.thaw(request, system=RealSystem(on_event))
    return Nothing()


def _list_frozen(_request: Nothing, _on_event: OnEvent) -> FrozenNames:
    from builder.inside.source import freeze

    return FrozenNames(names=tuple(freeze.list_frozen(paths.CACHE)))


def _freeze_system(request: FreezeSystemRequest, on_event: OnEvent) -> FrozenSystem:
    from builder.inside.backup import system

    return system.freeze_system(request, system=RealSystem(on_event))


def _backup(request: BackupRequest, on_event: OnEvent) -> BackedUp:
    from builder.inside.backup import backing_up

    return backing_up.backup(request, system=RealSystem(on_event, confines=True))


def _backup_state(_request: Nothing, _on_event: OnEvent) -> CacheState:
    from builder.inside.backup import stored

    return stored.cache_state(paths.CACHE)


def _check_cache(request: CheckRequest, on_event: OnEvent) -> Checked:
    from builder.inside.backup import checking

    system = RealSystem(on_event)
    with system.step("check-cache", position=1, total=1):
        return checking.check(request, system=system)


def _delete_snapshots(request: DeleteSnapshotsRequest, on_event: OnEvent) -> Nothing:
    from builder.inside.backup import deleting

    system = RealSystem(on_event)
    with system.step("prune", position=1, total=1):
        deleting.delete_snapshots(request, system=system)
    return Nothing()


def _delete_cache(request: DeleteCacheRequest, on_event: OnEvent) -> Nothing:
    from builder.inside.backup import deleting

    system = RealSystem(on_event)
    with system.step("delete", position=1, total=1):
        deleting.delete_cache(request, system=system)
    return Nothing()


def _browse(request: BrowseRequest, on_event: OnEvent) -> Listing:
    from builder.inside.backup import browsing

    return browsing.browse(request, system=RealSystem(on_event))


def _restore(request: RestoreRequest, on_event: OnEvent) -> Restored:
    from builder.inside.backup import restoring

    system = RealSystem(on_event, confines=True)
    with system.step("restore", position=1, total=1):
        return restoring.restore(request, system=system)


def _look_at_target(request: LookRequest, on_event: OnEvent) -> Looked:
    from builder.inside.onto_disk import looking

    system = RealSystem(on_event)
    with system.step("look-at-target", position=1, total=1):
        return looking.look(request)


def _read_disk(request: ReadDiskRequest, on_event: OnEvent) -> DiskRead:
    from builder.inside.onto_disk import reading

    return reading.read_disk(request, system=RealSystem(on_event))


def _copy_system(request: CopySystemRequest, on_event: OnEvent) -> SystemCopied:
    from builder.inside.onto_disk import copying

    system = RealSystem(on_event, confines=True)
    with system.step("restore", position=1, total=2):
        return copying.copy_system(request, system=system)


def _make_start(request: MakeStartRequest, on_event: OnEvent) -> MadeStart:
    from builder.inside.onto_disk import job_machine, making_start

    system = RealSystem(on_event)
    with system.step("make-start", position=2, total=2):
        return making_start.make_start(request, machine=job_machine.JobMachine(system))


def _look_back(request: RollbackRequest, on_event: OnEvent) -> LookedBack:
    from builder.inside.onto_disk import looking_back

    system = RealSystem(on_event, confines=True)
    with system.step("look-back", position=1, total=1):
        return looking_back.look_back(request, system=system)


def _roll_back(request: RollbackRequest, on_event: OnEvent) -> RolledBack:
    from builder.inside.onto_disk import rolling_back

    system = RealSystem(on_event, confines=True)
    with system.step("roll-back", position=1, total=1):
        return rolling_back.roll_back(request, system=system)


def _build(plan: BuildPlan, on_event: OnEvent) -> Built:
    from builder.inside.jobs import build

    return build.build(plan, on_event=on_event)


def _examine(plan: BuildPlan, on_event: OnEvent) -> Listed:
    from builder.inside.jobs import examine

    return examine.examine(plan, on_event=on_event)


def _digest(request: TreeRequest, on_event: OnEvent) -> TreeName:
    from builder.inside.jobs import digest

    return digest.name_tree(request, system=RealSystem(on_event))


def _boot_test(request: BootTestRequest, on_event: OnEvent) -> BootTestResult:
    from builder.inside.boot_test import qemu

    return qemu.boot_test(request, system=RealSystem(on_event), on_event=on_event)


def _install_test(request: InstallTestRequest, on_event: OnEvent) -> InstallTestResult:
    from builder.inside.boot_test import install_test

    return install_test.install_test(request, on_event=on_event)


def _probe(_request: Nothing, on_event: OnEvent) -> Abilities:
    from builder.inside.jobs import probe

    return probe.probe(RealSystem(on_event))


def _show_blocks(_request: Nothing, _on_event: OnEvent) -> StoreFacts:
    from builder.inside.blocks import store

    return store.show(paths.BLOCK_CACHE)


def _prune_blocks(request: PruneRequest, _on_event: OnEvent) -> StoreFacts:
    from builder.inside.blocks import store

    return store.prune(paths.BLOCK_CACHE, limit=request.limit)


def _verify(_request: Nothing, on_event: OnEvent) -> IsoContents:
    from builder.inside.iso import read_iso

    system = RealSystem(on_event)
    with system.step("open", position=2, total=2):
        return read_iso.read_iso(paths.MEDIUM, system=system)


def _explain(_request: Nothing, on_event: OnEvent) -> Explanation:
    from builder.inside.explain.isos import explain_isos

    system = RealSystem(on_event)
    with system.step("explain", position=1, total=1):
        return explain_isos(paths.ORIGINAL, paths.REBUILT, system=system)


def _system_data(request: TreeRequest, on_event: OnEvent) -> AptData:
    from builder.inside.added import system_data
    from builder.inside.source import mounted
    from builder.inside.tree.tree import Tree

    system = RealSystem(on_event)
    with mounted.mounted_source(request.tree, system=system), mounted.unchanged(request.tree):
        return system_data.system_data(Tree(paths.SOURCE))


def _resolve(request: ResolveRequest, on_event: OnEvent) -> Resolved:
    from builder.inside.added import resolve

    system = RealSystem(on_event)
    with system.step("resolve", position=1, total=1):
        return resolve.resolve(request, system=system)


def _fetch(request: FetchRequest, on_event: OnEvent) -> Fetched:
    from builder.inside.added import fetch

    system = RealSystem(on_event)
    with system.step("fetch-packages", position=1, total=1):
        return fetch.fetch(request, paths.PACKAGES, system=system)


def _receive(request: ReceiveRequest, _on_event: OnEvent) -> Received:
    from builder.inside.source import receive

    return receive.receive(request, paths.SENT)


def _inventory(request: TreeRequest, on_event: OnEvent) -> Listed:
    from builder.inside.inventory import tree_listing
    from builder.inside.source import mounted

    system = RealSystem(on_event)
    with (
        system.step("list", position=1, total=1),
        mounted.mounted_source(request.tree, system=system),
        mounted.unchanged(request.tree),
    ):
        rows = tree_listing.tree_rows(paths.SOURCE, exclude=request.exclude, keep=request.keep)
        return Listed(lines=tree_listing.write_inventory(rows, paths.INVENTORY))


def _iso_inventory(_request: Nothing, on_event: OnEvent) -> IsoListed:
    from builder.inside.inventory import iso_listing, tree_listing

    system = RealSystem(on_event)
    with system.step("list", position=1, total=1):
        found = iso_listing.iso_rows(paths.MEDIUM, system=system)
        write = tree_listing.write_inventory
        return IsoListed(
            lines=write(found.system, paths.INVENTORY),
            live_lines=None if found.live is None else write(found.live, paths.LIVE_INVENTORY),
            boots=found.boots,
        )


_HANDLERS: Final[Mapping[str, Handler[Any, Any]]] = {
    handler.job.name: handler
    for handler in (
        Handler(SCAN, _scan),
        Handler(FREEZE, _freeze),
        Handler(THAW, _thaw),
        Handler(LIST_FROZEN, _list_frozen),
        Handler(FREEZE_SYSTEM, _freeze_system),
        Handler(BACKUP, _backup),
        Handler(BACKUP_STATE, _backup_state),
        Handler(CHECK_CACHE, _check_cache),
        Handler(DELETE_SNAPSHOTS, _delete_snapshots),
        Handler(DELETE_CACHE, _delete_cache),
        Handler(BROWSE, _browse),
        Handler(RESTORE, _restore),
        Handler(LOOK_AT_TARGET, _look_at_target),
        Handler(READ_DISK, _read_disk),
        Handler(COPY_SYSTEM, _copy_system),
        Handler(MAKE_START, _make_start),
        Handler(LOOK_BACK, _look_back),
        Handler(ROLL_BACK, _roll_back),
        Handler(DIGEST, _digest),
        Handler(BUILD, _build),
        Handler(EXAMINE, _examine),
        Handler(BOOT_TEST, _boot_test),
        Handler(INSTALL_TEST, _install_test),
        Handler(PROBE, _probe),
        Handler(SHOW_BLOCKS, _show_blocks),
        Handler(PRUNE_BLOCKS, _prune_blocks),
        Handler(VERIFY, _verify),
        Handler(EXPLAIN, _explain),
        Handler(SYSTEM_DATA, _system_data),
        Handler(RESOLVE, _resolve),
        Handler(FETCH, _fetch),
        Handler(RECEIVE, _receive),
        Handler(INVENTORY, _inventory),
        Handler(ISO_INVENTORY, _iso_inventory),
    )
}
