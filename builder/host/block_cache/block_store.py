"""The store of compressed blocks as the engine sees it: a volume that stays, or a folder."""

import contextlib
import shlex
from collections.abc import Iterator
from dataclasses import replace

from builder.basics.errors import HostError
from builder.border import paths
from builder.border.events import OnEvent
from builder.border.jobs import PRUNE_BLOCKS, SHOW_BLOCKS, Job, Request
from builder.border.labels import BLOCK_CACHE, LABEL_ROLE, new_run
from builder.border.requests import Nothing
from builder.border.stored_blocks import PruneRequest, StoreFacts
from builder.host.config.build_config import BlockStoreSetting
from builder.host.engine import Bind, ContainerSpec, Engine, NamedVolume
from builder.host.engine.faults import BindMissingError


def binds(store: BlockStoreSetting) -> tuple[Bind, ...]:
    """Return how a container sees a folder; nothing for the volume."""
    if store.folder is None:
        return ()
    return (Bind(source=str(store.folder), target=paths.BLOCK_CACHE, read_only=store.read_only),)


def volumes(store: BlockStoreSetting) -> tuple[NamedVolume, ...]:
    """Return how a container sees the volume; nothing for a folder."""
    if store.folder is not None:
        return ()
    return (NamedVolume(name=BLOCK_CACHE, target=paths.BLOCK_CACHE, read_only=store.read_only),)


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
    except BindMissingError as error:
        if store is None or error.path != str(store.folder):
            raise
        raise HostError(
            "The block cache folder {path} does not exist",
            hint="Create it on the engine's machine: `mkdir -p {word}`.",
            path=store.folder,
            word=shlex.quote(str(store.folder)),
        ) from error


def place(engine: Engine, store: BlockStoreSetting) -> str:
    """Return where the store is on the engine's host."""
    prepare(engine, store)
    if store.folder is not None:
        return str(store.folder)
    path = engine.volume_path(BLOCK_CACHE)
    if path is None:
        raise HostError(
            "The volume {name} was removed in the meantime",
            hint="Run the command again: it makes a new one.",
            name=BLOCK_CACHE,
        )
    return path


def show(engine: Engine, image: str, store: BlockStoreSetting, *, on_event: OnEvent) -> StoreFacts:
    """Count what the store holds."""
    store = replace(store, read_only=True)
    spec = _spec(engine, image, store, job=SHOW_BLOCKS, request=Nothing())
    with named(store):
        return engine.run(spec, on_event)


def prune(
    engine: Engine, image: str, store: BlockStoreSetting, *, limit: int, on_event: OnEvent
) -> StoreFacts:
    """Remove the least recently used blocks above `limit` bytes."""
    spec = _spec(engine, image, store, job=PRUNE_BLOCKS, request=PruneRequest(limit=limit))
    with named(store):
        return engine.run(spec, on_event)


def _spec(
    engine: Engine,
    image: str,
    store: BlockStoreSetting,
    *,
    job: Job[Request, StoreFacts],
    request: Request,
) -> ContainerSpec[Request, StoreFacts]:
    prepare(engine, store)
    return ContainerSpec(
        image=image,
        job=job,
        request=request,
        run=new_run(),
        binds=binds(store),
        volumes=volumes(store),
    )
