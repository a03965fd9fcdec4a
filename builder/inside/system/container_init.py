"""The first process of a container: passes signals on to the job, and reaps what loses its parent.

The kernel gives process 1 no default action for a signal, and every orphan. Engines can put an init
of their own in front; Podman's is a separate package that many machines lack, so none is asked for.
"""

import os
import signal
from collections.abc import Callable
from typing import Final

_WAITED_FOR: Final = (
    signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT,
)  # fmt: skip
_SIGNALLED: Final = 128  # plus the signal's number, as in shells


def as_job(run: Callable[[], int]) -> int:
    """Return what `run` returns; when this is process 1, a child of it calls `run`.

    Then the code of a job that a signal ended is 128 and the signal's number. The container ends
    with us, and the kernel ends what the job left running.
    """
    return _supervised(run) if os.getpid() == 1 else run()


def _supervised(run: Callable[[], int]) -> int:
    # Waited for, not handled: none is lost, and none comes between two instructions.
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    job = os.fork()
    if job == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED_FOR)
        return run()
    while True:
        number = signal.sigwait(_WAITED_FOR)
        if number != signal.SIGCHLD:
            os.kill(job, number)  # it is not reaped yet, so the number is still its own
        elif (code := _reaped(job)) is not None:
            return code


def _reaped(job: int) -> int | None:
    """Reap all that have ended, up to the job; return its exit code, None if it goes on."""
    while True:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process == job:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else _SIGNALLED - code
        if process == 0:
            return None
