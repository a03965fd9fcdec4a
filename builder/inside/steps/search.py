"""Searches the copy for what is private, before anything is packed."""

from dataclasses import dataclass
from typing import ClassVar

from builder.border.privacy import Finding
from builder.border.step_names import StepName
from builder.inside.blocks.kept_findings import KeptFindings
from builder.inside.search.guard import Guard
from builder.inside.search.memory import FileMemory
from builder.inside.search.words import Words
from builder.inside.system.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStep:
    """Lets `guard` look at the whole tree, or at what is `kept` of a search of the very same tree.

    In another tree, files that are in `memory` are not read again.
    `words` are those that it looks for, and part of the key of all that is kept from here on.
    """

    name: ClassVar[StepName] = StepName.SEARCH
    needs: ClassVar[tuple[str, ...]] = ()
    neutral: ClassVar[tuple[str, ...]] = ("guard", "kept", "memory")

    words: Words
    guard: Guard
    kept: KeptFindings | None = None
    memory: FileMemory | None = None

    def run(self, system: System) -> None:
        """Search. Raises PrivacyError for what is not allowed, StepError for what is unreadable."""
        found = self.kept.restore() if self.kept is not None else None
        if found is None:
            found = self._searched(system)
        else:
            system.note("The search is reused: an earlier build searched the very same system")
        self.guard.judge(found, system)

    def _searched(self, system: System) -> tuple[Finding, ...]:
        found = self.guard.tree(system, memory=self.memory)
        if self.kept is not None:
            self.kept.offer(found)
        return found
