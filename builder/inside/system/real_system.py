"""The real `System`: processes, mounts, and the events that tell the host about them.

A process gets a small fixed environment, an empty or given standard input, and its own process
group, so that an interruption kills its children too.
"""

import contextlib
import errno
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, BinaryIO, Final

from builder.basics.errors import LAST_LINES, StepError
from builder.basics.signals import held, undoing
from builder.border.events import (
    Note,
    OnEvent,
    StepProgress,
    ToolOutput,
    announced,
)
from builder.inside.system import enter
from builder.inside.system.tool_error import ToolError, not_installed

_LONGEST_LINE: Final = 4000
_ROOM: Final = (
    "Free space where the engine keeps its volumes; `distroclone-builder doctor` shows where."
)
_PROGRESS_STEP: Final = 0.005
_ENTER: Final = (sys.executable, "-I", enter.__file__)
_ENVIRONMENT: Final[Mapping[str, str]] = {
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PERL_HASH_SEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
}


class RealSystem:
    """Implements `System`; also starts and ends the steps."""

    def __init__(self, on_event: OnEvent, *, source_date_epoch: int | None = None) -> None:
        self._on_event = on_event
        self._environment = dict(_ENVIRONMENT)
        if source_date_epoch is not None:
            self._environment["SOURCE_DATE_EPOCH"] = str(source_date_epoch)
        self._step = ""
        self._fraction = 0.0

    @contextlib.contextmanager
    def step(self, name: str, *, position: int, total: int) -> Iterator[None]:
        """Announce a step, and its end if it succeeds."""
        self._step, self._fraction = name, 0.0
        with announced(name, self._on_event, position=position, total=total), _full_disk_named():
            yield

    def check_tools(self, tools: Iterable[str]) -> None:
        """Raise StepError when one of the tools is not in this image."""
        path = self._environment["PATH"]
        missing = {tool for tool in tools if shutil.which(tool, path=path) is None}
        if missing:
            raise StepError(
                "The builder image lacks {tools}",
                hint="Rebuild it with `distroclone-builder image build --fresh`.",
                tools=", ".join(sorted(missing)),
            )

    def progress(self, fraction: float) -> None:
        """Report how much of the current step is done; small changes are not reported."""
        fraction = min(max(fraction, 0.0), 1.0)
        if fraction - self._fraction >= _PROGRESS_STEP or fraction == 1.0 != self._fraction:
            self._fraction = fraction
            self._on_event(StepProgress(step=self._step, fraction=fraction))

    def log(self, text: str) -> None:
        """Write a line to the log alone."""
        self._on_event(ToolOutput(step=self._step, text=text))

    def note(self, message: str, *, warning: bool = False, **values: object) -> None:
        """Tell the user something."""
        level = "warning" if warning else "info"
        texts = {name: str(value) for name, value in values.items()}
        self._on_event(Note(level=level, message=message, values=texts))

    def run(
        self,
        argv: Sequence[str],
        *,
        root: Path | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        success: Collection[int] = (0,),
        progress: Callable[[str], float | None] | None = None,
    ) -> str:
        """See `System.run`."""
        command = tuple(argv) if root is None else (*_ENTER, os.fspath(root), *argv)
        self._on_event(ToolOutput(step=self._step, text=f"$ {shlex.join(command)}"))
        last: deque[str] = deque(maxlen=LAST_LINES)

        def keep(line: str) -> None:
            fraction = progress(line) if progress else None
            if fraction is not None:
                self.progress(fraction)
                return
            last.append(line)
            self._on_event(ToolOutput(step=self._step, text=line))

        surroundings = {**self._environment, **(env or {})}
        with _started(command, cwd=cwd, env=surroundings, stdin=stdin) as process:
            lines = []
            assert process.stdout is not None
            for line in split_lines(process.stdout):
                keep(line)
                lines.append(line)
            code = process.wait()
        if code not in success:
            raise _failure(command, code, tuple(last), tool=argv[0])
        return "\n".join(lines)

    @contextlib.contextmanager
    def reading(self, argv: Sequence[str]) -> Iterator[BinaryIO]:
        """See `System.reading`."""
        command = tuple(argv)
        self._on_event(ToolOutput(step=self._step, text=f"$ {shlex.join(command)}"))
        early: EOFError | None = None
        with tempfile.TemporaryFile() as complaints:
            with _started(
                command, cwd=None, env=self._environment, stdin=b"", stderr=complaints
            ) as process:
                assert process.stdout is not None
                try:
                    yield process.stdout  # type: ignore[misc]
                except EOFError as error:
                    early = error
                process.stdout.close()
                code = process.wait()
            complaints.seek(0)
            lines = tuple(deque(split_lines(complaints), maxlen=LAST_LINES))
        for line in lines:
            self._on_event(ToolOutput(step=self._step, text=line))
        if code != 0:
            raise _failure(command, code, lines, tool=argv[0])
        if early is not None:
            raise early

    @contextlib.contextmanager
    def meanwhile(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> Iterator[None]:
        """See `System.meanwhile`."""
        command = tuple(argv)
        self._on_event(ToolOutput(step=self._step, text=f"$ {shlex.join(command)} &"))
        surroundings = {**self._environment, **(env or {})}
        with tempfile.TemporaryFile() as output:
            with _started(command, cwd=None, env=surroundings, stdin=b"", stdout=output) as process:
                yield
                process.terminate()
            output.seek(0)
            for line in split_lines(output):
                self._on_event(ToolOutput(step=self._step, text=line))

    @contextlib.contextmanager
    def mounted(
        self, source: str, target: Path, *, kind: str, options: Sequence[str] = ()
    ) -> Iterator[None]:
        """See `System.mounted`."""
        chosen = ["--options", ",".join(options)] if options else []
        argv = ["mount", "--types", kind, *chosen, source, os.fspath(target)]
        with contextlib.ExitStack() as stack:
            with held():
                self.run(argv)
                stack.enter_context(undoing(lambda: self._unmount(target)))
            yield

    def _unmount(self, target: Path) -> None:
        self.run(["umount", os.fspath(target)])


@contextlib.contextmanager
def _started(
    command: Sequence[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str],
    stdin: bytes,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.STDOUT,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process group; kill all of it when the body is left early.

    Raises ToolError for a missing tool; errors of the body pass unchanged.
    """
    with tempfile.TemporaryFile() as prepared:  # a file, because a pipe could fill up and block
        prepared.write(stdin)
        prepared.seek(0)
        try:
            started = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=prepared,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                umask=0o022,
            )
        except FileNotFoundError as error:
            raise not_installed(command) from error
        with started as process:
            try:
                yield process
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise


def split_lines(stream: IO[bytes]) -> Iterator[str]:
    """Yield the lines of a tool's output as they arrive; a line ends at LF, CR or end of file.

    Progress displays end their lines with CR. Empty lines are skipped; very long ones are split.
    """
    pending = b""
    while chunk := os.read(stream.fileno(), 65536):
        *complete, pending = (pending + chunk).replace(b"\r", b"\n").split(b"\n")
        pending = pending[-_LONGEST_LINE:]
        yield from filter(None, (_text(line) for line in complete))
    if pending:
        yield _text(pending)


def _text(line: bytes) -> str:
    return line[:_LONGEST_LINE].decode("utf-8", "backslashreplace").rstrip()


@contextlib.contextmanager
def _full_disk_named() -> Iterator[None]:
    """Explain a full disk, also when our own code ran into it."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StepError(
            "The disk is full: {path} cannot be written", hint=_ROOM, path=error.filename
        ) from error


def _failure(command: Sequence[str], code: int, output: Sequence[str], *, tool: str) -> ToolError:
    if code < 0:
        name = _signal_name(-code)
        hint = ""
        if name == "SIGKILL":
            hint = (
                "It probably ran out of memory: a build needs up to 1.5 GiB on the engine's "
                "machine."
            )
        message = "{tool} was killed by {signal}"
        return ToolError(message, hint=hint, command=command, output=output, tool=tool, signal=name)
    if any("No space left on device" in line for line in output):
        return ToolError(
            "{tool} failed: the disk is full",
            hint=_ROOM,
            command=command,
            output=output,
            tool=tool,
        )
    return ToolError(
        "{tool} failed with exit code {code}",
        command=command,
        output=output,
        tool=tool,
        code=code,
    )


def _signal_name(number: int) -> str:
    """Most real-time signals have no name of their own."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
