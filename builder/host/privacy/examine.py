"""Has a container stage, configure and search a system as a build does, and fetches its report."""

import contextlib
import json
import tempfile
from dataclasses import dataclass, replace

from builder.basics.codec import from_data
from builder.basics.errors import StepError
from builder.border import paths
from builder.border.events import OnEvent
from builder.border.jobs import EXAMINE
from builder.border.labels import new_run
from builder.border.privacy import PrivacyMode, PrivacyReport
from builder.host.build.choice import prepare, source_in
from builder.host.build.planning import plan_of
from builder.host.config.build_config import Config
from builder.host.engine import ContainerSpec, Engine
from builder.host.source.frozen import ChosenTree, seen_tree, work_volume
from builder.host.source.listing import fetch_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The report on one snapshot."""

    selector: str
    report: PrivacyReport


def examine(config: Config, engine: Engine, *, on_event: OnEvent) -> Examined:
    """Search the system that `config` chooses; nothing is built, and nothing stops at a finding.

    Raises what a build raises up to its search.
    """
    run = new_run()
    choice = prepare(config, engine, run=run, on_event=on_event)
    tree = ChosenTree(
        engine=engine,
        image=choice.image.id,
        source=source_in(config),
        report=choice.report,
        candidate=choice.candidate,
        run=run,
        on_event=on_event,
    )
    with contextlib.ExitStack() as stack:
        volume = stack.enter_context(work_volume(tree))
        seen = seen_tree(tree)
        plan = plan_of(config, choice, run=run, place=seen.place)
        plan = replace(plan, privacy=replace(plan.privacy, mode=PrivacyMode.WARN))
        spec = ContainerSpec(
            image=plan.image.id,
            job=tree.source.row(EXAMINE),
            request=plan,
            run=run,
            binds=(seen.bind,),
            volumes=(volume,),
            isolation=config.isolation,
        )
        file = stack.enter_context(tempfile.TemporaryFile())
        fetch_list(engine, spec, file, at=paths.REPORT, on_event=on_event)
        file.seek(0)
        return Examined(selector=choice.candidate.selector, report=_report(file.read()))


def _report(content: bytes) -> PrivacyReport:
    try:
        return from_data(PrivacyReport, json.loads(content))
    except ValueError as error:
        raise StepError("The container's report cannot be read: {reason}", reason=error) from error
