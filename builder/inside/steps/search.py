"""Searches the copy for what is private, before anything is packed."""

from dataclasses import dataclass
from typing import ClassVar

from builder.border.step_names import StepName
from builder.inside.search.guard import Guard
from builder.inside.search.words import Words
from builder.inside.system.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStep:
    """Lets `guard` look at the whole tree.

    `words` are those that it looks for: an initramfs that was kept after a search for other words
    would have to be searched again.
    """

    name: ClassVar[StepName] = StepName.SEARCH
    needs: ClassVar[tuple[str, ...]] = ()
    neutral: ClassVar[tuple[str, ...]] = ("guard",)

    words: Words
    guard: Guard

    def run(self, system: System) -> None:
        """Search. Raises PrivacyError for what is not allowed, StepError for what is unreadable."""
        self.guard.look_at_tree(system)
