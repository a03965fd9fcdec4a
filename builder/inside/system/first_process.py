"""Runs one program in namespaces of its own, as the child of their first process.

When the program ends, so does the first process, and with it everything that it started.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NoReturn

from builder.inside.system import kernel_calls as kernel

NOT_FOUND: Final = 127  # as in shells
FAILED: Final = 126


def run_alone(
    argv: Sequence[str],
    *,
    confine: Callable[[], None],
    environment: Mapping[str, str] | None = None,
    complaint: str,
) -> NoReturn:
    """Run `argv` in new namespaces after `confine` was called in them, and end as it did.

    `complaint` begins the line that is printed when that is not possible.
    """
    os.get_exec_path()  # imports a module now, while our own library is reachable
    try:
        kernel.unshare(kernel.OWN_EVERYTHING)
        reading, writing = os.pipe()
    except OSError as error:
        _end(f"{complaint}: {error}", FAILED)
    first = os.fork()  # the first process of the new namespace; with it, all others end
    if first:
        os.close(writing)
        _end_like(first, reading)
    os.close(reading)
    try:
        kernel.end_with_parent()
        confine()
    except OSError as error:
        _end(f"{complaint}: {error}", FAILED)
    _be_first(os.fork(), argv, dict(os.environ if environment is None else environment), writing)


def _end_like(first: int, reading: int) -> NoReturn:
    """Wait for the namespace to end, and end as the program in it did."""
    _pass_on_the_end(first)
    killed_by = os.read(reading, 1)
    _process, status = os.waitpid(first, 0)
    code = os.waitstatus_to_exitcode(status)
    number = killed_by[0] if killed_by else max(-code, 0)
    if number:
        if number not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(code if code >= 0 else FAILED)


def _pass_on_the_end(process: int) -> None:
    """Let a process that is asked to end ask another one instead, and wait for it."""

    def ask(number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(process, number)

    signal.signal(signal.SIGTERM, ask)


def _be_first(
    program: int, argv: Sequence[str], environment: Mapping[str, str], writing: int
) -> NoReturn:
    """Start the program, and take over whatever loses its parent until the program ends."""
    if program == 0:
        os.close(writing)
        try:
            os.execvpe(argv[0], list(argv), environment)  # noqa: S606 - an argv list, no shell
        except FileNotFoundError:
            _end(f"{argv[0]} is not installed in the system", NOT_FOUND)
        except OSError as error:
            _end(f"cannot run {argv[0]}: {error}", FAILED)
    _pass_on_the_end(program)
    while True:
        ended, status = os.wait()
        if ended == program:
            break
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        os.write(writing, bytes((-code,)))
    os._exit(max(code, 0))


def _end(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
    os._exit(code)  # no imports from here on: the standard library may be a foreign tree's
