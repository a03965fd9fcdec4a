"""Signals come as one exception, never in the middle of making or undoing a thing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from builder.basics.errors import HostError, Interrupted, StepError
from builder.basics.signals import held, interruptible, undoing


def send(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def terminal() -> Iterator[None]:
    """SIGHUP as a terminal leaves it, whatever these tests were started with."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def fail() -> None:
    raise HostError("The engine is gone")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_of_the_three_signals_interrupts_and_later_ones_do_nothing(number: int) -> None:
    with interruptible():
        with pytest.raises(Interrupted, match=signal.Signals(number).name):
            send(number)
        send(signal.SIGINT)
        send(signal.SIGTERM)


def test_a_build_under_nohup_outlives_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            send(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted), interruptible():
        send()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("body", ["os.kill(os.getpid(), signal.SIGINT)", "pass"])
def test_nothing_comes_between_the_end_of_a_program_and_its_exit_code(body: str) -> None:
    program = f"""
import contextlib, os, signal, sys
from builder.basics.signals import Interrupted, interruptible
with contextlib.suppress(Interrupted), interruptible(to_the_end=True):
    {body}
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    os.kill(os.getpid(), number)
sys.exit(130)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 130


def test_a_held_signal_comes_when_the_body_is_done() -> None:
    done = []

    def work() -> None:
        with held():
            send()
            with held():
                done.append("inner")
            done.append("outer")

    with interruptible(), pytest.raises(Interrupted):
        work()
    assert done == ["inner", "outer"]


def test_a_held_signal_comes_although_the_body_failed() -> None:
    def work() -> None:
        with held():
            send()
            fail()

    with interruptible(), pytest.raises(Interrupted) as caught:
        work()
    assert isinstance(caught.value.__context__, HostError)


def test_a_forgotten_signal_does_not_come_later() -> None:
    with interruptible():
        with held(forget=True):
            send()
        with held():
            pass


def test_undoing_is_not_disturbed_by_a_signal() -> None:
    done = []

    def undo() -> None:
        send()
        done.append("undone")

    with interruptible(), pytest.raises(Interrupted), undoing(undo):
        done.append("body")
    assert done == ["body", "undone"]


def test_a_signal_while_an_error_is_undone_does_not_hide_the_error() -> None:
    done = []

    def undo() -> None:
        send()
        done.append("undone")

    with interruptible(), pytest.raises(StepError, match="first"), undoing(undo):
        raise StepError("first")
    assert done == ["undone"]


def test_an_error_of_the_undoing_becomes_a_note_of_the_first() -> None:
    with pytest.raises(StepError, match="first") as caught, undoing(fail):
        raise StepError("first")
    assert caught.value.__notes__ == ["Cleanup failed: The engine is gone"]


def test_an_error_of_the_undoing_alone_is_raised() -> None:
    with pytest.raises(HostError, match="The engine is gone"), undoing(fail):
        pass
