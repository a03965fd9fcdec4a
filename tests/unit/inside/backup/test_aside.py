"""Work that is done in a process of its own."""

import os
import signal
from pathlib import Path

import pytest

from builder.inside.backup.aside import aside


def test_work_is_done_elsewhere_and_its_result_comes_back() -> None:
    with aside(lambda: (os.getpid(), ["x" * 100_000])) as result:
        worker, found = result()
    assert worker != os.getpid()
    assert found == ["x" * 100_000]


def test_an_error_of_the_work_is_raised_where_its_result_is_wanted(tmp_path: Path) -> None:
    with (
        aside((tmp_path / "missing").read_text) as result,
        pytest.raises(FileNotFoundError, match="missing"),
    ):
        result()


def test_work_whose_process_was_killed_is_done_here() -> None:
    here = os.getpid()

    def work() -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    with aside(work) as result:
        assert result() == here


class Stumbling:
    """Cannot be written down whole."""

    def __reduce__(self) -> str | tuple[type, tuple[()]]:
        if os.getpid() != _HERE:
            os.kill(os.getpid(), signal.SIGKILL)
        return Stumbling, ()


_HERE = os.getpid()


def test_work_whose_process_was_killed_while_it_answered_is_done_here() -> None:
    with aside(lambda: ["x" * 1_000_000, Stumbling()]) as result:
        assert result()[0] == "x" * 1_000_000


def test_nobody_is_left_of_work_that_nobody_waits_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def work() -> str:
        (tmp_path / "worker").write_text(str(os.getpid()))
        return pipe.read_text()  # for which nobody writes

    def number() -> str:
        place = tmp_path / "worker"
        return place.read_text() if place.exists() else ""

    with aside(work):
        while not number():
            os.sched_yield()
    with pytest.raises(ProcessLookupError, match="No such process"):
        os.kill(int(number()), 0)
