"""Everything that can go wrong, one branch for each exit code.

An error says what failed (`message`), what to do (`hint`), and, where a tool was run, the exact
command and the last lines it printed. It can cross from the container to the host as plain data.
"""

import traceback
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, ClassVar, Final

from builder.basics.texts import render

LAST_LINES: Final = 25  # of what a tool printed, or of a traceback, that an error keeps


class ExitCode(IntEnum):
    """The documented exit codes of the command."""

    DONE = 0
    USAGE = 2
    HOST = 3
    SOURCE = 4
    STEP = 5
    VERIFICATION = 6
    PRIVATE = 7
    BACKUP = 8
    DEFECT = 70  # EX_SOFTWARE of sysexits.h
    INTERRUPTED = 130


class BuilderError(Exception):
    """The base class; raise one of the subclasses below.

    `message` and `hint` are templates (see `builder.basics.texts`); `values` fill both.
    `temporary` marks an error that may go away by itself, so that a retry makes sense.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.STEP

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        temporary: bool = False,
        command: Sequence[str] = (),
        output: Sequence[str] = (),
        **values: object,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.temporary = temporary
        self.command = tuple(command)
        self.output = tuple(output)
        self.values = {name: str(value) for name, value in values.items()}
        self.keeps = False  # True: what was made is kept for inspection (`signals.undoing`)

    def __str__(self) -> str:
        return render(self.message, self.values)

    @property
    def advice(self) -> str:
        """The hint, translated and filled; empty when there is none."""
        return render(self.hint, self.values)

    def to_data(self) -> dict[str, Any]:
        """Return the error as plain data, which can leave the container."""
        return {
            "kind": self._branch(),
            "message": self.message,
            "hint": self.hint,
            "temporary": self.temporary,
            "command": list(self.command),
            "output": list(self.output),
            "values": self.values,
        }

    def _branch(self) -> str:
        """Return the name of the branch that a finer error is of."""
        names = [each.__name__ for each in type(self).__mro__]
        return next((name for name in names if name in _BRANCHES), StepError.__name__)


class UsageError(BuilderError):
    """The command line or the config asks for something impossible."""

    exit_code = ExitCode.USAGE


class HostError(BuilderError):
    """The engine or this machine cannot do what is needed."""

    exit_code = ExitCode.HOST


class SourceError(BuilderError):
    """The cache or the snapshot cannot be used."""

    exit_code = ExitCode.SOURCE


class StepError(BuilderError):
    """A build step failed."""

    exit_code = ExitCode.STEP


class VerificationError(BuilderError):
    """The result is not what was built, or not what it claims to be."""

    exit_code = ExitCode.VERIFICATION


class PrivacyError(BuilderError):
    """What would be packed holds something private."""

    exit_code = ExitCode.PRIVATE


class DefectError(BuilderError):
    """Something impossible happened: a bug in this program."""

    exit_code = ExitCode.DEFECT

    @classmethod
    def of(cls, error: BaseException) -> "DefectError":
        """Wrap an unexpected error, with the end of its traceback."""
        lines = "".join(traceback.format_exception(error)).splitlines()
        return cls(
            "Unexpected error: {reason}",
            hint="This is a bug in distroclone-builder.",
            output=lines[-LAST_LINES:],
            reason=f"{type(error).__name__}: {error}",
        )


class Stopped(BuilderError):
    """The build ended where it was told to."""

    exit_code = ExitCode.DONE


class Interrupted(BuilderError):
    """Ctrl-C, SIGTERM or SIGHUP."""

    exit_code = ExitCode.INTERRUPTED


_BRANCHES: Mapping[str, type[BuilderError]] = {
    branch.__name__: branch
    for branch in (
        UsageError, HostError, SourceError, StepError, VerificationError, PrivacyError, DefectError,
        Interrupted,
    )
}  # fmt: skip


def error_from_data(data: Mapping[str, Any]) -> BuilderError:
    """Rebuild an error that came out of a container; an unknown kind becomes a `StepError`."""
    branch = _BRANCHES.get(str(data.get("kind")), StepError)
    return branch(
        str(data.get("message", "")),
        hint=str(data.get("hint", "")),
        temporary=bool(data.get("temporary", False)),
        command=[str(word) for word in data.get("command", ())],
        output=[str(line) for line in data.get("output", ())],
        **{str(name): str(value) for name, value in dict(data.get("values", {})).items()},
    )
