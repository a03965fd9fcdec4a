"""A tree of a cache as a container may read it: frozen meanwhile where it could change."""

import contextlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from builder.border.cache_report import CacheReport, Candidate
from builder.border.events import OnEvent
from builder.border.labels import new_run
from builder.border.requests import TreeInventoryRequest, TreePlace
from builder.host.engine import ContainerSpec, Engine
from builder.host.engine.owner import labels
from builder.host.source.cache import (
    MOUNTING,
    READING,
    CacheSource,
    TreeBind,
    tree_bind,
    work_volume,
)


@contextlib.contextmanager
def tree_job(
    job: str,
    engine: Engine,
    image: str,
    source: CacheSource,
    candidate: Candidate,
    *,
    report: CacheReport,
    exclude: tuple[str, ...],
    on_event: OnEvent,
) -> Iterator[ContainerSpec]:
    """Have what a job that only reads a tree needs; `exclude` are more rsync patterns.

    What could change is frozen as for a build until the body is left.
    """
    run = new_run()
    with contextlib.ExitStack() as stack:
        tree = _settled(candidate, source)
        if tree is None:
            origin = (engine, image, source, candidate)
            stack.enter_context(work_volume(*origin, run=run, on_event=on_event))
            tree = tree_bind(*origin, run=run, on_event=on_event)
        place = TreePlace(
            cache_image=source.is_image,
            subvolume=str(PurePosixPath("/") / report.base / candidate.path),
            frozen=tree.frozen,
        )
        yield ContainerSpec(
            image=image,
            job=job,
            request=TreeInventoryRequest(tree=place, exclude=exclude),
            labels=labels(run, job),
            binds=(tree.bind,),
            capabilities=MOUNTING if source.is_image else READING,
            loop_devices=source.is_image,
        )


def _settled(candidate: Candidate, source: CacheSource) -> TreeBind | None:
    """Return how a tree is seen that needs no freezing: a read-only snapshot changes no more."""
    if source.is_image:
        return TreeBind(bind=source.bind(), frozen=False)
    if candidate.subvolume and not candidate.read_only:
        return None
    return TreeBind(bind=source.bind_tree(candidate.path), frozen=candidate.subvolume)
