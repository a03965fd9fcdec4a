"""The files of a snapshot or an ISO, listed in a container and kept in a file on this machine.

A large desktop's list has tens of megabytes; it is written as it arrives and read line by line.
"""

import contextlib
import io
import itertools
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from builder.basics.errors import HostError, StepError
from builder.basics.printable import short
from builder.border import paths
from builder.border.events import OnEvent
from builder.border.iso_contents import BootFile
from builder.border.jobs import INVENTORY, ISO_INVENTORY, Request
from builder.border.labels import new_run
from builder.border.requests import Listed, Nothing
from builder.formats.inventory import Entry, InstalledPackage, Row, decode_rows
from builder.host.engine import Bind, ContainerSpec, Engine
from builder.host.engine.streams import ChunkReader
from builder.host.source.frozen import ChosenTree, tree_job

_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileListing:
    """A list of the files in a tree. It can be read repeatedly while its `with` lasts."""

    file: IO[bytes]

    def packages(self) -> tuple[InstalledPackage, ...]:
        """Return the installed packages."""
        rows = itertools.takewhile(lambda row: isinstance(row, InstalledPackage), self._rows())
        return tuple(row for row in rows if isinstance(row, InstalledPackage))

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in the order of the paths' bytes. One reader at a time."""
        return (row for row in self._rows() if isinstance(row, Entry))

    def _rows(self) -> Iterator[Row]:
        self.file.seek(0)
        try:
            yield from decode_rows(line.decode("ascii") for line in self.file)
        except ValueError as error:
            raise StepError(
                "The container's list of files cannot be read: {reason}", reason=short(str(error))
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoListing:
    """The lists of what is in an ISO, while its `with` lasts."""

    system: FileListing
    live: FileListing | None  # what the live layer changes; None where the ISO has none
    boots: tuple[BootFile, ...]  # kernels and initramfs, sorted by path


@contextlib.contextmanager
def tree_inventory(
    tree: ChosenTree, *, exclude: tuple[str, ...] = (), keep: tuple[str, ...] = ()
) -> Iterator[FileListing]:
    """List what a build would take of a tree; `exclude` and `keep` are a recipe's.

    What could change meanwhile is frozen as for a build, or compared at the end: SourceError.
    """
    with tempfile.TemporaryFile() as file:
        with tree_job(INVENTORY, tree, exclude=exclude, keep=keep) as spec:
            fetch_list(tree.engine, spec, file, at=paths.INVENTORY, on_event=tree.on_event)
        yield FileListing(file=file)


@contextlib.contextmanager
def iso_inventory(
    engine: Engine, image: str, iso: Path, *, on_event: OnEvent
) -> Iterator[IsoListing]:
    """List what is in an ISO's layers. Raises VerificationError where they cannot be read."""
    spec = ContainerSpec(
        image=image,
        job=ISO_INVENTORY,
        request=Nothing(),
        run=new_run(),
        binds=(Bind(source=str(iso.resolve()), target=paths.MEDIUM),),
    )
    with tempfile.TemporaryFile() as below, tempfile.TemporaryFile() as above:
        with engine.started(spec) as job:
            listed = job.finish(on_event)
            _copy(job.fetch(paths.INVENTORY), below)
            if listed.live_lines is not None:
                _copy(job.fetch(paths.LIVE_INVENTORY), above)
        yield IsoListing(
            system=FileListing(file=below),
            live=None if listed.live_lines is None else FileListing(file=above),
            boots=listed.boots,
        )


def fetch_list(
    engine: Engine,
    spec: ContainerSpec[Request, Listed],
    file: IO[bytes],
    *,
    at: Path,
    on_event: OnEvent,
) -> None:
    """Run a job that writes a list at the path `at` in its container, and copy that to `file`."""
    with engine.started(spec) as job:
        job.finish(on_event)
        _copy(job.fetch(at), file)


def _copy(chunks: Iterable[bytes], target: IO[bytes]) -> None:
    """Write the one file of a tar stream."""
    reader = io.BufferedReader(ChunkReader(chunks), _PIECE)
    try:
        with tarfile.open(fileobj=reader, mode="r|") as archive:
            for member in archive:
                if (content := archive.extractfile(member)) is not None:
                    shutil.copyfileobj(content, target, _PIECE)
        target.flush()
    except tarfile.TarError as error:
        raise StepError(
            "The list of files from the container is incomplete: {reason}", reason=error
        ) from error
    except OSError as error:
        raise HostError(
            "The list of files cannot be written to {folder}: {reason}",
            hint="Free space there, or set TMPDIR to another folder.",
            folder=tempfile.gettempdir(),
            reason=error.strerror or error,
        ) from error
