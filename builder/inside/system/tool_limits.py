"""What a tool may take before it is ended, and how its output is read meanwhile.

A tool works on hostile input, or is itself the code of a foreign system: it may print without end,
hang, fill the disk, or leave somebody behind who holds its output open.
"""

import io
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final

from builder.inside.system import usage

if TYPE_CHECKING:
    import subprocess

_HOUR: Final = 3600
_LONGEST_LINE: Final = 4000
_TICK: Final = 0.5  # seconds between two looks at what was used
_TAIL: Final = 256 << 10  # bytes
_PIECE: Final = 64 << 10  # bytes
_MOST_FILES_LEFT: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolLimits:
    """How long and how much."""

    quiet: float = _HOUR  # seconds without any output
    seconds: float = 48 * _HOUR
    lines: int = 500_000  # that are not progress; each may be kept in memory until the tool ends
    size: int = 32 << 20  # bytes of output without what was progress
    processes: int = 1000  # at once, and threads
    written: int | None = None  # bytes to disks, also what is removed again
    left_free: int = 256 << 20  # bytes of the disk that it fills, or half of what was free


OWN_TOOLS: Final = ToolLimits()
# mkinitramfs prints a few lines a kernel. With 10,000 modules it takes minutes. All modules and
# firmware that there are, as files, as an archive and compressed, are some 5 GiB.
FOREIGN_CODE: Final = ToolLimits(
    quiet=_HOUR // 2,
    seconds=3 * _HOUR,
    lines=100_000,
    size=8 << 20,
    written=16 << 30,
    left_free=2 << 30,
)


class BeyondLimitError(Exception):
    """A tool took more than it may; `message` and `hint` are templates for its error."""

    def __init__(self, *, message: str, hint: str, **values: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.values = values


@dataclass(slots=True, kw_only=True)
class Watch:
    """Counts what one run of a tool takes; `disk` is a path on the disk that it must not fill.

    Each line must be given to `count`, or to `forgive` if it was progress.
    """

    limits: ToolLimits
    disk: Path | None = None
    _began: float = field(default_factory=time.monotonic)
    _heard: float = field(default_factory=time.monotonic)
    _looked: float = 0.0
    _lines: int = 0
    _size: int = 0
    _floor: int = -1  # bytes that must stay free
    _file_floor: int = 0  # files that it must still be able to hold
    _kills: int = field(default_factory=usage.kills_for_memory)

    def lines(self, process: "subprocess.Popen[bytes]") -> Iterator[str]:
        """Yield the lines of its output until it ends. Raises BeyondLimitError."""
        assert process.stdout is not None
        yield from split_lines(self._pieces(process, process.stdout))

    def stream(
        self,
        process: "subprocess.Popen[bytes]",
        *,
        explained: Callable[["BeyondLimitError"], Exception],
    ) -> BinaryIO:
        """Return its output, to be read as it comes, however much that is.

        Reading raises what `explained` makes of a BeyondLimitError; silence counts only while
        somebody waits for more.
        """
        return io.BufferedReader(_Output(self, process, explained), _PIECE)

    def piece(self, process: "subprocess.Popen[bytes]", *, most: int) -> bytes:
        """Return what it printed next, at most that many bytes; b"" at the end.

        Raises BeyondLimitError.
        """
        assert process.stdout is not None
        self._heard = time.monotonic()
        while True:
            self._look(process.pid)
            ended = process.poll() is not None
            if select.select([process.stdout], [], [], _TICK)[0]:
                return os.read(process.stdout.fileno(), most)
            if ended:
                return b""  # whoever still holds its output open is not waited for

    def forgive(self, line: str) -> None:
        """Do not count a line that was progress: a long run has many."""
        self._size -= len(line) + 1

    def count(self) -> None:
        """Count a line that was no progress. Raises BeyondLimitError."""
        self._lines += 1
        self._check_amount()

    def check_memory(self) -> None:
        """Raise BeyondLimitError if the memory was used up since the tool began.

        Also for one that ended well: what it made may lack what its ended child was to make.
        """
        if usage.kills_for_memory() > self._kills:
            raise BeyondLimitError(
                message="{tool} was ended: the memory of its container was used up",
                hint="All programs of a build may use 1.5 GiB together, and the engine's machine "
                "must have that to spare. If it has, the log shows what was done last.",
            )

    def _check_amount(self) -> None:
        if self._lines > self.limits.lines or self._size > self.limits.size:
            raise BeyondLimitError(
                message="{tool} was ended: it printed more than {lines} lines or {size} MiB",
                hint="The last lines show what it repeats; the cause is in the system's own "
                "settings or files.",
                lines=self.limits.lines,
                size=self.limits.size >> 20,
            )

    def _pieces(self, process: "subprocess.Popen[bytes]", output: IO[bytes]) -> Iterator[bytes]:
        while True:
            if select.select([output], [], [], _TICK)[0]:
                piece = os.read(output.fileno(), _PIECE)
                if not piece:
                    return
                self._heard = time.monotonic()
                self._size += len(piece)  # here, since a line may have no end
                self._check_amount()
                yield piece
            elif process.poll() is not None:
                return  # it has ended; whoever still holds its output open is not waited for
            self._look(process.pid)

    def _look(self, process: int) -> None:
        now = time.monotonic()
        if now - self._looked < _TICK:
            return
        self._looked = now
        if now - self._heard > self.limits.quiet:
            raise BeyondLimitError(
                message="{tool} was ended: it printed nothing for {minutes} minutes",
                hint="It hangs, or the machine is overloaded. The log shows what it did last.",
                minutes=f"{self.limits.quiet / 60:g}",
            )
        if now - self._began > self.limits.seconds:
            raise BeyondLimitError(
                message="{tool} was ended: it did not finish within {hours} hours",
                hint="Check the load and the disks of the engine's machine.",
                hours=f"{self.limits.seconds / _HOUR:g}",
            )
        self._look_at_processes(process)
        self._look_at_disk()

    def _look_at_processes(self, process: int) -> None:
        below = usage.descendants(process)
        if sum(each.threads for each in below.values()) > self.limits.processes:
            raise BeyondLimitError(
                message="{tool} was ended: it ran more than {processes} processes at once",
                hint="A program starts others without end; the log shows what it did last.",
                processes=self.limits.processes,
            )
        if self.limits.written is not None and usage.written_by(below) > self.limits.written:
            raise BeyondLimitError(
                message="{tool} was ended: it wrote more than {written} MiB",
                hint="A program of the system writes without end; the log shows what it did last.",
                written=self.limits.written >> 20,
            )

    def _look_at_disk(self) -> None:
        if self.disk is None:
            return
        space = os.statvfs(self.disk)
        free = space.f_bavail * space.f_frsize
        if self._floor < 0:
            self._floor = min(self.limits.left_free, free // 2)
            self._file_floor = min(_MOST_FILES_LEFT, space.f_favail // 2)  # 0: it has no such limit
        if free < self._floor:
            raise BeyondLimitError(
                message="{tool} was ended: only {free} MiB were left on the disk that it fills",
                hint="Free space where the engine keeps its volumes. If there was plenty, a "
                "program of the system writes without end.",
                free=free >> 20,
            )
        if space.f_favail < self._file_floor:
            raise BeyondLimitError(
                message="{tool} was ended: the disk that it fills can hold only {count} more files",
                hint="Where the engine keeps its volumes, inodes are short. If there were plenty, "
                "a program of the system makes files without end.",
                count=space.f_favail,
            )


def split_lines(pieces: Iterator[bytes]) -> Iterator[str]:
    """Yield the lines of a tool's output as they arrive; a line ends at LF, CR or end of file.

    Progress displays end their lines with CR. Empty lines are skipped; very long ones are cut.
    """
    pending = b""
    for piece in pieces:
        *complete, pending = (pending + piece).replace(b"\r", b"\n").split(b"\n")
        pending = pending[-_LONGEST_LINE:]
        yield from filter(None, (_text(line) for line in complete))
    if pending:
        yield _text(pending)


class _Output(io.RawIOBase):
    """What a tool prints."""

    def __init__(
        self,
        watch: Watch,
        process: "subprocess.Popen[bytes]",
        explained: Callable[[BeyondLimitError], Exception],
    ) -> None:
        self._watch = watch
        self._process = process
        self._explained = explained

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        try:
            piece = self._watch.piece(self._process, most=len(view))
        except BeyondLimitError as error:
            raise self._explained(error) from error
        view[: len(piece)] = piece
        return len(piece)


class Tail:
    """A pipe for output that nobody reads before its tool has ended: only its end is kept."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        self._kept = b""
        self._thread = threading.Thread(target=self._drain, daemon=True)

    def __enter__(self) -> int:
        """Begin to drain the pipe, and return its end for the tool."""
        self._thread.start()
        return self._writing

    def __exit__(self, *_error: object) -> None:
        """Stop, once the tool has ended; whoever still holds the pipe is not waited for."""
        os.close(self._writing)
        self._thread.join(_TICK)

    def lines(self) -> list[str]:
        """Return the last lines."""
        return list(split_lines(iter((self._kept,))))

    def _drain(self) -> None:
        while piece := os.read(self._reading, _PIECE):
            self._kept = (self._kept + piece)[-_TAIL:]
        os.close(self._reading)


def _text(line: bytes) -> str:
    return line[:_LONGEST_LINE].decode("utf-8", "backslashreplace").rstrip()
