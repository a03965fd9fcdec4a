"""The first step: is the source as planned, can it boot, and is there enough disk space?

It runs before any long work, so every check here is fast.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from builder.basics.errors import SourceError
from builder.basics.texts import render
from builder.border.cache_report import Candidate, Problem
from builder.border.step_names import StepName
from builder.inside.debian.admission import admission_problems, reasons_of
from builder.inside.debian.facts import read_facts
from builder.inside.output.results import Results
from builder.inside.output.room import IMAGE, check_room, image_share
from builder.inside.system.system import System
from builder.inside.tree.survey import Survey
from builder.inside.tree.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStep:
    """Rejects a `source` that cannot become an ISO, and disks that are too small for it.

    `survey` waits for the survey of the source. A copy of it needs more space, but only the next
    step knows whether there will be one.
    """

    name: ClassVar[StepName] = StepName.CHECK
    needs: ClassVar[tuple[str, ...]] = ()
    neutral: ClassVar[tuple[str, ...]] = ("results", "work", "candidate", "survey")

    source: Path
    work: Path
    results: Results
    candidate: Candidate
    survey: Callable[[], Survey]

    def run(self, system: System) -> None:
        """Check. Raises SourceError for the source, HostError for the space."""
        tree = Tree(self.source)
        facts = read_facts(tree)
        if problems := admission_problems(tree, facts):
            raise _refused(problems)
        if facts != self.candidate.system:
            raise SourceError(
                "The source is no longer the system that was chosen",
                hint="It was changed in the meantime; build again.",
            )
        self._check_room(self.survey())
        system.progress(1.0)

    def _check_room(self, survey: Survey) -> None:
        if self.results.delivered:
            self.results.check_room(int(survey.size * IMAGE))
        share = image_share(self.work, self.results.folder)
        check_room(self.work, survey.size * share + survey.acl_size)


def _refused(problems: tuple[Problem, ...]) -> SourceError:
    hints = dict.fromkeys(render(each.hint, dict(each.values)) for each in problems if each.hint)
    return SourceError(
        "This system cannot become a live ISO: {reasons}",
        hint="{hints}",
        reasons=reasons_of(problems),
        hints=" ".join(hints),
    )
