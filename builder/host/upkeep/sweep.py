"""Finds what crashed runs left behind, by label or name, and removes it.

Only what belongs to a run whose process has certainly ended is touched, and no build that goes on
without it: `builder.host.build.alone`.
"""

import shutil
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from builder.basics.errors import BuilderError, Interrupted
from builder.border import paths
from builder.border.events import Note, OnEvent
from builder.border.jobs import LIST_FROZEN
from builder.border.labels import (
    LABEL_CACHE,
    LABEL_OUTPUT,
    LABEL_OWNER,
    LABEL_RUN,
    frozen_name,
    is_run,
    new_run,
)
from builder.border.requests import Nothing
from builder.host.engine import Bind, ContainerSpec, Engine, Leftover
from builder.host.engine.owner import parse_owner
from builder.host.output.delivery import partial_folder
from builder.host.source.cache_named import cache_named
from builder.host.source.frozen import thaw


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep removed, and what it had to leave; `builds` are those that go on alone."""

    containers: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()


def sweep_leftovers(
    engine: Engine, image: str, *, caches: Sequence[Path], on_event: OnEvent
) -> Swept:
    """Remove what ended runs left in the engine, and frozen snapshots below the caches.

    The caches that left volumes name are looked at as well as `caches`.
    """
    found = engine.leftover_containers()
    alone = _alone(found)
    containers = [each for each in found if _is_orphan(each, alone)]
    for container in containers:
        engine.remove_container(container.id)
    images = [each.id for each in engine.leftover_images() if _is_orphan(each, alone)]
    removed = tuple(each for each in images if engine.images.remove_unused(each))
    volumes = [each for each in engine.leftover_volumes() if _is_orphan(each, alone)]
    named = [Path(each.labels[LABEL_CACHE]) for each in volumes if LABEL_CACHE in each.labels]
    frozen: list[str] = []
    failures: list[str] = []
    for cache in dict.fromkeys([*caches, *named]):
        try:
            frozen += _thaw_orphans(engine, image, cache, alone=alone, on_event=on_event)
        except Interrupted:
            raise
        except BuilderError as error:
            failures.append(str(error) if str(cache) in str(error) else f"{cache}: {error}")
    if not failures:  # a volume's label is what tells a later sweep where to look
        for volume in volumes:
            _remove_partial(volume)
            engine.remove_volume(volume.id)
    return Swept(
        containers=tuple(each.id[:12] for each in containers),
        volumes=tuple(each.id for each in volumes) if not failures else (),
        frozen=tuple(frozen),
        images=removed,
        failures=tuple(failures),
        builds=tuple(sorted(alone)),
    )


def _remove_partial(volume: Leftover) -> None:
    """Remove the results that the run of a work volume had not finished."""
    output, run = volume.labels.get(LABEL_OUTPUT, ""), volume.labels.get(LABEL_RUN, "")
    if output and is_run(run):
        shutil.rmtree(partial_folder(Path(output), run), ignore_errors=True)


def orphans(engine: Engine) -> tuple[Leftover, ...]:
    """Return what ended runs left in the engine, without touching it."""
    containers = engine.leftover_containers()
    alone = _alone(containers)
    found = (*containers, *engine.leftover_volumes(), *engine.leftover_images())
    return tuple(each for each in found if _is_orphan(each, alone))


def _alone(containers: Sequence[Leftover]) -> frozenset[str]:
    """Return the runs of builds that go on, or whose results wait, though nobody follows them."""
    return frozenset(
        each.labels[LABEL_RUN] for each in containers if each.goes_on and _has_no_owner(each)
    )


def _is_orphan(leftover: Leftover, alone: Set[str]) -> bool:
    return _has_no_owner(leftover) and leftover.labels.get(LABEL_RUN) not in alone


def _has_no_owner(leftover: Leftover) -> bool:
    owner = parse_owner(leftover.labels.get(LABEL_OWNER, ""))
    return owner is not None and owner.is_gone()


def _thaw_orphans(
    engine: Engine, image: str, cache: Path, *, alone: Set[str], on_event: OnEvent
) -> list[str]:
    run = new_run()
    spec = ContainerSpec(
        image=image,
        job=LIST_FROZEN,
        request=Nothing(),
        run=run,
        binds=(Bind(source=str(cache), target=paths.CACHE, alone=True),),
    )
    with cache_named(cache):
        names = engine.run(spec, on_event).names
    # A run makes its volume before it freezes: asked in this order, no living run is missed.
    volumes = engine.leftover_volumes()
    living = {
        frozen_name(each.labels[LABEL_RUN]) for each in volumes if not _is_orphan(each, alone)
    }
    dead = tuple(name for name in names if name not in living)
    if dead:
        thaw(engine, image, cache, dead, run=run, on_event=on_event)
        on_event(
            Note(
                level="info",
                message="Removed {count} frozen snapshots below {cache}",
                values={"count": str(len(dead)), "cache": str(cache)},
            )
        )
    return [f"{cache}/{name}" for name in dead]
