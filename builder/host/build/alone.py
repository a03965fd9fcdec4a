"""Builds that go on without the process that started them: found, followed again, ended.

A build's container needs nobody until it has ended. Its labels say what it makes and for whom; what
it says of itself is believed no more here than in the process that started it.
"""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, Interrupted, UsageError
from builder.basics.signals import undoing
from builder.basics.texts import say
from builder.border.events import OnEvent
from builder.border.handover import MARK
from builder.border.jobs import BUILD
from builder.border.labels import (
    LABEL_BUILD,
    LABEL_CACHE,
    LABEL_OWNER,
    LABEL_ROLE,
    LABEL_RUN,
    frozen_name,
    is_run,
    volume_name,
)
from builder.border.requests import Built
from builder.host.build.mark import BuildMark, mark_in
from builder.host.build.session import Delivery, Outcome, logged, outcome_of, to_both
from builder.host.engine import Engine, Leftover, RunningJob, State
from builder.host.engine.faults import NameTakenError
from builder.host.engine.following import LineLostError
from builder.host.engine.owner import Owner, labels, ourselves, parse_owner
from builder.host.image.builder_image import ensure_builder
from builder.host.output.delivery import SIGNATURES, output_folder, partial_folder
from builder.host.source.frozen import thaw

_FOLLOWER: Final = "follower"  # the role of a container that is never started: a claim


class Follower(StrEnum):
    """Who follows a build."""

    HERE = "here"  # a process of this machine
    NOBODY = "nobody"
    UNKNOWN = "unknown"  # it was started elsewhere, and its process cannot be seen from here


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBuild:
    """A build in the engine; `mark` is None where this version cannot read what it says."""

    run: str
    container: str
    state: State
    mark: BuildMark | None
    owners: tuple[Owner | None, ...]  # who started it, and who attached to it; None: not readable
    claims: tuple[str, ...] = ()  # the containers by which others attached

    @property
    def follower(self) -> Follower:
        """Who follows it."""
        known = [_follower(each) for each in self.owners]
        followers = (each for each in (Follower.HERE, Follower.UNKNOWN) if each in known)
        return next(followers, Follower.NOBODY)

    @property
    def process(self) -> int | None:
        """The process of this machine that follows it."""
        here = (each for each in self.owners if each and _follower(each) is Follower.HERE)
        return next((each.process for each in here), None)

    @property
    def output(self) -> Path | None:
        """The output folder that it was started for; None where that is not here.

        What a label says is not enough: we left our own mark there for this run.
        """
        if self.mark is None:
            return None
        folder = Path(self.mark.output)
        try:
            is_here = (partial_folder(folder, self.run) / MARK).is_file()
        except OSError:  # a name that is too long, or a folder that we may not look into
            return None
        return folder if is_here else None

    def check_ours(self, *, from_elsewhere: bool) -> None:
        """Raise UsageError where another process may follow it. `from_elsewhere`: it does not."""
        if self.follower is Follower.HERE:
            raise UsageError(
                "The build {run} is followed by process {process} of this machine",
                hint="Wait for it, or end it there with Ctrl-C.",
                run=self.run,
                process=self.process,
            )
        if self.follower is Follower.UNKNOWN and not from_elsewhere:
            raise UsageError(
                "The build {run} was started on another machine or in another container, where it "
                "may still be followed",
                hint="If you know that nobody follows it there, add --from-elsewhere.",
                run=self.run,
            )


def found_builds(engine: Engine) -> tuple[FoundBuild, ...]:
    """Return the builds in the engine that can be attached to, the oldest first."""
    containers = engine.leftover_containers()
    found = [build for each in containers if (build := _found(each, containers))]
    return tuple(sorted(found, key=lambda each: each.mark.begun if each.mark else 0))


def the_build(engine: Engine, name: str | None) -> FoundBuild:
    """Return the build whose run id begins with `name`; without one, the only one that is alone.

    Raises UsageError where that is none, or several.
    """
    found = found_builds(engine)
    if name is None:
        fitting = [each for each in found if each.follower is Follower.NOBODY]
    else:
        fitting = [each for each in found if each.run.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        message = "Several builds fit: {runs}"
    elif name is None:
        message = "No build goes on alone in this engine"
    else:
        message = "This engine has no build {name}"
    raise UsageError(
        message,
        hint="`distroclone-builder builds list` shows them; the beginning of a run's id will do.",
        runs=", ".join(each.run for each in fitting),
        name=name,
    )


@contextlib.contextmanager
def claimed(engine: Engine, build: FoundBuild, *, from_elsewhere: bool) -> Iterator[FoundBuild]:
    """Let nobody else attach to a build or end it in the body; yield what it is by then.

    Two processes that begin at once, wherever they are, are told apart by the engine, which gives a
    name only once. Raises UsageError for the second one, and where `check_ours` does.
    """
    build.check_ours(from_elsewhere=from_elsewhere)
    for claim in build.claims:  # of processes that are gone
        engine.remove_container(claim)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(
                engine.claimed(
                    f"{volume_name(build.run)}-{_FOLLOWER}",
                    of=build.container,
                    labels=labels(build.run, _FOLLOWER),
                )
            )
        except NameTakenError as error:
            raise UsageError(
                "Another process began to attach to the build {run}, or to end it, just now",
                hint="`distroclone-builder builds list` shows which one.",
                run=build.run,
            ) from error
        yield the_build(engine, build.run)


def attach(engine: Engine, build: FoundBuild, *, output: Path | None, on_event: OnEvent) -> Outcome:
    """Follow a build that is `claimed` to its end; verify its results, and deliver to `output`.

    None stands for the folder that it was started for. When we end before the build does, or the
    engine is lost, everything stays, so that it can be attached to again. Raises the build's own
    error, after what it left was removed.
    """
    mark, folder = _checked(build), output or build.output
    if folder is None:
        raise UsageError(
            "The output folder that the build {run} was started for is not here",
            hint="Say with --output where its results are to go.",
            run=build.run,
        )
    iso_name = mark.iso_name
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(output_folder(folder))
        place.check_no_other_build(iso_name)
        place.check_names_free(*mark.results, *SIGNATURES)
        partial, is_its_own = stack.enter_context(place.partial_again(build.run))
        log = stack.enter_context(logged(place.path / f"{iso_name}.log"))
        tell = to_both(log.event, on_event)
        job = engine.attached(build.container, BUILD, run=build.run)
        built = _finished(job, engine, build, tell)
        with _staying(build):
            delivery = Delivery(
                output=place,
                partial=partial,
                planned=mark.results,
                is_reached=built.delivered and is_its_own,
            )
            delivery.take(job, built, tell)
        remove(engine, build, on_event=tell)
    return outcome_of(built, folder=place.path, iso_name=iso_name, image=mark.image)


def remove(engine: Engine, build: FoundBuild, *, on_event: OnEvent) -> None:
    """End a build, if it goes on, and remove all that it has, as `sweep` does for a dead one."""
    engine.remove_container(build.container)
    for volume in engine.leftover_volumes():
        if volume.labels.get(LABEL_RUN) != build.run:
            continue
        if cache := volume.labels.get(LABEL_CACHE):
            image = ensure_builder(engine, on_event=on_event).id
            names = (frozen_name(build.run),)
            thaw(engine, image, Path(cache), names, run=build.run, on_event=on_event)
        engine.remove_volume(volume.id)
    if build.output is not None:
        shutil.rmtree(partial_folder(build.output, build.run), ignore_errors=True)


def _checked(build: FoundBuild) -> BuildMark:
    """Return what a build says of itself. Raises UsageError where nothing can come of it."""
    if build.mark is None:
        raise UsageError(
            "What the build {run} makes is written in a way that this version cannot read",
            hint="Attach to it with the version that started it, or end it with "
            "`distroclone-builder builds cancel {run}`.",
            run=build.run,
        )
    if build.state is State.WAITS:  # its log would be waited for without end
        raise UsageError(
            "The build {run} was never started, so it will have no results",
            hint="Remove it with `distroclone-builder builds cancel {run}`, and build again.",
            run=build.run,
        )
    return build.mark


def _found(leftover: Leftover, containers: Sequence[Leftover]) -> FoundBuild | None:
    run = leftover.labels.get(LABEL_RUN, "")
    if LABEL_BUILD not in leftover.labels or leftover.state is None or not is_run(run):
        return None
    claims = [
        each
        for each in containers
        if (each.labels.get(LABEL_RUN), each.labels.get(LABEL_ROLE)) == (run, _FOLLOWER)
    ]
    return FoundBuild(
        run=run,
        container=leftover.id,
        state=leftover.state,
        mark=mark_in(leftover.labels),
        owners=tuple(parse_owner(each.labels.get(LABEL_OWNER, "")) for each in (leftover, *claims)),
        claims=tuple(each.id for each in claims),
    )


def _follower(owner: Owner | None) -> Follower:
    if owner is not None and owner.is_gone():
        return Follower.NOBODY
    here = ourselves()
    seen = owner is not None and (owner.boot, owner.namespace) == (here.boot, here.namespace)
    return Follower.HERE if seen else Follower.UNKNOWN


def _finished(job: RunningJob[Built], engine: Engine, build: FoundBuild, tell: OnEvent) -> Built:
    try:
        return job.finish(tell)
    except LineLostError:
        raise
    except Interrupted as error:
        error.add_note(_how_to_go_on(build))
        raise
    except BuilderError:  # the build's own: there is nothing to come back for
        with undoing(lambda: remove(engine, build, on_event=tell)):
            raise


@contextlib.contextmanager
def _staying(build: FoundBuild) -> Iterator[None]:
    """Say of an error in the body how to go on."""
    try:
        yield
    except BuilderError as error:
        error.add_note(_how_to_go_on(build))
        raise


def _how_to_go_on(build: FoundBuild) -> str:
    return say(
        "The build is still there. To take its results: distroclone-builder builds attach {run}",
        run=build.run,
    )
