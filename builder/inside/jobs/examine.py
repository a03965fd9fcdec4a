"""The examine job: stages, cleans and searches a tree as a build does, and reports."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from builder.basics.codec import from_data, to_data
from builder.border import paths
from builder.border.events import OnEvent
from builder.border.plan import BuildPlan
from builder.border.privacy import Finding, LeftOut, PrivacyReport
from builder.border.requests import Listed
from builder.formats.changes import Change, ChangedPath
from builder.inside.jobs.pipeline import JOURNAL, tree_steps
from builder.inside.jobs.workshop import workshop
from builder.inside.output.results import Results
from builder.inside.search.guard import Guard
from builder.inside.selection.report import stayed_report
from builder.inside.steps.search import SearchStep
from builder.inside.system.real_system import RealSystem


def examine(plan: BuildPlan, *, on_event: OnEvent) -> Listed:
    """Run the steps of a build up to its search, and write the report for the host."""
    os.umask(0o077)
    system = RealSystem(on_event, source_date_epoch=plan.source_date_epoch, confines=True)
    paths.OUT.mkdir()
    with workshop(plan, system, results=Results(folder=paths.OUT), store=None) as shop:
        guard = Guard(
            root=paths.ROOT, words=shop.words, privacy=plan.privacy, record=paths.FINDINGS
        )
        steps = (*tree_steps(plan, shop), SearchStep(words=shop.words, guard=guard))
        for position, step in enumerate(steps, start=1):
            with system.step(step.name, position=position, total=len(steps)):
                step.run(system)
        report = PrivacyReport(
            left_out=tuple(from_data(LeftOut, row) for row in _rows(paths.LEFT_OUT)),
            stayed=stayed_report(shop.reading.tree, shop.reading.survey.result()),
            removed=_removed(),
            findings=tuple(from_data(Finding, row) for row in _rows(paths.FINDINGS)),
        )
    paths.REPORT.write_text(json.dumps(to_data(report)), encoding="ascii")
    return Listed(lines=1)


def _removed() -> dict[str, int]:
    changes = [from_data(ChangedPath, row) for row in _rows(JOURNAL)]
    return dict(Counter(each.rule for each in changes if each.change is Change.REMOVED))


def _rows(path: Path) -> list[Any]:
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []
