"""The backup job: copy, then keep a snapshot; whatever ends it early, earlier snapshots stay.

Where the file system has none, the copy itself is all that there is.

From its first change of the tree to its last, the tree has a mark; the snapshot is made when the
mark is gone, so a snapshot without one is whole, whenever the power fails.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from builder.basics.errors import HostError
from builder.border import paths
from builder.border.backups import BackedUp, BackupRequest
from builder.formats.snapshot import SnapshotKind
from builder.inside.backup.absent_parts import check_parts
from builder.inside.backup.cache import Cache, locked, meta_draft, prepared
from builder.inside.backup.copying import Copied, Copying, copy, full_cache, shown
from builder.inside.backup.folders import sync_folder, write_atomically
from builder.inside.backup.keeping import keep
from builder.inside.backup.recording import Recorded
from builder.inside.backup.records import Record, meta_text
from builder.inside.backup.stored import stored_snapshots
from builder.inside.backup.system import (
    check_identity,
    check_same_system,
    check_system,
    still_there,
    warn_of_one_disk,
)
from builder.inside.debian.facts import read_facts
from builder.inside.source.scan import META, ROOTFS
from builder.inside.source.unfinished import mark, unmark
from builder.inside.system.system import System
from builder.inside.system.tool_error import ToolError
from builder.inside.tree.tree import Tree


class SteppedSystem(System, Protocol):
    """A system that announces steps."""

    def step(self, name: str, *, position: int, total: int) -> AbstractContextManager[None]:
        """Announce a step, and its end if it succeeds."""
        ...


def backup(
    request: BackupRequest,
    *,
    system: SteppedSystem,
    source: Path = paths.SOURCE,
    base: Path = paths.CACHE,
) -> BackedUp:
    """Copy the system, and keep a snapshot of the copy.

    Raises SourceError for what is no system or no cache, HostError where the cache is in use or
    full, StepError where something could not be copied.
    """
    check_identity(request.system, source)
    with locked(base):
        with system.step("copy", position=1, total=2), _written():
            check_system(source)
            check_parts(
                source,
                base / ROOTFS,
                mounted=request.mounted,
                filters=request.filters,
                system=system,
            )
            cache = prepared(base, new=request.new, system=system)
            if cache.plain:
                warn_of_one_disk(source, base, system=system)
            if not request.adopt:
                check_same_system(source, cache.rootfs)
            copied, recorded = _copy(request, cache, source=source, system=system)
        with system.step("keep", position=2, total=2), _written():
            record = _record(request, cache, recorded)
            text = meta_text(record, with_tree=cache.plain)
            write_atomically(base / META, text, draft=meta_draft(base))
            selector = _kept(request, cache, record, system=system)
        return BackedUp(
            selector=selector,
            date=record.date,
            distro=record.distro,
            size=record.size,
            entries=copied.entries,
            copied=copied.copied,
            deleted=copied.deleted,
            changed=copied.changed,
            changed_paths=copied.paths,
            snapshots=stored_snapshots(base),
        )


def _copy(
    request: BackupRequest, cache: Cache, *, source: Path, system: System
) -> tuple[Copied, Recorded]:
    copying = Copying(
        source=source,
        target=cache.rootfs,
        filters=request.filters,
        mounts=request.mounts,
        frozen=request.frozen,
    )
    mark(cache.rootfs, now=int(time.time()))
    # After others at the disk, where its scheduler has an order: ionice(1). rsync inherits it.
    rank = ["ionice", "--class", "2", "--classdata", "7", "--pid", str(os.getpid())]
    system.run(rank, success=(0, 1), logged=False)  # no matter where that is not possible
    with still_there(source) if request.frozen else contextlib.nullcontext():
        copied, recorded = copy(copying, system=system)
    check_system(source)
    if copied.changed:
        system.note(
            "{count} files changed while they were copied, for example {paths}: in the backup, "
            "each may be of any moment in between",
            warning=True,
            count=copied.changed,
            paths=shown(copied.paths),
        )
    return copied, recorded


def _record(request: BackupRequest, cache: Cache, recorded: Recorded) -> Record:
    facts = read_facts(Tree(cache.rootfs))
    newest = facts.kernels[0] if facts.kernels else ""
    return Record(
        now=int(time.time()),
        zone=request.zone,
        distro=facts.pretty_name,
        kernel=os.uname().release if request.running else newest,
        size=recorded.size,
        tree=recorded.tree,
    )


def _kept(request: BackupRequest, cache: Cache, record: Record, *, system: System) -> str:
    """Declare the tree complete, make a snapshot of it if that is possible, and return its name."""
    # Or a power cut could leave a tree without the mark, and files in it that are still empty.
    if cache.plain:
        system.run(["sync", "--file-system", str(cache.rootfs)])
        unmark(cache.rootfs)
        sync_folder(cache.rootfs)
        return SnapshotKind.CACHE.value
    system.run(["btrfs", "filesystem", "sync", str(cache.rootfs)])
    unmark(cache.rootfs)
    try:
        number = keep(cache, record, run=request.run, system=system)
        return str(number)
    except BaseException:
        with contextlib.suppress(OSError):  # for `backup status`: this backup was not the last word
            mark(cache.rootfs, now=record.now)
        raise


@contextlib.contextmanager
def _written() -> Iterator[None]:
    """Explain why the cache cannot be written."""
    try:
        yield
    except ToolError as error:
        raise full_cache(error) or error from error
    except OSError as error:
        raise HostError(
            "The cache cannot be written: {reason}",
            hint="Earlier snapshots, where there are any, are as good as before. Check the "
            "volume's free space and the disk, then run the backup again.",
            reason=error.strerror or error,
        ) from error
