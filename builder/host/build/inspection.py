"""Inspecting a build: stop it after a step, or keep it where it failed.

The container then waits with everything mounted, so that the tree is there as the step saw it.
Either a shell opens at once, or everything stays until `sweep`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from builder.basics.errors import BuilderError, Stopped, UsageError
from builder.basics.texts import say
from builder.border import paths
from builder.border.step_names import StepName
from builder.host.engine import Engine
from builder.host.engine.protocol import HeldError
from builder.host.engine.terminal import has_terminal

_SHOWN_ID: Final = 12  # characters of a container's id, as engines show it


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What of a build the user wants to inspect."""

    stop_after: StepName | None = None
    debug_shell: bool = False
    keep_failed: bool = False
    before_shell: Callable[[], None] = lambda: None  # stops whatever draws on the terminal

    @property
    def holds_failed(self) -> bool:
        """Whether the container should wait after a failed step."""
        return self.debug_shell or self.keep_failed

    @property
    def holds(self) -> bool:
        """Whether the container may come to wait."""
        return self.holds_failed or self.stop_after is not None

    def check(self) -> None:
        """Raise UsageError if there is no terminal to inspect from."""
        if self.holds_failed and not has_terminal():
            raise UsageError(
                "{option} needs a terminal, but there is none",
                hint="Leave it out in scripts and CI: the log next to the ISO has the output of "
                "every tool.",
                option="--debug-shell" if self.debug_shell else "--keep-failed",
            )

    def look_into(self, held: HeldError, engine: Engine) -> BuilderError:
        """Let the user into the waiting container; return the error that the build ends with."""
        ending = held.failure or Stopped(
            "Stopped after the step {step}; nothing was delivered", step=held.step
        )
        if self.debug_shell:
            self.before_shell()
            engine.shell(held.container, folder=paths.WORK)
            return ending
        ending.keeps = True
        ending.add_note(
            say(
                "The container {container} is waiting in the step {step}, with the system at "
                "{root}. To look inside: docker exec -it {container} bash",
                container=held.container[:_SHOWN_ID],
                step=held.step,
                root=paths.ROOT,
            )
        )
        ending.add_note(say("To remove it and everything it uses: distroclone-builder sweep"))
        return ending
