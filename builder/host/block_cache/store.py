"""The store of compressed blocks as the engine sees it: a volume that stays, or a folder."""

import contextlib
from collections.abc import Iterator
from typing import Final

from builder.basics.codec import from_data
from builder.basics.errors import HostError
from builder.border.events import OnEvent
from builder.border.labels import BLOCK_CACHE, LABEL_ROLE, new_run
from builder.border.stored_blocks import PruneRequest, StoreFacts
from builder.host.config.build_config import BlockStoreSetting
from builder.host.engine import Bind, ContainerSpec, Engine, NamedVolume
from builder.host.engine.owner import labels

SHOWING: Final = ("DAC_READ_SEARCH",)
PRUNING: Final = ("DAC_OVERRIDE",)

_TARGET: Final = "/block-cache"  # builder.border.paths.BLOCK_CACHE, seen from here


def binds(store: BlockStoreSetting) -> tuple[Bind, ...]:
    """Return how a container sees a folder; nothing for the volume."""
    if store.folder is None:
        return ()
    return (Bind(source=str(store.folder), target=_TARGET, read_only=store.read_only),)


def volumes(store: BlockStoreSetting) -> tuple[NamedVolume, ...]:
    """Return how a container sees the volume; nothing for a folder."""
    if store.folder is not None:
        return ()
    return (NamedVolume(name=BLOCK_CACHE, target=_TARGET, read_only=store.read_only),)


def prepare(engine: Engine, store: BlockStoreSetting) -> None:
    """Have the volume; a folder must be there already."""
    if store.folder is None:
        # No run's label: it belongs to no run, and no sweep takes it.
        engine.keep_volume(BLOCK_CACHE, labels={LABEL_ROLE: "block-cache"})


@contextlib.contextmanager
def named(store: BlockStoreSetting | None) -> Iterator[None]:
    """Say that the folder is missing where the engine says that a bind's source is."""
    try:
        yield
    except HostError as error:
        if store is None or f"bind source path does not exist: {store.folder}" not in str(error):
            raise
        raise HostError(
            "There is no folder {path} for the block cache",
            hint="Make it first, on the engine's machine: `mkdir -p {path}`.",
            path=store.folder,
        ) from error


def place(engine: Engine, store: BlockStoreSetting) -> str:
    """Return where the store is on the engine's host."""
    prepare(engine, store)
    if store.folder is not None:
        return str(store.folder)
    path = engine.volume_path(BLOCK_CACHE)
    if path is None:
        raise HostError("The volume {name} was removed meanwhile", name=BLOCK_CACHE)
    return path


def show(engine: Engine, image: str, store: BlockStoreSetting, *, on_event: OnEvent) -> StoreFacts:
    """Count what the store holds."""
    spec = _spec(engine, image, store, job="show-blocks", request={}, capabilities=SHOWING)
    with named(store), engine.started(spec) as job:
        return from_data(StoreFacts, job.finish(on_event))


def prune(
    engine: Engine, image: str, store: BlockStoreSetting, *, limit: int, on_event: OnEvent
) -> StoreFacts:
    """Remove the least recently used blocks above `limit` bytes."""
    spec = _spec(
        engine,
        image,
        store,
        job="prune-blocks",
        request=PruneRequest(limit=limit),
        capabilities=PRUNING,
    )
    with named(store), engine.started(spec) as job:
        return from_data(StoreFacts, job.finish(on_event))


def _spec(
    engine: Engine,
    image: str,
    store: BlockStoreSetting,
    *,
    job: str,
    request: object,
    capabilities: tuple[str, ...],
) -> ContainerSpec:
    prepare(engine, store)
    return ContainerSpec(
        image=image,
        job=job,
        request=request,
        labels=labels(new_run(), job),
        binds=binds(store),
        stores=volumes(store),
        capabilities=capabilities,
    )
