"""Builds that go on without the process that started them: found, followed again, ended.

A build's container needs nobody until it has ended. Its labels say what it makes and for whom; what
it says of itself is believed no more here than in the process that started it.
"""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from builder.basics.errors import BuilderError, Interrupted, UsageError
from builder.basics.signals import undoing
from builder.basics.texts import say
from builder.border.events import OnEvent
from builder.border.handover import MARK
from builder.border.jobs import BUILD
from builder.border.labels import LABEL_CACHE, LABEL_OWNER, LABEL_RUN, frozen_name, is_run
from builder.border.requests import Built
from builder.host.build.mark import BuildMark, mark_in
from builder.host.build.session import Delivery, Outcome, logged, outcome_of, to_both
from builder.host.engine import Engine, Leftover, RunningJob, State
from builder.host.engine.following import LineLostError
from builder.host.engine.owner import Owner, ourselves, parse_owner
from builder.host.image.builder_image import ensure_builder
from builder.host.output.delivery import SIGNATURES, output_folder, partial_folder
from builder.host.source.frozen import thaw


class Follower(StrEnum):
    """Who follows a build."""

    HERE = "here"  # a process of this machine
    NOBODY = "nobody"
    UNKNOWN = "unknown"  # it was started elsewhere, and its process cannot be seen from here


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBuild:
    """A build in the engine."""

    run: str
    container: str
    state: State
    mark: BuildMark
    owner: Owner | None

    @property
    def follower(self) -> Follower:
        """Who follows it."""
        if self.owner is not None and self.owner.is_gone():
            return Follower.NOBODY
        here = ourselves()
        seen = self.owner is not None and (self.owner.boot, self.owner.namespace) == (
            here.boot, here.namespace,
        )  # fmt: skip
        return Follower.HERE if seen else Follower.UNKNOWN

    @property
    def output(self) -> Path | None:
        """The output folder that it was started for; None where that is not here.

        What a label says is not enough: we left our own mark there for this run.
        """
        folder = Path(self.mark.output)
        return folder if (partial_folder(folder, self.run) / MARK).is_file() else None

    def check_ours(self, *, from_elsewhere: bool) -> None:
        """Raise UsageError where another process may follow it. `from_elsewhere`: it does not."""
        if self.follower is Follower.HERE:
            assert self.owner is not None
            raise UsageError(
                "The build {run} is followed by process {process} of this machine",
                hint="Wait for it, or end it there with Ctrl-C.",
                run=self.run,
                process=self.owner.process,
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
    found = [_found(each) for each in engine.leftover_containers()]
    return tuple(sorted((each for each in found if each), key=lambda each: each.mark.begun))


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


def attach(engine: Engine, build: FoundBuild, *, output: Path | None, on_event: OnEvent) -> Outcome:
    """Follow a build to its end; verify its results, and deliver them to `output`.

    None stands for the folder that it was started for. When we end before the build does, or the
    engine is lost, everything stays, so that it can be attached to again. Raises the build's own
    error, after what it left was removed.
    """
    if build.state is State.WAITS:  # its log would be waited for without end
        raise UsageError(
            "The build {run} was never started, so it will have no results",
            hint="Remove it with `distroclone-builder builds cancel {run}`, and build again.",
            run=build.run,
        )
    folder = output or build.output
    if folder is None:
        raise UsageError(
            "The output folder that the build {run} was started for is not here",
            hint="Say with --output where its results are to go.",
            run=build.run,
        )
    iso_name = build.mark.iso_name
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(output_folder(folder))
        place.check_no_other_build(iso_name)
        place.check_names_free(*build.mark.results, *SIGNATURES)
        partial, is_its_own = stack.enter_context(place.partial_again(build.run))
        log = stack.enter_context(logged(place.path / f"{iso_name}.log"))
        tell = to_both(log.event, on_event)
        job = engine.attached(build.container, BUILD, run=build.run)
        built = _finished(job, engine, build, tell)
        with _staying(build):
            delivery = Delivery(
                output=place,
                partial=partial,
                planned=build.mark.results,
                is_reached=built.delivered and is_its_own,
            )
            delivery.take(job, built, tell)
        remove(engine, build, on_event=tell)
    return outcome_of(built, folder=place.path, iso_name=iso_name, image=build.mark.image)


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


def _found(leftover: Leftover) -> FoundBuild | None:
    mark, run = mark_in(leftover.labels), leftover.labels.get(LABEL_RUN, "")
    if mark is None or leftover.state is None or not is_run(run):
        return None
    owner = parse_owner(leftover.labels.get(LABEL_OWNER, ""))
    return FoundBuild(run=run, container=leftover.id, state=leftover.state, mark=mark, owner=owner)


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
