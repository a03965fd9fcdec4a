"""What all displays have in common."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from builder.basics.errors import BuilderError
from builder.border.events import Event


class Display(ABC):
    """Something that shows events as they come. Used with `with`; closing twice is fine."""

    @abstractmethod
    def event(self, event: Event) -> None:
        """Show one event."""

    @abstractmethod
    def close(self) -> None:
        """Finish what is half shown, and release resources."""

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
