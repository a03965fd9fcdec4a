"""The chosen tree as a container sees it: frozen if it could change meanwhile.

Only the freezing and thawing containers may write to the volume of a cache.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from builder.border import paths
from builder.border.cache_report import CacheReport, Candidate
from builder.border.events import OnEvent
from builder.border.jobs import FREEZE, THAW, Job, Result
from builder.border.labels import LABEL_CACHE, LABEL_OUTPUT, frozen_name, new_run, volume_name
from builder.border.requests import FreezeRequest, ThawRequest, TreeRequest
from builder.border.source import TreePlace
from builder.host.engine import Bind, ContainerSpec, Engine, NamedVolume
from builder.host.engine.owner import labels
from builder.host.source.kinds import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenTree:
    """A tree of a source, chosen for one run that is served by one engine."""

    engine: Engine
    image: str
    source: Source
    report: CacheReport
    candidate: Candidate
    run: str
    on_event: OnEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTree:
    """How a container sees the chosen tree."""

    bind: Bind
    place: TreePlace


@contextlib.contextmanager
def work_volume(tree: ChosenTree, *, output: Path | None = None) -> Iterator[NamedVolume]:
    """Make the run's volume; when the body is left, thaw what `seen_tree` froze and remove it.

    In this order: the volume's labels are what tells a sweep where a frozen snapshot may be, and
    in which `output` folder the run's partial one.
    """
    base = tree.source.freezes_in(tree.candidate)
    places = {LABEL_CACHE: base, LABEL_OUTPUT: output}
    known = {label: str(path) for label, path in places.items() if path is not None}
    marks = labels(tree.run, "work") | known

    def thawed() -> None:
        if base is not None:
            names = (frozen_name(tree.run),)
            thaw(tree.engine, tree.image, base, names, run=tree.run, on_event=tree.on_event)

    name = volume_name(tree.run)
    with tree.engine.volume(name, labels=marks, before_removal=thawed) as volume:
        yield NamedVolume(name=volume, target=paths.WORK)


def seen_tree(tree: ChosenTree) -> SeenTree:
    """Freeze the tree if possible; `work_volume` thaws it."""
    base = tree.source.freezes_in(tree.candidate)
    if base is None:
        return _seen(tree, tree.candidate.path, frozen=False)
    frozen = _freeze(tree, base)
    return _seen(tree, frozen_name(tree.run) if frozen else tree.candidate.path, frozen=frozen)


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
    bind = replace(_writable(base), alone=True)  # it may be the system's own root
    spec = ContainerSpec(
        image=image, job=THAW, request=ThawRequest(names=names), run=run, binds=(bind,)
    )
    engine.run(spec, on_event)


@contextlib.contextmanager
def tree_job(
    job: Job[TreeRequest, Result],
    tree: ChosenTree,
    *,
    exclude: tuple[str, ...],
    keep: tuple[str, ...],
) -> Iterator[ContainerSpec[TreeRequest, Result]]:
    """Provide what a job that only reads a tree needs; `exclude` and `keep` are a recipe's.

    A tree that could change is frozen as for a build, until the body is left.
    """
    tree = replace(tree, run=new_run())
    with contextlib.ExitStack() as stack:
        base = tree.source.freezes_in(tree.candidate)
        if base is None or tree.candidate.read_only:  # which changes no more
            seen = _seen(tree, tree.candidate.path, frozen=base is not None)
        else:
            stack.enter_context(work_volume(tree))
            seen = seen_tree(tree)
        yield ContainerSpec(
            image=tree.image,
            job=tree.source.row(job),
            request=TreeRequest(tree=seen.place, exclude=exclude, keep=keep),
            run=tree.run,
            binds=(seen.bind,),
        )


def _seen(tree: ChosenTree, path: str, *, frozen: bool) -> SeenTree:
    return SeenTree(
        bind=tree.source.bind_tree(path),
        place=tree.source.place(tree.report, tree.candidate, frozen=frozen),
    )


def _freeze(tree: ChosenTree, base: Path) -> bool:
    """Freeze the tree, and return whether this medium allows it."""
    candidate = tree.candidate
    request = FreezeRequest(path=candidate.path, name=frozen_name(tree.run), uuid=candidate.uuid)
    spec = ContainerSpec(
        image=tree.image, job=FREEZE, request=request, run=tree.run, binds=(_writable(base),)
    )
    return tree.engine.run(spec, tree.on_event).frozen


def _writable(base: Path) -> Bind:
    return Bind(source=str(base), target=paths.CACHE, read_only=False)
