"""Does something in a process of its own while we do something else: there is a second processor.

A thread would not do: our walks through trees are Python, of which one thread runs at a time.
"""

import contextlib
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO, NoReturn, TypeVar

from builder.basics.signals import held, undoing

Result = TypeVar("Result")


@contextlib.contextmanager
def aside(work: Callable[[], Result]) -> Iterator[Callable[[], Result]]:
    """Begin `work` in a copy of this process; yield what waits for it, and returns its result.

    It must change nothing. Where it fails, what waits does the work again, here, and so raises its
    error. The process is gone after the body.
    """
    sys.stdout.flush()  # or both would write what waits there
    with contextlib.ExitStack() as stack:
        with held():
            reading, writing = os.pipe()
            answer = stack.enter_context(open(reading, "rb"))  # noqa: PTH123 - a descriptor
            try:
                worker = os.fork()
            except OSError:  # no more processes: it is done here
                os.close(writing)
                worker = None
            if worker == 0:
                _work(work, writing)
            if worker is not None:
                os.close(writing)
                stack.enter_context(undoing(lambda: _end(worker)))
        yield lambda: _result(answer, work)


def _work(work: Callable[[], object], writing: int) -> NoReturn:
    """Be the process that works."""
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        with open(writing, "wb") as answer:
            pickle.dump(work(), answer)
    finally:
        os._exit(0)  # the rest of the program is not this process's


def _result(answer: BinaryIO, work: Callable[[], Result]) -> Result:
    try:
        found: Result = pickle.load(answer)  # noqa: S301 - this program wrote it
    except (EOFError, pickle.UnpicklingError):  # it ended before it had said all
        return work()
    return found


def _end(worker: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(worker, 0)
