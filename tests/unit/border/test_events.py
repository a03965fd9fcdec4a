"""Steps are announced the same way on both sides, and events cross the border as they are."""

import pytest

from builder.border.events import (
    Event,
    Failed,
    Held,
    Note,
    Result,
    StepFinished,
    StepProgress,
    StepStarted,
    ToolOutput,
    announced,
    decode,
    encode,
)

EVENTS: tuple[Event, ...] = (
    StepStarted(step="iso", position=7, total=10),
    StepProgress(step="iso", fraction=0.5),
    StepFinished(step="iso", seconds=1.25),
    ToolOutput(step="iso", text="$ xorriso …"),
    Note(level="warning", message="{path} is odd", values={"path": "/etc"}),
    Held(step="iso", error={"kind": "StepError", "message": "no room"}),
    Held(step="iso", error=None),
    Result(data={"lines": 3}),
    Result(data={"path": "a name that is not UTF-8: \udcff\\\udcfe"}),
    Failed(error={"kind": "StepError"}),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_out_of_a_container_as_it_went_in(event: Event) -> None:
    line = encode(event)
    assert b"\n" not in line.encode("utf-8")
    assert decode(line) == event


def test_a_step_is_announced_and_its_end_when_it_succeeds() -> None:
    heard: list[Event] = []
    with announced("list", heard.append, position=2, total=3) as report:
        report(0.5)
    started, progress, finished = heard
    assert started == StepStarted(step="list", position=2, total=3)
    assert progress == StepProgress(step="list", fraction=0.5)
    assert isinstance(finished, StepFinished)
    assert finished.seconds >= 0


def test_the_end_of_a_step_that_fails_is_not_announced() -> None:
    heard: list[Event] = []
    with pytest.raises(ZeroDivisionError), announced("list", heard.append):
        raise ZeroDivisionError
    assert heard == [StepStarted(step="list", position=1, total=1)]
