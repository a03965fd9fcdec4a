"""Where a build writes its results: directly into the host's output folder if it is visible.

The folder is only used if it has the host's mark of this very run and is writable. Otherwise
results go to the work volume, and the host fetches them from there.
"""

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.codec import from_data
from builder.basics.errors import HostError, StepError
from builder.basics.regular import read_whole
from builder.basics.sizes import readable_size
from builder.border.handover import MARK, SUMS, Artefact, Mark
from builder.formats.result_names import result_mode
from builder.inside.system.digests import digest_file
from builder.inside.system.system import System

_LONGEST_MARK: Final = 1 << 16  # bytes; paths have at most 4096
_TRIAL: Final = ".distroclone-builder-trial"
_ROOM: Final = "Free space there, or choose another folder with --output."
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
# Errors of filesystems without owners, and of those that map all owners to one.
_NO_OWNERS: Final = (errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The folder that a build writes its results to."""

    folder: Path
    output: str | None = None  # its path on the host; None if it is in the work volume

    @property
    def delivered(self) -> bool:
        """Whether this is the host's own folder, so that the host has nothing to fetch."""
        return self.output is not None

    def check_room(self, needed: float) -> None:
        """Raise HostError when fewer than `needed` bytes are free in the output folder."""
        if (free := self._free()) < needed:
            raise HostError(
                "The output folder {path} has {free} free; about {needed} are needed",
                hint=_ROOM,
                path=self.output,
                free=readable_size(free),
                needed=readable_size(needed),
            )

    def settled(self, *unlisted: str) -> tuple[Artefact, ...]:
        """Give the finished files to the folder's owner, flush them to disk, and describe them.

        Their digests are those of SHA256SUMS, which were computed from the files on disk;
        `unlisted` are results that it does not list.
        """
        sums = self.folder / SUMS
        lines = sums.read_text(encoding="utf-8").splitlines()
        digests = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
        digests |= {name: digest_file(self.folder / name).sha256 for name in (SUMS, *unlisted)}
        return tuple(
            Artefact(name=name, size=self._settle(self.folder / name), sha256=digest)
            for name, digest in sorted(digests.items())
        )

    def _settle(self, path: Path) -> int:
        owner = self.folder.stat()
        with path.open("rb") as file:
            os.fchmod(file.fileno(), result_mode(path.name))
            if self.delivered:
                _chown(file.fileno(), owner)
                os.fsync(file.fileno())
            return os.fstat(file.fileno()).st_size

    @contextlib.contextmanager
    def room_named(self) -> Iterator[None]:
        """If the disk of the output folder is full, raise an error that names the folder."""
        try:
            yield
        except OSError as error:
            if error.errno not in _FULL or not self._is_full():
                raise
            raise self._full() from error
        except StepError as error:
            if not self.delivered or not _lacks_room(error, self.folder):
                raise
            raise self._full(error) from error

    def _is_full(self) -> bool:
        return self.delivered and self._free() < 1 << 20

    def _free(self) -> int:
        space = os.statvfs(self.folder)
        return space.f_bavail * space.f_frsize

    def _full(self, error: StepError | None = None) -> HostError:
        return HostError(
            "The output folder {path} is full",
            hint=_ROOM,
            command=error.command if error else (),
            output=error.output if error else (),
            path=self.output,
        )


def results_folder(bound: Path, volume: Path, *, run: str, system: System) -> Results:
    """Return the host's folder, bind-mounted at `bound`, or else a new one at `volume`."""
    try:
        output = _host_path(bound, run)
    except (OSError, ValueError) as error:
        volume.mkdir()
        system.note(
            "The engine cannot write to the output folder ({reason}); the results are copied "
            "out of the container instead",
            reason=error.strerror if isinstance(error, OSError) else error,
        )
        return Results(folder=volume)
    return Results(folder=bound, output=output)


def _host_path(bound: Path, run: str) -> str:
    """Return the host's path of the folder at `bound`; OSError or ValueError for another one."""
    mark = from_data(Mark, json.loads(read_whole(bound / MARK, limit=_LONGEST_MARK)))
    if mark.run != run:
        message = "it belongs to another run"
        raise ValueError(message)
    trial = bound / _TRIAL
    try:
        trial.write_text(run, encoding="ascii")
    except OSError as error:
        if error.errno not in _FULL:  # the check step reports a full disk
            raise
    finally:
        trial.unlink(missing_ok=True)
    return mark.folder


def _chown(descriptor: int, owner: os.stat_result) -> None:
    try:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    except OSError as error:
        if error.errno not in _NO_OWNERS:
            raise


def _lacks_room(error: StepError, folder: Path) -> bool:
    writes_here = any(word.startswith(f"{folder}/") for word in error.command)
    signs = ("exceeds free space on media", "No space left on device", "Disk quota exceeded")
    return writes_here and any(sign in line for line in error.output for sign in signs)
