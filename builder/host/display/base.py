"""What all displays have in common."""

from abc import ABC, abstractmethod
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from builder.basics.errors import BuilderError
from builder.border.events import Event


class Display(ABC):
    """Something that shows events as they come. Used with `with`; closing twice is fine."""

    @abstractmethod
    def event(self, event: Event) -> None:
        """Show one event."""

    @abstractmethod
    def message(self, text: str) -> None:
        """Show a text of the host's own, already in the user's language."""

    @abstractmethod
    def close(self) -> None:
        """Finish what is half shown and free what is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except BuilderError as second:
            if error is None:
                raise
            error.add_note(str(second))  # what went wrong first is what matters


class Tee(Display):
    """Shows everything on several displays, which it closes, the last one first."""

    def __init__(self, *displays: Display) -> None:
        self._displays: Final = displays

    def event(self, event: Event) -> None:
        """Pass the event on to each display."""
        for display in self._displays:
            display.event(event)

    def message(self, text: str) -> None:
        """Pass the text on to each display."""
        for display in self._displays:
            display.message(text)

    def close(self) -> None:
        """Close each display, also when closing another one fails."""
        with ExitStack() as stack:
            for display in self._displays:
                stack.callback(display.close)
