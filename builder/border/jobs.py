"""The jobs that a container can do: one row each, used by both sides.

The host starts a container exactly as its row says and never lets it see more; the container finds
its code by the row's name. The table in docs/architecture.md is made from these rows.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Generic, TypeVar

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
from builder.border.iso_contents import IsoContents, IsoListed
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

Request = TypeVar("Request")
Result = TypeVar("Result")

KVM: Final = "/dev/kvm"
_GIB: Final = 1 << 30
_HOUR: Final = 3600  # seconds
_FULL_SHARE: Final = 1024
_IN_THE_BACKGROUND: Final = 102  # a tenth of what others get; all that nobody else wants


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Something outside that a job may see."""

    what: str
    target: Path  # where it is in the container
    writable: bool = False
    optional: bool = False
    is_file: bool = False  # otherwise a folder
    with_mounts: bool = False  # file systems that are mounted in it may be bound at their places


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The resources that a container may use before it is killed."""

    memory: int = 3 * _GIB // 2  # bytes that all its processes may use, without any swap
    processes: int = 512  # and threads
    seconds: int = 2 * _HOUR
    quiet: int = 2 * _HOUR  # seconds without any event
    output: int = 512 << 20  # bytes of events, and of whatever else it prints
    processor: int = _FULL_SHARE  # against others that want it too: cpu_shares of docker run(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Generic[Request, Result]):
    """The request, the result, and everything that the container may see and do."""

    name: str
    request: type[Request]
    result: type[Result]
    sees: tuple[Sight, ...]
    capabilities: tuple[str, ...]
    why: str
    limits: Limits = field(default_factory=Limits)
    loop_devices: bool = False  # it may attach files to loop devices
    disks: bool = False  # it is given the devices of a disk
    network: bool = False

    @property
    def on_image(self) -> bool:
        """Whether this row is the variant of a job for a cache image."""
        return _IMAGE in self.sees


_CACHE: Final = Sight(what="the cache", target=paths.CACHE)
_CACHE_TO_FREEZE: Final = replace(_CACHE, writable=True)
_IMAGE: Final = Sight(what="the cache image", target=paths.CACHE_IMAGE, is_file=True)
_TREE: Final = Sight(what="the chosen tree", target=paths.SOURCE)
_SYSTEM: Final = Sight(what="the system", target=paths.SOURCE)
_TARGET: Final = Sight(what="the target disk's file systems", target=paths.TARGET)
_TARGET_TO_FILL: Final = replace(_TARGET, writable=True)
_PACKAGES: Final = Sight(what="the files of added packages", target=paths.PACKAGES)
_ISO: Final = Sight(what="the ISO", target=paths.MEDIUM, is_file=True)
_WORK: Final = Sight(what="its work volume", target=paths.WORK, writable=True)
_BLOCKS: Final = Sight(what="the block cache", target=paths.BLOCK_CACHE)
_BLOCKS_TO_CHANGE: Final = replace(_BLOCKS, writable=True)

_READING: Final = ("DAC_READ_SEARCH",)
_MOUNTING: Final = ("MKNOD", "SYS_ADMIN")
_FREEZING: Final = ("DAC_OVERRIDE", "SYS_ADMIN")
_BUILDING: Final = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "MKNOD", "SETFCAP", "SETGID",
    "SETUID", "SYS_ADMIN", "SYS_CHROOT",
)  # fmt: skip
_COPYING: Final = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "MKNOD", "SETFCAP",
    "SYS_ADMIN", "SYS_CHROOT",
)  # fmt: skip
_ANY_OWNER: Final = "to read files of any owner"

SCAN: Final = Job(
    name="scan",
    request=ScanRequest,
    result=CacheReport,
    sees=(_CACHE,),
    capabilities=_READING,
    why=_ANY_OWNER,
)
SCAN_TREE: Final = replace(SCAN, sees=(_TREE,))
FREEZE: Final = Job(
    name="freeze",
    request=FreezeRequest,
    result=Frozen,
    sees=(_CACHE_TO_FREEZE,),
    capabilities=_FREEZING,
    why="to make one btrfs snapshot; it does nothing else",
)
THAW: Final = Job(
    name="thaw",
    request=ThawRequest,
    result=Nothing,
    sees=(_CACHE_TO_FREEZE,),
    capabilities=_FREEZING,
    why="to delete the snapshots that `freeze` made; it does nothing else",
)
LIST_FROZEN: Final = Job(
    name="list-frozen",
    request=Nothing,
    result=FrozenNames,
    sees=(_CACHE,),
    capabilities=_READING,
    why="for `sweep`",
)
FREEZE_SYSTEM: Final = Job(
    name="freeze-system",
    request=FreezeSystemRequest,
    result=FrozenSystem,
    sees=(replace(_SYSTEM, writable=True),),
    capabilities=_FREEZING,
    why="to make one btrfs snapshot of a system that runs; it does nothing else",
)
BACKUP: Final = Job(
    name="backup",
    request=BackupRequest,
    result=BackedUp,
    sees=(replace(_SYSTEM, with_mounts=True), _CACHE_TO_FREEZE),
    capabilities=_COPYING,
    why="a copy that keeps owners, modes, device nodes and every attribute, and a snapshot of it",
    limits=Limits(seconds=48 * _HOUR, processor=_IN_THE_BACKGROUND),
)
BACKUP_STATE: Final = Job(
    name="backup-state",
    request=Nothing,
    result=CacheState,
    sees=(_CACHE,),
    capabilities=_READING,
    why=_ANY_OWNER,
)
CHECK_CACHE: Final = Job(
    name="check-cache",
    request=CheckRequest,
    result=Checked,
    sees=(_CACHE,),
    capabilities=_READING,
    why=_ANY_OWNER,
    limits=Limits(seconds=48 * _HOUR, processor=_IN_THE_BACKGROUND),
)
DELETE_SNAPSHOTS: Final = Job(
    name="delete-snapshots",
    request=DeleteSnapshotsRequest,
    result=Nothing,
    sees=(_CACHE_TO_FREEZE,),
    capabilities=_FREEZING,
    why="to delete the snapshots that it is given by name and UUID; it does nothing else",
)
DELETE_CACHE: Final = Job(
    name="delete-cache",
    request=DeleteCacheRequest,
    result=Nothing,
    sees=(_CACHE_TO_FREEZE,),
    capabilities=(*_FREEZING, "FOWNER"),
    why="to delete a whole cache: its snapshots, its tree and its metadata",
)
BROWSE: Final = Job(
    name="browse",
    request=BrowseRequest,
    result=Listing,
    sees=(_TREE, Sight(what="the earlier snapshot", target=paths.EARLIER, optional=True)),
    capabilities=_READING,
    why=_ANY_OWNER,
)
RESTORE: Final = Job(
    name="restore",
    request=RestoreRequest,
    result=Restored,
    sees=(
        _TREE,
        Sight(what="the empty folder for what is restored", target=paths.RESTORED, writable=True),
    ),
    capabilities=_COPYING,
    why="a copy that keeps owners, modes, device nodes and every attribute",
    limits=Limits(seconds=48 * _HOUR),
)
LOOK_AT_TARGET: Final = Job(
    name="look-at-target",
    request=LookRequest,
    result=Looked,
    sees=(_TREE, _TARGET),
    capabilities=_READING,
    why="for the plan of `restore --system`: " + _ANY_OWNER,
    limits=Limits(seconds=12 * _HOUR),
)
READ_DISK: Final = Job(
    name="read-disk",
    request=ReadDiskRequest,
    result=DiskRead,
    sees=(),
    capabilities=(),
    why="to read the ids of file systems and the table of partitions; nothing is mounted",
    disks=True,
)
COPY_SYSTEM: Final = Job(
    name="copy-system",
    request=CopySystemRequest,
    result=SystemCopied,
    sees=(_TREE, _TARGET_TO_FILL),
    capabilities=_COPYING,
    why="as `restore`; nothing of the system is run",
    limits=Limits(seconds=48 * _HOUR),
)
MAKE_START: Final = Job(
    name="make-start",
    request=MakeStartRequest,
    result=MadeStart,
    sees=(_TARGET_TO_FILL,),
    capabilities=_BUILDING,
    why="the restored system's own tools make its initramfs and write the boot loader to its disk; "
    "they see no cache",
    limits=Limits(processes=4096, seconds=12 * _HOUR),
    disks=True,
)
_ROLLED_BACK: Final = Sight(
    what="the system that is rolled back, with parts on other disks",
    target=paths.TARGET,
    with_mounts=True,
)
LOOK_BACK: Final = Job(
    name="look-back",
    request=RollbackRequest,
    result=LookedBack,
    sees=(_TREE, _ROLLED_BACK),
    capabilities=_COPYING,
    why="for the plan of `restore --rollback`: the copy that `roll-back` makes, as a trial",
    limits=Limits(seconds=12 * _HOUR),
)
ROLL_BACK: Final = Job(
    name="roll-back",
    request=RollbackRequest,
    result=RolledBack,
    sees=(_TREE, replace(_ROLLED_BACK, writable=True)),
    capabilities=_COPYING,
    why="as `restore`; nothing of the system is run",
    limits=Limits(seconds=48 * _HOUR),
)
DIGEST: Final = Job(
    name="digest",
    request=TreeRequest,
    result=TreeName,
    sees=(_TREE,),
    capabilities=_READING,
    why="`reproduce` finds a tree by its digest",
    limits=Limits(seconds=12 * _HOUR, quiet=12 * _HOUR),
)
BUILD: Final = Job(
    name="build",
    request=BuildPlan,
    result=Built,
    sees=(
        _TREE,
        _WORK,
        replace(_BLOCKS_TO_CHANGE, optional=True),
        replace(_PACKAGES, optional=True),
        Sight(
            what="the run's partial folder in the output folder",
            target=paths.DELIVERY,
            writable=True,
            optional=True,
        ),
    ),
    capabilities=_BUILDING,
    why="a copy that keeps owners, modes, device nodes and file capabilities, or an overlay; "
    "mounts and chroot for the initramfs",
    limits=Limits(processes=4096, seconds=48 * _HOUR, quiet=12 * _HOUR),
)
EXAMINE: Final = Job(
    name="examine",
    request=BuildPlan,
    result=Listed,
    sees=(_TREE, _WORK),
    capabilities=_BUILDING,
    why="`privacy` stages, cleans and searches a tree as a build does; nothing of it is run",
    limits=Limits(seconds=12 * _HOUR),
)
SYSTEM_DATA: Final = Job(
    name="system-data",
    request=TreeRequest,
    result=AptData,
    sees=(_TREE,),
    capabilities=_READING,
    why="to tell apt what a system has: " + _ANY_OWNER,
)
RESOLVE: Final = Job(
    name="resolve",
    request=ResolveRequest,
    result=Resolved,
    sees=(),
    capabilities=(),
    why="apt asks the archives of a system which packages are to be added; it sees no tree",
    limits=Limits(memory=3 * _GIB),
    network=True,
)
FETCH: Final = Job(
    name="fetch-packages",
    request=FetchRequest,
    result=Fetched,
    sees=(replace(_PACKAGES, writable=True),),
    capabilities=("CHOWN", "DAC_OVERRIDE", "FOWNER"),
    why="to get files by their SHA-256 into a folder of any owner; it sees no tree",
    network=True,
)
RECEIVE: Final = Job(
    name="receive",
    request=ReceiveRequest,
    result=Received,
    sees=(Sight(what="the volume of a source that is sent", target=paths.SENT, writable=True),),
    capabilities=("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP"),
    why="to unpack a tree that was sent to the engine, with its owners, modes, device nodes and "
    "file capabilities; nothing of it is run",
    limits=Limits(seconds=12 * _HOUR),
)
INVENTORY: Final = Job(
    name="inventory",
    request=TreeRequest,
    result=Listed,
    sees=(_TREE,),
    capabilities=_READING,
    why=_ANY_OWNER,
    limits=Limits(seconds=12 * _HOUR, quiet=12 * _HOUR),
)
ISO_INVENTORY: Final = Job(
    name="iso-inventory",
    request=Nothing,
    result=IsoListed,
    sees=(_ISO,),
    capabilities=_READING,
    why="as `verify`",
)
VERIFY: Final = Job(
    name="verify",
    request=Nothing,
    result=IsoContents,
    sees=(_ISO,),
    capabilities=_READING,
    why="to read an ISO that only its owner may read; one file of its squashfs is read, nothing "
    "is unpacked",
)
EXPLAIN: Final = Job(
    name="explain",
    request=Nothing,
    result=Explanation,
    sees=(
        Sight(what="the original ISO", target=paths.ORIGINAL, is_file=True),
        Sight(what="the rebuilt ISO", target=paths.REBUILT, is_file=True),
    ),
    capabilities=_READING,
    why="to read ISOs that only their owner may read",
)
SHOW_BLOCKS: Final = Job(
    name="show-blocks",
    request=Nothing,
    result=StoreFacts,
    sees=(_BLOCKS,),
    capabilities=_READING,
    why=_ANY_OWNER,
)
PRUNE_BLOCKS: Final = Job(
    name="prune-blocks",
    request=PruneRequest,
    result=StoreFacts,
    sees=(_BLOCKS_TO_CHANGE,),
    capabilities=("DAC_OVERRIDE",),
    why="to remove files of any owner",
)
PROBE: Final = Job(
    name="probe",
    request=Nothing,
    result=Abilities,
    sees=(_WORK,),
    capabilities=_BUILDING,
    why="`doctor` finds out by trying what a build needs",
    loop_devices=True,
)
BOOT_TEST: Final = Job(
    name="boot-test",
    request=BootTestRequest,
    result=BootTestResult,
    sees=(_ISO, Sight(what="KVM", target=Path(KVM), writable=True, optional=True, is_file=True)),
    capabilities=("DAC_OVERRIDE",),
    why="QEMU, in an image of its own",
    limits=Limits(memory=4 * _GIB),
)

INSTALL_TEST: Final = Job(
    name="install-test",
    request=InstallTestRequest,
    result=InstallTestResult,
    sees=BOOT_TEST.sees,
    capabilities=BOOT_TEST.capabilities,
    why="QEMU, in the image of `boot-test`",
    limits=BOOT_TEST.limits,
)


def on_image(job: Job[Request, Result]) -> Job[Request, Result]:
    """Return the variant of a job for a cache image, whose volume it mounts itself.

    It mounts the volume read-only, in its own mount namespace.
    """
    others = tuple(each for each in job.sees if each not in (_CACHE, _TREE))
    return replace(
        job,
        sees=(_IMAGE, *others),
        capabilities=tuple(sorted({*job.capabilities, *_MOUNTING})),
        why=f"{job.why}; to mount the volume, read-only, in its own mount namespace",
        loop_devices=True,
    )


JOBS: Final = (
    SCAN, SCAN_TREE, on_image(SCAN), FREEZE, THAW, LIST_FROZEN, FREEZE_SYSTEM, BACKUP, BACKUP_STATE,
    CHECK_CACHE, DELETE_SNAPSHOTS, DELETE_CACHE, BROWSE, RESTORE, LOOK_AT_TARGET, READ_DISK,
    COPY_SYSTEM, MAKE_START, LOOK_BACK, ROLL_BACK, BUILD, on_image(BUILD), EXAMINE,
    on_image(EXAMINE), SYSTEM_DATA, on_image(SYSTEM_DATA), RESOLVE, FETCH, RECEIVE, DIGEST,
    on_image(DIGEST), INVENTORY, on_image(INVENTORY), ISO_INVENTORY, VERIFY, EXPLAIN, SHOW_BLOCKS,
    PRUNE_BLOCKS, PROBE, BOOT_TEST, INSTALL_TEST,
)  # fmt: skip
