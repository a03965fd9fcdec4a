"""The output folder: locked while a build uses it; it gets results only when they are complete.

Results are first in their own folder inside the output folder, where the container wrote them or
where they were fetched to. They are read again and compared, and only then get their final names.
`SHA256SUMS` is renamed last.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from builder.basics.codec import to_data
from builder.basics.errors import HostError, UsageError, VerificationError
from builder.basics.printable import short
from builder.basics.regular import read_start
from builder.basics.signals import held, undoing
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.border.events import OnProgress
from builder.border.handover import MARK, SUMS, Artefact, Mark
from builder.formats.result_names import result_mode
from builder.host.output.archive_stream import unpack
from builder.host.results.result_folder import FileFacts, ResultFolder, digest_of, opened_folder

SSH_SIGNATURE: Final = f"{SUMS}.sig"
GPG_SIGNATURE: Final = f"{SUMS}.asc"
SIGNATURES: Final = (SSH_SIGNATURE, GPG_SIGNATURE)
_LARGEST_SUMS: Final = 1 << 20  # bytes
_PARTIAL: Final = re.compile(r"\.distroclone-builder-[0-9a-f]{8,32}\.partial")
_SUM_LINE: Final = re.compile(r"[0-9a-f]{64} [ *](?P<name>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFolder:
    """An output folder that is ours while its `with` lasts."""

    path: Path

    def remove_stale(self, *, keep: Collection[str] = ()) -> None:
        """Remove what crashed builds left here, except for the runs to `keep`."""
        kept = {partial_folder(self.path, run) for run in keep}
        try:
            for stale in stale_partials(self.path):
                if stale not in kept:
                    shutil.rmtree(stale)
        except OSError as error:
            raise HostError(
                "The leftovers of a crashed build in {path} cannot be removed: {reason}",
                hint="Remove .distroclone-builder-*.partial there as the user who ran that build.",
                path=self.path,
                reason=error.strerror or error,
            ) from error

    def check_free(self, needed: int) -> None:
        """Raise HostError when fewer than `needed` bytes are free here."""
        free = shutil.disk_usage(self.path).free
        if free < needed:
            raise HostError(
                "The output folder {path} has {free} free; about {needed} is needed",
                hint="Free space there, or choose another folder with --output.",
                path=self.path,
                free=readable_size(free),
                needed=readable_size(needed),
            )

    def check_no_other_build(self, iso_name: str) -> None:
        """Refuse a folder whose sums belong to another ISO, which would lose them."""
        try:
            content, _whole = read_start(self.path / SUMS, limit=_LARGEST_SUMS)
        except OSError:  # nothing that could be lost
            return
        lines = content.decode("utf-8", "replace").splitlines()
        names = [match["name"] for line in lines if (match := _SUM_LINE.fullmatch(line))]
        others = [
            name
            for name in names
            if name.endswith(".iso") and name != f"{iso_name}.iso" and (self.path / name).exists()
        ]
        if others:
            raise UsageError(
                "The output folder {path} already contains another build, {other}",
                hint="Choose another folder with --output: each folder holds one ISO and its "
                "SHA256SUMS.",
                path=self.path,
                other=others[0],
            )

    def check_names_free(self, *names: str) -> None:
        """Raise HostError where a folder, a pipe or a device has the name of a result."""
        for path in (self.path / name for name in names):
            if path.is_dir():
                message = "A folder already has the name of a result: {path}"
            elif _is_special(path):
                message = "Something that is not a file already has the name of a result: {path}"
            else:
                continue
            raise HostError(
                message, hint="Move it, or choose another folder with --output.", path=path
            )

    @contextlib.contextmanager
    def partial(self, run: str) -> Iterator[Path]:
        """Make the folder for this run's results, with our mark in it; remove it after the body."""
        folder = partial_folder(self.path, run)
        with _made(folder):
            mark = json.dumps(to_data(Mark(run=run, folder=str(self.path))))
            try:
                (folder / MARK).write_text(mark, encoding="ascii")
            except OSError as error:
                raise _unusable(self.path, error) from error
            yield folder

    @contextlib.contextmanager
    def partial_again(self, run: str) -> Iterator[tuple[Path, bool]]:
        """Yield the folder for a run's results, and whether it was there before; then it stays."""
        folder = partial_folder(self.path, run)
        if folder.is_dir():
            yield folder, True
            return
        with self.partial(run) as made:
            yield made, False

    def fetch(
        self,
        chunks: Iterable[bytes],
        partial: Path,
        artefacts: Sequence[Artefact],
        *,
        planned: Collection[str],
        on_progress: OnProgress,
    ) -> None:
        """Take the tar stream of results. Raises VerificationError for anything unexpected.

        What an earlier stream brought before it broke off is replaced.
        """
        _check_planned(artefacts, planned)
        for artefact in artefacts:
            (partial / artefact.name).unlink(missing_ok=True)
        self.check_free(sum(artefact.size for artefact in artefacts))
        sizes = {artefact.name: artefact.size for artefact in artefacts}
        unpack(chunks, partial, sizes=sizes, on_progress=on_progress)

    def receive(
        self,
        partial: Path,
        artefacts: Sequence[Artefact],
        *,
        planned: Collection[str],
        on_progress: OnProgress,
    ) -> None:
        """Read again and compare what lies in `partial`, and give all of it its names.

        Raises VerificationError when anything is missing, unexpected or different. `planned` are
        the names that we expect: what the container says must not choose which files we replace.
        """
        _check_planned(artefacts, planned)
        _check_nothing_else(partial, artefacts)
        total, done = max(sum(artefact.size for artefact in artefacts), 1), 0

        def read(count: int) -> None:
            nonlocal done
            done += count
            on_progress(min(done / total, 1.0))

        owner = self.path.stat()
        with opened_folder(partial) as folder:
            for artefact in artefacts:
                with folder.opened(artefact.name) as file:
                    _verify(file, artefact, on_read=read)
                    _settle(file.fileno(), artefact.name, owner=owner, folder=folder)
        with held():  # all the names or none
            self._promote(partial, artefacts)

    def _promote(self, partial: Path, artefacts: Sequence[Artefact]) -> None:
        """Rename everything into place; old sums go first, new sums come last.

        Signatures go with the sums that they belong to.
        """
        self.check_names_free(*(artefact.name for artefact in artefacts), *SIGNATURES)
        try:
            for name in (SUMS, *SIGNATURES):
                (self.path / name).unlink(missing_ok=True)
            for artefact in sorted(artefacts, key=lambda each: each.name == SUMS):
                (partial / artefact.name).replace(self.path / artefact.name)
        except OSError as error:
            raise _unusable(self.path, error) from error
        with _opened_folder(self.path) as descriptor:
            os.fsync(descriptor)


@contextlib.contextmanager
def output_folder(path: Path) -> Iterator[OutputFolder]:
    """Make the folder if need be, check that it can be written, and lock it for this build.

    Raises HostError when it cannot be used or another build is using it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise _unusable(path, OSError(_in_the_way(path))) from error
    except OSError as error:
        raise _unusable(path, error) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise _unusable(path, PermissionError("you cannot write to it"))
    with _opened_folder(path) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HostError(
                "Another build is writing to {path}",
                hint="Wait for it, or choose another folder with --output.",
                path=path,
            ) from error
        except OSError as error:
            raise _unusable(path, error) from error
        yield OutputFolder(path=path)


def partial_folder(output: Path, run: str) -> Path:
    """Return where a run's results lie in an output folder until they get their names."""
    return output / f".distroclone-builder-{run}.partial"


def stale_partials(path: Path) -> list[Path]:
    """Return what crashed builds left in an output folder; only true under its lock."""
    return sorted(each for each in path.iterdir() if _PARTIAL.fullmatch(each.name))


def _in_the_way(path: Path) -> str:
    if path.is_symlink():
        return say("it is a link to {target}, which is no folder", target=path.readlink())
    return say("it is no folder")


def _unusable(path: Path, error: OSError) -> HostError:
    return HostError(
        "The output folder {path} cannot be used: {reason}",
        hint="Choose a folder that you can write to with --output.",
        path=path,
        reason=error.strerror or error,
    )


def _is_special(path: Path) -> bool:
    """Whether this is neither a file nor a link, which a result may replace; false for nothing."""
    try:
        kind = path.lstat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(kind) or stat.S_ISLNK(kind))


@contextlib.contextmanager
def _opened_folder(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        with held():
            try:
                folder.mkdir(mode=0o700)
            except OSError as error:
                raise _unusable(folder.parent, error) from error
            # What cannot be removed now is removed by the next build here.
            stack.enter_context(undoing(lambda: shutil.rmtree(folder, ignore_errors=True)))
        yield


def _check_planned(artefacts: Sequence[Artefact], planned: Collection[str]) -> None:
    names = [each.name for each in artefacts]
    if strange := [*(Counter(names) - Counter(planned))]:
        raise _unexpected(strange[0])
    if absent := sorted(set(planned) - set(names)):
        raise VerificationError("The container's results lack {name}", name=absent[0])


def _check_nothing_else(partial: Path, artefacts: Sequence[Artefact]) -> None:
    expected = {MARK, *(artefact.name for artefact in artefacts)}
    if strange := sorted({each.name for each in partial.iterdir()} - expected):
        raise _unexpected(strange[0])


def _unexpected(name: str) -> VerificationError:
    return VerificationError(
        "The container's results contain something unexpected: {name}", name=short(name)
    )


def _verify(file: BinaryIO, artefact: Artefact, *, on_read: Callable[[int], None]) -> None:
    if (links := os.fstat(file.fileno()).st_nlink) != 1:
        raise VerificationError(
            "{name} has {count} names, so it may be changed under another one",
            name=artefact.name,
            count=links,
        )
    found = digest_of(file, on_read=on_read)
    if found != FileFacts(size=artefact.size, sha256=artefact.sha256):
        raise VerificationError(
            "{name} is not what the container built (sha256 {found}, not {expected})",
            hint="It was damaged on the way; check this machine's disk and memory.",
            name=artefact.name,
            found=found.sha256,
            expected=artefact.sha256,
        )


def _settle(descriptor: int, name: str, *, owner: os.stat_result, folder: ResultFolder) -> None:
    """Give a result its mode and the owner of the output folder, as far as we may.

    The mode is last, and may be another one only on a file system that keeps no modes: there, the
    folder that we made for ourselves is open to others too.
    """
    wanted = result_mode(name)
    with contextlib.suppress(OSError):  # only root may, and not on every file system
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, wanted)
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    keeps_modes = not os.fstat(folder.descriptor).st_mode & 0o077
    if mode & ~0o777 or (mode != wanted and keeps_modes):
        raise VerificationError(
            "{name} has mode {found}, not {mode}, and it cannot be changed",
            name=name,
            found=f"{mode:04o}",
            mode=f"{wanted:04o}",
        )
