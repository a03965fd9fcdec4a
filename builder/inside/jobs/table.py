"""The jobs that a container of ours can do: a request in, plain data out.

Each imports what it needs itself: a build starts four containers, and no image holds compiled
modules, so what nobody needs would cost half a second each time.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from builder.basics.codec import from_data, to_data
from builder.basics.errors import StepError
from builder.border import paths
from builder.border.boot_test import BootTestRequest
from builder.border.events import Event
from builder.border.plan import BuildPlan
from builder.border.requests import FreezeRequest, ScanRequest, ThawRequest, TreeInventoryRequest
from builder.border.stored_blocks import PruneRequest
from builder.inside.system.real_system import RealSystem

Emit = Callable[[Event], None]


def run(name: str, request: object, *, emit: Emit) -> Mapping[str, Any]:
    """Do the job `name` and return its result as plain data. Raises the tree of our errors."""
    job = _JOBS.get(name)
    if job is None:
        raise StepError("This image knows no job named {name}", name=name)
    return job(request, emit)


def _freeze(request: object, emit: Emit) -> Mapping[str, Any]:
    from builder.inside.source import freeze

    return {"frozen": freeze.freeze(from_data(FreezeRequest, request), system=RealSystem(emit))}


def _thaw(request: object, emit: Emit) -> Mapping[str, Any]:
    from builder.inside.source import freeze

    freeze.thaw(from_data(ThawRequest, request), system=RealSystem(emit))
    return {}


def _list_frozen(_request: object, _emit: Emit) -> Mapping[str, Any]:
    from builder.inside.source import freeze

    return {"names": freeze.list_frozen(paths.CACHE)}


def _build(request: object, emit: Emit) -> Mapping[str, Any]:
    from builder.inside.jobs import build as pipeline

    return pipeline.build(from_data(BuildPlan, request), emit=emit)


def _digest(data: object, emit: Emit) -> Mapping[str, Any]:
    from builder.inside.jobs import digest as name_tree

    request = from_data(TreeInventoryRequest, data)
    return dict(to_data(name_tree.name_tree(request, system=RealSystem(emit))))


def _boot_test(request: object, emit: Emit) -> Mapping[str, Any]:
    from builder.inside.boot_test import qemu

    return qemu.boot_test(from_data(BootTestRequest, request), emit=emit)


def _probe(_request: object, emit: Emit) -> Mapping[str, Any]:
    from builder.inside.jobs import probe

    return probe.probe(RealSystem(emit))


def _show_blocks(_request: object, _emit: Emit) -> Mapping[str, Any]:
    from builder.inside.blocks import store as block_cache

    return dict(to_data(block_cache.show(paths.BLOCK_CACHE)))


def _prune_blocks(request: object, _emit: Emit) -> Mapping[str, Any]:
    from builder.inside.blocks import store as block_cache

    limit = from_data(PruneRequest, request).limit
    return dict(to_data(block_cache.prune(paths.BLOCK_CACHE, limit=limit)))


def _verify(_request: object, emit: Emit) -> Mapping[str, Any]:
    from builder.inside.iso import read_iso

    system = RealSystem(emit)
    with system.step("open", position=2, total=2):
        return dict(to_data(read_iso.read_iso(paths.MEDIUM, system=system)))


def _explain(_request: object, emit: Emit) -> Mapping[str, Any]:
    from builder.inside.explain.isos import explain_isos

    system = RealSystem(emit)
    with system.step("explain", position=1, total=1):
        return dict(to_data(explain_isos(paths.ORIGINAL, paths.REBUILT, system=system)))


def _inventory(data: object, emit: Emit) -> Mapping[str, Any]:
    from builder.inside.inventory import tree_listing as inventory
    from builder.inside.source import mounted as source

    request = from_data(TreeInventoryRequest, data)
    system = RealSystem(emit)
    with (
        system.step("list", position=1, total=1),
        source.mounted_source(request.tree, system=system),
        source.unchanged(request.tree),
    ):
        rows = inventory.tree_rows(paths.SOURCE, exclude=request.exclude)
        return {"lines": inventory.write_inventory(rows, paths.INVENTORY)}


def _iso_inventory(_request: object, emit: Emit) -> Mapping[str, Any]:
    from builder.inside.inventory import (
        squashfs_listing as squashfs_inventory,
    )
    from builder.inside.inventory import (
        tree_listing as inventory,
    )

    system = RealSystem(emit)
    with system.step("list", position=1, total=1):
        rows = squashfs_inventory.iso_rows(paths.MEDIUM, system=system)
        return {"lines": inventory.write_inventory(rows, paths.INVENTORY)}


def _scan_job(data: object, emit: Emit) -> Mapping[str, Any]:
    from builder.inside.source import scan

    request = from_data(ScanRequest, data)
    with _cache(request, RealSystem(emit)) as mount:
        if request.image:
            report = scan.scan(scan.find_base(mount), volume=mount)
        else:
            report = scan.scan(mount)
    return dict(to_data(report))


@contextlib.contextmanager
def _cache(request: ScanRequest, system: RealSystem) -> Iterator[Path]:
    from builder.inside.source import cache_image

    if not request.image:
        yield paths.CACHE
        return
    with cache_image.mounted(paths.CACHE_IMAGE, paths.CACHE, system=system):
        yield paths.CACHE


_JOBS: Final[Mapping[str, Callable[[object, Emit], Mapping[str, Any]]]] = {
    "scan": _scan_job,
    "freeze": _freeze,
    "thaw": _thaw,
    "list-frozen": _list_frozen,
    "digest": _digest,
    "build": _build,
    "boot-test": _boot_test,
    "probe": _probe,
    "show-blocks": _show_blocks,
    "prune-blocks": _prune_blocks,
    "verify": _verify,
    "explain": _explain,
    "inventory": _inventory,
    "iso-inventory": _iso_inventory,
}
