"""The machine that is installed: what is done at the end of something."""

import pytest

from builder.basics.errors import StepError, UsageError
from builder.inside.installing.machine import undone
from tests.support.installing import RecordingMachine


def test_what_fails_at_the_end_does_not_hide_what_failed_before() -> None:
    told = RecordingMachine(failing="umount")
    with pytest.raises(UsageError, match="the first"), undone(told, ["umount", "/target"]):
        raise UsageError("the first")
    assert told.did == ["umount /target"]


def test_what_fails_at_the_end_alone_is_a_failure() -> None:
    with (
        pytest.raises(StepError, match="umount failed"),
        undone(RecordingMachine(failing="umount"), ["umount"]),
    ):
        pass
