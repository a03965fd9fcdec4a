"""A job's words, each once and none lost, over a connection that may break.

The engine keeps all that a container prints (`container_options` asks for that). When a connection
ends before the job has told its result, we wait for the engine, read from the first line on again,
and pass over those that were heard. Lines are counted, as engines divide what they kept into other
frames, and write bytes that are no UTF-8 in other ones.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import docker.errors
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay
from tenacity.wait import wait_exponential_jitter

from builder.basics.errors import HostError, StepError
from builder.basics.sizes import readable_size
from builder.border.events import Event, Failed, Note, OnEvent, Result, ToolOutput, decode
from builder.border.jobs import Job
from builder.host.engine.faults import EngineSilentError, translated
from builder.host.engine.streams import Frame, logged

if TYPE_CHECKING:
    from docker.models.containers import Container

Value = TypeVar("Value")
Again = Callable[[], tuple[Iterator[Frame], bool]]  # from the beginning; whether that is all

_LONGEST_WAIT: Final = 10.0  # seconds between two tries
_PAUSE: Final = 1.0  # seconds, where a log that is followed ends although its container works
_REMOVED: Final = (404, 409)  # somebody removed it, or is about to
_ENDED: Final = ("exited", "stopped", "dead", "removing")


class LineLostError(HostError):
    """The engine could not be reached any more, for as long as we wait; the build may go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The line to an engine, for one job."""

    patience: float  # seconds to wait for a line that is lost
    stays: str = ""  # the run of a build that goes on without us; "" for any other job

    def held(self, call: Callable[[], Value], tell: OnEvent) -> Value:
        """Return what `call` returns; call it again while the engine cannot be reached.

        Raises EngineSilentError when that takes too long; LineLostError where the build stays.
        """

        def before_sleep(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if state.attempt_number == 1 and isinstance(error, HostError):
                tell(_lost_note(error, self.patience))

        retrying = Retrying(
            stop=stop_after_delay(self.patience),
            wait=wait_exponential_jitter(max=_LONGEST_WAIT, jitter=0.1),
            retry=retry_if_exception_type(EngineSilentError),
            before_sleep=before_sleep,
            reraise=True,
        )
        try:
            value = retrying(call)
        except EngineSilentError as error:
            if not self.stays:
                raise
            raise self._lost(error) from error
        if retrying.statistics["attempt_number"] > 1:
            tell(Note(level="info", message="The container engine answers again"))
        return value

    def _lost(self, error: EngineSilentError) -> LineLostError:
        lost = LineLostError(
            "The container engine could not be reached for {seconds} seconds: {reason}",
            hint="If the engine only cannot be reached, the build goes on: `distroclone-builder "
            "builds list` shows it, `distroclone-builder builds attach {run}` waits for its end "
            "and brings its results. If the engine stopped, run `distroclone-builder sweep` once "
            "it is back.",
            temporary=True,
            seconds=f"{self.patience:g}",
            reason=error.reason,
            run=self.stays,
        )
        lost.keeps = True
        return lost


class Followed:
    """The events of one container, in their order, each once."""

    def __init__(
        self, first: Iterator[Frame] | None, again: Again, *, job: Job[Any, Any], line: Line
    ) -> None:
        """`first` is what was connected to before the start; None: it was started long ago."""
        self._first = first
        self._again = again
        self._job = job
        self._line = line
        self._heard = {"out": 0, "err": 0}  # whole lines
        self._has_told = False  # its result, or its error
        self._broke = False

    def events(self, tell: OnEvent) -> Iterator[Event]:
        """Yield every event until the job has told its result, or its container has ended.

        `tell` hears of connections that are lost and come back. Raises HostError when one does not,
        as `Line.held`, and StepError when a job prints more than its row allows.
        """
        if self._first is not None:
            yield from self._unheard(self._first, is_all=False)
        while not self._has_told:
            before = sum(self._heard.values())
            stream, is_all = self._line.held(self._again, tell)
            yield from self._unheard(stream, is_all=is_all)
            if is_all and not self._broke:
                return
            if sum(self._heard.values()) == before:
                time.sleep(_PAUSE)

    def _unheard(self, stream: Iterator[Frame], *, is_all: bool) -> Iterator[Event]:
        self._broke = False
        passed = dict.fromkeys(self._heard, 0)
        pending = dict.fromkeys(self._heard, b"")
        try:
            for out, err in self._bounded(_read(stream)):
                for name, chunk in (("out", out), ("err", err)):
                    *lines, pending[name] = (pending[name] + (chunk or b"")).split(b"\n")
                    for line in lines:
                        passed[name] += 1
                        if passed[name] > self._heard[name]:
                            self._heard[name] += 1
                            yield self._event(line)
        except EngineSilentError:
            self._broke = True
            return
        if is_all:  # else a line that only broke off would be taken for a whole one
            yield from (self._event(rest) for rest in pending.values() if rest)

    def _bounded(self, stream: Iterator[Frame]) -> Iterator[Frame]:
        left = self._job.limits.output
        for out, err in stream:
            left -= len(out or b"") + len(err or b"")
            if left < 0:
                raise StepError(
                    "The {job} container was stopped: it printed more than {size}",
                    hint="The log shows what it repeats. Please report this with the log.",
                    job=self._job.name,
                    size=readable_size(self._job.limits.output),
                )
            yield out, err

    def _event(self, line: bytes) -> Event:
        """Return what a line says; one that is no event (dying words, say) is tool output."""
        text = line.decode("utf-8", "backslashreplace")
        try:
            event = decode(text)
        except ValueError:
            return ToolOutput(step="", text=text)
        self._has_told |= isinstance(event, Result | Failed)
        return event


def kept_log(container: "Container") -> tuple[Iterator[Frame], bool]:
    """Return what a container has printed since its start, and whether it has ended.

    While it works, more comes as it is printed. Raises HostError.
    """
    with translated("following the container again"):
        try:
            container.reload()
            has_ended = container.status in _ENDED
            return logged(_logs(container, follow=not has_ended)), has_ended
        except docker.errors.APIError as error:
            if error.status_code not in _REMOVED:
                raise
            return iter(()), True


def _logs(container: Any, *, follow: bool) -> Any:
    """Ask for the log; unlike the SDK's own, this one may be silent for as long as the job is."""
    api = container.client.api
    response = api._get(
        api._url("/containers/{0}/logs", container.id),
        params={"stdout": 1, "stderr": 1, "follow": int(follow), "tail": "all"},
        stream=True,
        timeout=(api.timeout, None),
    )
    api._raise_for_status(response)
    return response


def _read(stream: Iterator[Frame]) -> Iterator[Frame]:
    """Pass on the frames; only what goes wrong in reading them is the engine's fault."""
    with translated("following the container"):
        yield from stream


def _lost_note(error: HostError, patience: float) -> Note:
    return Note(
        level="warning",
        message="{problem}; trying again for {seconds} seconds",
        values={"problem": str(error), "seconds": f"{patience:g}"},
    )
