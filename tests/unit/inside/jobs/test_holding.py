"""A step that failed is held for whoever wants to look into it, whatever made it fail."""

import signal
from dataclasses import replace
from typing import NoReturn

import pytest

from builder.basics.errors import DefectError, Interrupted, StepError, error_from_data
from builder.border.events import Event, Held
from builder.border.plan import BuildPlan
from builder.border.step_names import StepName
from builder.inside.jobs.build import _held
from tests.unit.inside.jobs.test_pipeline import PLAN

HOLDING = replace(PLAN, hold_failed=True)


@pytest.fixture(autouse=True)
def stopped_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the wait end as it does in a container: by a signal."""

    def pause() -> NoReturn:
        message = "Interrupted"
        raise Interrupted(message)

    monkeypatch.setattr(signal, "pause", pause)


def events_of(plan: BuildPlan, error: Exception | None) -> list[Event]:
    """Return what is announced while a step is left, with an error or without one."""
    heard: list[Event] = []
    try:
        with _held(StepName.CONFIGURE, plan, heard.append):
            if error is not None:
                raise error
    except (Interrupted, StepError, ZeroDivisionError):
        pass
    return heard


@pytest.mark.parametrize(
    ("error", "kind"), [(StepError("no room"), StepError), (ZeroDivisionError(), DefectError)]
)
def test_a_failure_is_held_be_it_foreseen_or_a_defect(
    error: Exception, kind: type[Exception]
) -> None:
    (held,) = events_of(HOLDING, error)
    assert isinstance(held, Held)
    assert held.error is not None
    assert isinstance(error_from_data(held.error), kind)


def test_an_interruption_is_never_held() -> None:
    assert events_of(HOLDING, Interrupted("Interrupted")) == []


def test_nothing_is_held_that_nobody_asked_for() -> None:
    assert events_of(PLAN, StepError("no room")) == []
    assert events_of(HOLDING, None) == []


def test_the_step_to_stop_after_is_held_and_no_other() -> None:
    (held,) = events_of(replace(PLAN, stop_after=StepName.CONFIGURE), None)
    assert held == Held(step="configure", error=None)
    assert events_of(replace(PLAN, stop_after=StepName.SQUASHFS), None) == []
