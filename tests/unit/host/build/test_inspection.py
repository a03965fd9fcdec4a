"""A build that can be looked at: who may, what stays, and what is said."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from builder.basics.errors import BuilderError, ExitCode, StepError, Stopped, UsageError
from builder.basics.signals import undoing
from builder.border.events import Held
from builder.border.step_names import StepName
from builder.host.build import inspection
from builder.host.build.inspection import Inspection
from builder.host.engine.protocol import HeldError

ID = "0123456789abcdef"


def held(error: BuilderError | None = None) -> HeldError:
    data = None if error is None else error.to_data()
    return HeldError(Held(step=StepName.CONFIGURE, error=data), container=ID)


def engine(seen: list[str]) -> Any:
    def shell(container: str, *, folder: Path) -> None:
        seen.append(f"shell in {container} at {folder}")

    return cast("Any", SimpleNamespace(shell=shell))


@pytest.mark.parametrize(
    ("wanted", "option"),
    [
        (Inspection(debug_shell=True), "--debug-shell"),
        (Inspection(keep_failed=True), "--keep-failed"),
    ],
)
def test_nobody_is_asked_to_look_where_there_is_no_terminal(
    wanted: Inspection, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "has_terminal", lambda: False)
    with pytest.raises(UsageError, match=f"{option} needs a terminal"):
        wanted.check()
    monkeypatch.setattr(inspection, "has_terminal", lambda: True)
    wanted.check()


def test_a_build_may_stop_early_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "has_terminal", lambda: False)
    Inspection(stop_after=StepName.CONFIGURE).check()


def test_what_failed_is_kept_and_how_to_enter_it_is_said() -> None:
    ending = Inspection(keep_failed=True).look_into(held(StepError("no room")), engine([]))
    assert isinstance(ending, StepError)
    assert str(ending) == "no room"
    assert ending.keeps
    notes = "\n".join(ending.__notes__)
    assert "docker exec -it 0123456789ab bash" in notes
    assert "/work/root" in notes
    assert "distroclone-builder sweep" in notes


def test_a_shell_is_given_and_afterwards_nothing_is_kept() -> None:
    seen: list[str] = []
    wanted = Inspection(debug_shell=True, before_shell=lambda: seen.append("cleared"))
    ending = wanted.look_into(held(StepError("no room")), engine(seen))
    assert seen == ["cleared", f"shell in {ID} at /work"]
    assert not ending.keeps


def test_a_build_that_was_to_stop_is_no_failure() -> None:
    ending = Inspection(stop_after=StepName.CONFIGURE).look_into(held(), engine([]))
    assert isinstance(ending, Stopped)
    assert ending.exit_code is ExitCode.DONE
    assert ending.keeps
    assert "Stopped after the step configure" in str(ending)


@pytest.mark.parametrize("keeps", [True, False])
def test_an_error_that_keeps_leaves_everything_made(keeps: bool) -> None:
    undone: list[str] = []
    error = StepError("no room")
    error.keeps = keeps
    with pytest.raises(StepError, match="no room"), undoing(lambda: undone.append("volume")):
        raise error
    assert undone == ([] if keeps else ["volume"])
