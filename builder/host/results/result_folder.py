"""Reads files in an output folder that anyone may have put there.

Only regular files in the folder itself are opened: no symbolic links, no FIFOs, which would block,
and no devices. Everything is read relative to the opened folder, so nobody can swap the folder.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from builder.basics.errors import UsageError, VerificationError
from builder.basics.printable import short
from builder.basics.regular import NotRegularError, open_regular

_CHUNK: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What identifies the content of a file."""

    size: int  # bytes
    sha256: str  # hex


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFolder:
    """An output folder, opened for reading. Names are plain ones, never paths.

    Every method raises VerificationError for a file that is missing, no regular file, or cannot
    be read.
    """

    path: Path
    descriptor: int

    def has(self, name: str) -> bool:
        """Whether anything at all has this name."""
        try:
            os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except OSError:
            return False
        return True

    def size(self, name: str) -> int:
        """Return the size of a file in bytes."""
        with self.opened(name) as file:
            return os.fstat(file.fileno()).st_size

    def read(self, name: str, *, limit: int) -> bytes:
        """Return a file of at most `limit` bytes."""
        with self.opened(name) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise VerificationError(
                "{name} is larger than {limit} bytes", name=short(name), limit=limit
            )
        return content

    def digest(self, name: str, *, on_read: Callable[[int], None]) -> FileFacts:
        """Read a file from the beginning to the end; `on_read` gets the size of each piece."""
        with self.opened(name) as file:
            return digest_of(file, on_read=on_read)

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Open a regular file for reading."""
        try:
            with open_regular(name, folder=self.descriptor) as file:
                yield file
        except NotRegularError as error:
            if error.is_link:
                raise VerificationError(
                    "{name} is a symbolic link, not a file", name=short(name)
                ) from error
            raise VerificationError("{name} is not a regular file", name=short(name)) from error
        except FileNotFoundError as error:
            raise VerificationError(
                "{name} is missing",
                hint="Get it from where the ISO came from, and put it into the same folder.",
                name=short(name),
            ) from error
        except OSError as error:
            raise VerificationError(
                "{name} cannot be read: {reason}",
                name=short(name),
                reason=error.strerror or error,
            ) from error


@contextlib.contextmanager
def opened_folder(path: Path) -> Iterator[ResultFolder]:
    """Open a folder for reading. Raises UsageError when there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(
            "The folder {path} cannot be opened: {reason}",
            hint="Give the output folder of a build, or the .iso file in it.",
            path=path,
            reason=error.strerror or error,
        ) from error
    try:
        yield ResultFolder(path=path, descriptor=descriptor)
    finally:
        os.close(descriptor)


def digest_of(file: BinaryIO, *, on_read: Callable[[int], None]) -> FileFacts:
    """Read an open file to its end; `on_read` gets the size of each piece."""
    digest, size = hashlib.sha256(), 0
    while piece := file.read(_CHUNK):
        digest.update(piece)
        size += len(piece)
        on_read(len(piece))
    return FileFacts(size=size, sha256=digest.hexdigest())


def is_file(path: Path) -> bool:
    """Whether a path that the user gave leads to a file; false for what cannot be one."""
    try:
        return path.is_file()
    except OSError:  # too long a name, or in a folder that is closed to us
        return False
