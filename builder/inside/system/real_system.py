"""The real `System`: processes, mounts, and the events that tell the host about them.

A process gets a small fixed environment, an empty or given standard input, and its own process
group, so that an interruption kills its children too.
"""

import contextlib
import errno
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
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
from builder.inside.system import confine, enter, usage
from builder.inside.system import kernel_calls as kernel
from builder.inside.system.system import Sight
from builder.inside.system.tool_error import ToolError, not_installed
from builder.inside.system.tool_limits import (
    FOREIGN_CODE,
    OWN_TOOLS,
    BeyondLimitError,
    Tail,
    ToolLimits,
    Watch,
)

_ROOM: Final = (
    "Free space where the engine keeps its volumes; `distroclone-builder doctor` shows where."
)
_READING: Final = (kernel.DAC_OVERRIDE, kernel.DAC_READ_SEARCH)
_KEEPING_OWNERS: Final = (  # the last is for attributes in `security.`
    kernel.CHOWN, kernel.FOWNER, kernel.FSETID, kernel.MKNOD, kernel.SETFCAP, kernel.SYS_ADMIN,
)  # fmt: skip
_PROGRESS_STEP: Final = 0.005
_END: Final = 10.0  # seconds for what was killed to be gone
_LAST_WORK: Final = 60.0  # seconds for what was asked to end
_ENTER: Final = (sys.executable, "-I", enter.__file__)
_CONFINE: Final = (sys.executable, "-I", confine.__file__)
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

    def __init__(
        self,
        on_event: OnEvent,
        *,
        source_date_epoch: int | None = None,
        own_limits: ToolLimits = OWN_TOOLS,
        foreign_limits: ToolLimits = FOREIGN_CODE,
        confines: bool = False,
    ) -> None:
        self._on_event = on_event
        self._own_limits = own_limits
        self._foreign_limits = foreign_limits
        self._confines = confines  # needs CAP_SYS_ADMIN
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
        sight: Sight | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        success: Collection[int] = (0,),
        progress: Callable[[str], float | None] | None = None,
        logged: bool = True,
        quiet: float | None = None,
    ) -> str:
        """See `System.run`."""
        command = tuple(argv) if root is None else (*_ENTER, os.fspath(root), *argv)
        self._on_event(ToolOutput(step=self._step, text=f"$ {shlex.join(command)}"))
        started, surroundings = self._seeing(command, sight, env)
        limits = self._own_limits if root is None else self._foreign_limits
        if quiet is not None:
            limits = replace(limits, quiet=min(quiet, limits.quiet))
        watch = Watch(limits=limits, disk=root)
        lines: list[str] = []
        try:
            with _started(started, cwd=cwd, env=surroundings, stdin=stdin) as process:
                for line in watch.lines(process):
                    fraction = progress(line) if progress else None
                    if fraction is not None:
                        self.progress(fraction)
                        watch.forgive(line)
                        continue
                    watch.count()
                    lines.append(line)
                    if logged:
                        self._on_event(ToolOutput(step=self._step, text=line))
                code = process.wait()
            watch.check_memory()
        except BeyondLimitError as error:
            raise _ended(error, command, lines, tool=argv[0]) from error
        if code not in success:
            raise _failure(command, code, lines[-LAST_LINES:], tool=argv[0])
        return "\n".join(lines)

    def _seeing(
        self, command: Sequence[str], sight: Sight | None, env: Mapping[str, str] | None
    ) -> tuple[Sequence[str], Mapping[str, str]]:
        """Return what to start so that the command has that sight, and in which environment."""
        surroundings = {**self._environment, **(env or {})}
        if sight is None or not self._confines:
            return command, surroundings
        return (*_CONFINE, _described(sight, surroundings), *command), self._environment

    @contextlib.contextmanager
    def reading(self, argv: Sequence[str]) -> Iterator[BinaryIO]:
        """See `System.reading`."""
        command = tuple(argv)
        self._on_event(ToolOutput(step=self._step, text=f"$ {shlex.join(command)}"))
        early: EOFError | None = None
        complaints, watch = Tail(), Watch(limits=self._own_limits)

        def explained(error: BeyondLimitError) -> ToolError:
            return _ended(error, command, complaints.lines(), tool=argv[0])

        with (
            complaints as stderr,
            _started(command, cwd=None, env=self._environment, stdin=b"", stderr=stderr) as process,
        ):
            assert process.stdout is not None
            try:
                yield watch.stream(process, explained=explained)
            except EOFError as error:
                early = error
            process.stdout.close()
            code = process.wait()
        try:
            watch.check_memory()
        except BeyondLimitError as error:
            raise explained(error) from error
        lines = complaints.lines()[-LAST_LINES:]
        for line in lines:
            self._on_event(ToolOutput(step=self._step, text=line))
        if code != 0:
            raise _failure(command, code, lines, tool=argv[0])
        if early is not None:
            raise early

    @contextlib.contextmanager
    def meanwhile(
        self,
        argv: Sequence[str],
        *,
        sight: Sight | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> Iterator[None]:
        """See `System.meanwhile`."""
        command = tuple(argv)
        self._on_event(ToolOutput(step=self._step, text=f"$ {shlex.join(command)} &"))
        started, surroundings = self._seeing(command, sight, env)
        output = Tail()
        with (
            output as stdout,
            _started(started, cwd=None, env=surroundings, stdin=stdin, stdout=stdout) as process,
        ):
            yield
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LAST_WORK)  # then it is killed
        for line in output.lines():
            self._on_event(ToolOutput(step=self._step, text=line))

    @contextlib.contextmanager
    def mounted(
        self, source: str, target: Path, *, kind: str, options: Sequence[str] = ()
    ) -> Iterator[None]:
        """See `System.mounted`."""
        chosen = ["--options", ",".join(options)] if options else []
        # Without notes in /run/mount: by them, umount would free a loop device that frees itself.
        argv = ["mount", "--no-mtab", "--types", kind, *chosen, source, os.fspath(target)]
        with contextlib.ExitStack() as stack:
            with held():
                self.run(argv)
                stack.enter_context(undoing(lambda: self._unmount(target)))
            yield

    def _unmount(self, target: Path) -> None:
        self.run(["umount", "--no-mtab", os.fspath(target)])


def _described(sight: Sight, environment: Mapping[str, str]) -> str:
    """Return a sight as `confine` takes it."""
    capabilities = (*_READING, *(_KEEPING_OWNERS if sight.keeps_owners else ()))
    return json.dumps(
        {
            "reads": [os.fspath(path) for path in sight.reads],
            "writes": [os.fspath(path) for path in sight.writes],
            "capabilities": capabilities,
            "environment": environment,
        }
    )


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
            finally:  # also after a tool that ended, and left somebody behind
                _kill_all(process, command)


def _kill_all(process: "subprocess.Popen[bytes]", command: Sequence[str]) -> None:
    """Kill a tool, its process group, and what it started in namespaces.

    Who made the namespaces goes last, since he waits until they are empty: what thousands of
    processes hold is not free before that.
    """
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None and tuple(command[: len(_ENTER)]) in (_ENTER, _CONFINE):
            for number in usage.descendants(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END)
        os.killpg(process.pid, signal.SIGKILL)


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


def _ended(
    error: BeyondLimitError, command: Sequence[str], lines: Sequence[str], *, tool: str
) -> ToolError:
    return ToolError(
        error.message,
        hint=error.hint,
        command=command,
        output=lines[-LAST_LINES:],
        tool=tool,
        values=error.values,
    )


def _failure(command: Sequence[str], code: int, output: Sequence[str], *, tool: str) -> ToolError:
    if code < 0:
        name = _signal_name(-code)
        hint = ""
        if name == "SIGKILL":
            hint = (
                "It probably ran out of memory: a build needs up to 1.5 GiB on the engine's "
                "machine."
            )
        elif name == "SIGXFSZ":
            hint = (
                "It wrote a file larger than 8 GiB, which no program of the system may do while an "
                "ISO is built. The log shows what it did last."
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
