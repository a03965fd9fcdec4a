"""Finds out which packages a build adds: from a lock, or from the archives of the system."""

from dataclasses import replace
from pathlib import Path

from builder.basics.errors import HostError, UsageError
from builder.basics.regular import read_whole
from builder.basics.sizes import readable_size
from builder.border.added_packages import ResolveRequest
from builder.border.events import Note
from builder.border.jobs import RESOLVE, SYSTEM_DATA
from builder.border.labels import new_run
from builder.formats.added_packages import MOST_BYTES, AddedTo, PackagesLock, lock_of
from builder.host.config.build_config import PackagesSetting
from builder.host.engine import ContainerSpec
from builder.host.source.frozen import ChosenTree, tree_job


def wanted_packages(setting: PackagesSetting, tree: ChosenTree) -> PackagesLock:
    """Return what is added to the chosen tree.

    Raises UsageError for a lock of other wishes, SourceError where they cannot be fulfilled.
    """
    if setting.lock is None:
        lock = replace(resolved(setting, tree), layer=setting.layer)
    else:
        lock = read_lock(setting.lock)
    if _wanted(lock) != (setting.install, setting.remove, setting.layer):
        raise UsageError(
            "{path} is the lock of other packages: {locked} (layer: {layer})",
            hint="Make it again: `distroclone-builder packages lock` with the same --install and "
            "--remove, or the same build.yaml.",
            path=setting.lock,
            # As apt-get(8) writes what is to go.
            locked=", ".join([*lock.wishes, *(f"{name}-" for name in lock.removes)]),
            layer=lock.layer,
        )
    tree.on_event(
        Note(
            level="info",
            message="Packages to add: {count}, {size}; newer versions among them: {replaced}; "
            "to remove: {removed}",
            values={
                "count": str(len(lock.packages)),
                "size": readable_size(lock.size),
                "replaced": str(sum(bool(each.replaces) for each in lock.packages)),
                "removed": str(len(lock.removed)),
            },
        )
    )
    return lock


def _wanted(lock: PackagesLock) -> tuple[tuple[str, ...], tuple[str, ...], AddedTo]:
    return lock.wishes, lock.removes, lock.layer


def resolved(setting: PackagesSetting, tree: ChosenTree) -> PackagesLock:
    """Return the lock of what the archives of a tree have now."""
    with tree_job(SYSTEM_DATA, tree, exclude=(), keep=()) as spec:
        data = tree.engine.run(spec, tree.on_event)
    request = ResolveRequest(data=data, wishes=setting.install, removes=setting.remove)
    job = ContainerSpec(image=tree.image, job=RESOLVE, request=request, run=new_run())
    return tree.engine.run(job, tree.on_event).lock


def read_lock(path: Path) -> PackagesLock:
    """Read a lock, or the manifest of a build that added packages; UsageError for anything else."""
    try:
        return lock_of(read_whole(path.resolve(), limit=MOST_BYTES).decode("utf-8"))
    except OSError as error:
        raise UsageError(
            "The lock {path} cannot be read: {reason}",
            hint="Check the path; `distroclone-builder packages lock` writes such a file.",
            path=path,
            reason=error.strerror or error,
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "{path} is no lock of packages: {reason}",
            hint="`distroclone-builder packages lock` writes one; the manifest of a build that "
            "added packages has one, too.",
            path=path,
            reason=error,
        ) from error


def write_lock(path: Path, text: str) -> None:
    """Write a lock file. Raises HostError."""
    try:
        path.write_text(text, "ascii")
    except OSError as error:
        raise HostError(
            "{path} cannot be written: {reason}",
            hint="Choose a file that you can write to with --lock.",
            path=path,
            reason=error.strerror,
        ) from error
