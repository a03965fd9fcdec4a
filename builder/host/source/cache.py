"""Where a build reads from: the cache is scanned, and the chosen tree frozen, in containers.

The freezing container is the only one that may write to the cache's volume.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.codec import from_data
from builder.basics.errors import HostError, SourceError
from builder.basics.texts import say
from builder.border.cache_report import CacheReport, Candidate
from builder.border.events import OnEvent
from builder.border.labels import LABEL_CACHE, frozen_name, volume_name
from builder.border.requests import FreezeRequest, ScanRequest, ThawRequest
from builder.host.engine import Bind, ContainerSpec, Engine
from builder.host.engine.owner import labels

READING: Final = ("DAC_READ_SEARCH",)
MOUNTING: Final = ("DAC_READ_SEARCH", "MKNOD", "SYS_ADMIN")
FREEZING: Final = ("DAC_OVERRIDE", "SYS_ADMIN")

_CACHE: Final = "/cache"  # builder.border.paths, seen from here
_CACHE_IMAGE: Final = "/cache.img"
_SOURCE: Final = "/source"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSource:
    """A cache directory, or a file that holds a cache volume; paths of the engine's host."""

    path: Path
    is_image: bool

    def bind(self) -> Bind:
        """Return the read-only bind under which containers see it."""
        return Bind(source=str(self.path), target=_CACHE_IMAGE if self.is_image else _CACHE)

    def bind_tree(self, path: str) -> Bind:
        """Return the read-only bind of one tree in a cache directory."""
        return Bind(source=str(self.path / path), target=_SOURCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeBind:
    """How the build container sees the chosen tree."""

    bind: Bind
    frozen: bool


def scan_cache(
    engine: Engine, image: str, source: CacheSource, *, run: str, on_event: OnEvent
) -> CacheReport:
    """Read what the cache holds. Raises SourceError when there is none or it cannot be read."""
    spec = ContainerSpec(
        image=image,
        job="scan",
        request=ScanRequest(image=source.is_image),
        labels=labels(run, "scan"),
        binds=(source.bind(),),
        capabilities=MOUNTING if source.is_image else READING,
        loop_devices=source.is_image,
    )
    with _named(source), engine.started(spec) as job:
        return from_data(CacheReport, job.finish(on_event))


@contextlib.contextmanager
def work_volume(
    engine: Engine,
    image: str,
    source: CacheSource,
    candidate: Candidate,
    *,
    run: str,
    on_event: OnEvent,
) -> Iterator[str]:
    """Make the run's volume; when the body is left, thaw what `tree_bind` froze and remove it.

    In this order: the volume's label is what tells a sweep where a frozen snapshot may be.
    """
    marks = labels(run, "work")
    if not source.is_image:
        marks[LABEL_CACHE] = str(source.path)

    def thawed() -> None:
        if not source.is_image and candidate.subvolume:
            thaw(engine, image, source.path, (frozen_name(run),), run=run, on_event=on_event)

    with engine.volume(volume_name(run), labels=marks, before_removal=thawed) as volume:
        yield volume


def tree_bind(
    engine: Engine,
    image: str,
    source: CacheSource,
    candidate: Candidate,
    *,
    run: str,
    on_event: OnEvent,
) -> TreeBind:
    """Freeze the chosen tree where that can be; `work_volume` thaws it."""
    if source.is_image:
        return TreeBind(bind=source.bind(), frozen=False)
    if not candidate.subvolume:
        return TreeBind(bind=source.bind_tree(candidate.path), frozen=False)
    frozen = _freeze(engine, image, source, candidate, run=run, on_event=on_event)
    path = frozen_name(run) if frozen else candidate.path
    return TreeBind(bind=source.bind_tree(path), frozen=frozen)


def thaw(
    engine: Engine,
    image: str,
    base: Path,
    names: tuple[str, ...],
    *,
    run: str,
    on_event: OnEvent,
) -> None:
    """Remove frozen snapshots below a cache base; those that are gone are fine."""
    spec = ContainerSpec(
        image=image,
        job="thaw",
        request=ThawRequest(names=names),
        labels=labels(run, "thaw"),
        binds=(Bind(source=str(base), target=_CACHE, read_only=False),),
        capabilities=FREEZING,
    )
    with engine.started(spec) as job:
        job.finish(on_event)


def _freeze(
    engine: Engine,
    image: str,
    source: CacheSource,
    candidate: Candidate,
    *,
    run: str,
    on_event: OnEvent,
) -> bool:
    """Freeze the tree, and return whether this medium allows it."""
    request = FreezeRequest(path=candidate.path, name=frozen_name(run), uuid=candidate.uuid)
    spec = ContainerSpec(
        image=image,
        job="freeze",
        request=request,
        labels=labels(run, "freeze"),
        binds=(Bind(source=str(source.path), target=_CACHE, read_only=False),),
        capabilities=FREEZING,
    )
    with engine.started(spec) as job:
        return bool(job.finish(on_event)["frozen"])


@contextlib.contextmanager
def _named(source: CacheSource) -> Iterator[None]:
    """Say which cache it is, and that it is missing where the engine says that a bind is."""
    try:
        yield
    except SourceError as error:
        error.add_note(say("The cache is {path}", path=source.path))
        raise
    except HostError as error:
        if "bind source path does not exist" not in str(error):
            raise
        raise SourceError(
            "There is no cache at {path}",
            hint="Name the folder that holds .rootfs_cache and .backup_meta with --cache, or a "
            "file that holds such a btrfs volume with --cache-image.",
            path=source.path,
        ) from error
