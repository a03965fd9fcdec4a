"""What a container tells the host while it works: one JSON object per line on standard output.

The same lines are what `--json` prints, so their shape is part of the interface.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from builder.basics.codec import from_data, to_data


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step begins; `position` counts from 1 to `total`."""

    step: str
    position: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """How much of the step is done, from 0.0 to 1.0."""

    step: str
    fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """A step succeeded, and took this many seconds."""

    step: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutput:
    """One line that a tool printed, or the command that is about to run (`$ …`)."""

    step: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something the user should know; `level` is "info" or "warning".

    `message` is a template of `builder.basics.texts`, filled from `values`.
    """

    level: str
    message: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The last event of a successful job."""

    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The last event of a job that failed; `error` is `BuilderError.to_data()`."""

    error: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The container waits in a step for inspection, until it is stopped from outside.

    `error` is `BuilderError.to_data()` of the failure; None if the build was asked to stop here.
    """

    step: str
    error: Mapping[str, Any] | None


Event = StepStarted | StepProgress | StepFinished | ToolOutput | Note | Held | Result | Failed
OnEvent = Callable[[Event], None]
OnProgress = Callable[[float], None]  # from 0.0 to 1.0


@contextlib.contextmanager
def announced(
    step: str, on_event: OnEvent, *, position: int = 1, total: int = 1
) -> Iterator[OnProgress]:
    """Announce a step, and its end if it succeeds; the body gets a way to report its progress."""
    started = time.monotonic()
    on_event(StepStarted(step=step, position=position, total=total))
    yield lambda fraction: on_event(StepProgress(step=step, fraction=fraction))
    on_event(StepFinished(step=step, seconds=round(time.monotonic() - started, 3)))


_NAMES: Final[Mapping[str, type[Any]]] = {
    "step-started": StepStarted,
    "step-progress": StepProgress,
    "step-finished": StepFinished,
    "tool-output": ToolOutput,
    "note": Note,
    "held": Held,
    "result": Result,
    "failed": Failed,
}
_NAME_OF: Final = {kind: name for name, kind in _NAMES.items()}
_WITH_MAPPINGS: Final = (Note, Held, Result, Failed)


def encode(event: Event) -> str:
    """Return the event as one line of JSON, without a line break, that UTF-8 can write.

    A lone surrogate, as in names that are not UTF-8 (PEP 383), becomes an escape of JSON.
    """
    data = {"event": _NAME_OF[type(event)], **to_data(event)}
    line = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return line.encode("utf-8", "backslashreplace").decode("utf-8")


def decode(line: str) -> Event:
    """Parse one line. Raises ValueError when it is not an event."""
    data = json.loads(line)
    if not isinstance(data, dict) or data.get("event") not in _NAMES:
        message = f"not an event: {line[:200]}"
        raise ValueError(message)
    kind = _NAMES[data.pop("event")]
    if kind in _WITH_MAPPINGS:  # the codec does not support free-form mappings
        try:
            event: Event = kind(**data)
        except TypeError as error:
            raise ValueError(str(error)) from error
        return event
    decoded: Event = from_data(kind, data)
    return decoded
