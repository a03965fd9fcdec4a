"""A stick from beginning to end: look, plan, and, once somebody said so, write and read back."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.basics.errors import Interrupted, UsageError, VerificationError
from builder.basics.texts import say
from builder.border.events import Note, OnEvent, announced
from builder.host.results.result_folder import digest_of
from builder.host.stick.disks import ROOT
from builder.host.stick.filesystems import FileSystem, file_system
from builder.host.stick.guid_table import Span, read_guid_table, read_old_table
from builder.host.stick.iso_file import HEAD, IsoFile, opened_iso
from builder.host.stick.layout import Layout, Persistence, layout, needed_size
from builder.host.stick.reading_back import read_back
from builder.host.stick.target import Target, opened_target, sized
from builder.host.stick.writing import Ledger, write


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for."""

    iso: Path
    target: Path
    new_size: int | None = None  # bytes of a new file; None for what is needed
    persistence: Persistence | None = None
    allow_fixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OldPart:
    """A partition that is on the target now, or a file system without one."""

    name: str
    size: int  # bytes
    content: FileSystem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything that is needed to write, open; nothing is changed yet."""

    iso: IsoFile
    target: Target
    layout: Layout
    old: tuple[OldPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StickResult:
    """A stick that was written and read back."""

    target: str
    iso: str
    iso_sha256: str
    checked_by: str  # the file whose digest the ISO has; "" where none said any
    written: int  # bytes
    size: int  # bytes of the stick
    persistence: int  # bytes of the partition for that; 0 without one


@contextlib.contextmanager
def prepared(wish: Wish, *, root: Path = ROOT) -> Iterator[Prepared]:
    """Open and check both, and plan. Raises UsageError, HostError or VerificationError."""
    with opened_iso(wish.iso) as iso:
        _check_apart(wish)
        with opened_target(
            wish.target, allow_fixed=wish.allow_fixed, new_size=wish.new_size, root=root
        ) as target:
            parts = _parts(target)
            wants_size = target.is_new and wish.new_size is None
            plan = layout(
                iso,
                size=needed_size(iso, wish.persistence) if wants_size else target.size,
                old=[span for _name, span in parts],
                wished=wish.persistence,
            )
            yield Prepared(iso=iso, target=target, layout=plan, old=tuple(_old(target, parts)))


def write_stick(job: Prepared, *, on_event: OnEvent) -> StickResult:
    """Check the ISO, write it, read it back.

    Raises VerificationError for an ISO that is not what it should be (nothing is written then) and
    for a stick that does not keep what it gets; HostError for one that cannot be written.
    """
    total = 3 if job.iso.said else 2
    if job.iso.said:
        _check_digest(job.iso, on_event=on_event, total=total)
    with _told(job.target):
        if job.target.is_new:
            sized(job.target, size=job.layout.size)
        with announced("stick", on_event, position=total - 1, total=total) as on_progress:
            ledger = write(job.target, job.iso, job.layout, on_progress=on_progress)
        _check_unchanged(job.iso, ledger)
    with (
        _told(job.target, written=True),
        announced("read-back", on_event, position=total, total=total) as on_progress,
    ):
        read_back(job.target, ledger, on_progress=on_progress)
    if not job.target.reread():
        on_event(
            Note(
                level="warning",
                message="The kernel still has the old partitions of {name}: pull it out and put "
                "it in again",
                values={"name": job.target.name},
            )
        )
    return StickResult(
        target=str(job.target.path),
        iso=job.iso.name,
        iso_sha256=ledger.iso_sha256,
        checked_by=job.iso.said.by if job.iso.said else "",
        written=sum(row.span.size for row in ledger.rows),
        size=job.layout.size,
        persistence=job.layout.persistence.size if job.layout.persistence else 0,
    )


def _check_apart(wish: Wish) -> None:
    with contextlib.suppress(OSError):
        if wish.iso.samefile(wish.target):
            raise UsageError(
                "{path} cannot be written to itself",
                hint="First the ISO, then where it shall go: the device of a USB stick, or another "
                "file.",
                path=wish.iso,
            )


def _parts(target: Target) -> tuple[tuple[str, Span], ...]:
    """Return the partitions: a disk's as the kernel has them, else as the table says."""
    if target.disk is not None and target.disk.parts:
        return target.disk.parts
    if target.is_new:
        return ()
    head = target.read_at(0, HEAD)
    table = read_guid_table(head)
    rows = table.partitions if table else read_old_table(head)
    return tuple((say("partition {number}", number=number), span) for number, span in rows)


def _old(target: Target, parts: tuple[tuple[str, Span], ...]) -> Iterator[OldPart]:
    whole = Span(start=0, size=target.size)
    for name, span in parts or ((target.name, whole),):
        content = None if target.is_new else file_system(target.read_at, span)
        if parts or content:
            yield OldPart(name=name, size=span.size, content=content)


def _check_digest(iso: IsoFile, *, on_event: OnEvent, total: int) -> None:
    assert iso.said is not None
    done = 0
    with announced("sums", on_event, total=total) as on_progress:

        def on_read(count: int) -> None:
            nonlocal done
            done += count
            on_progress(min(done / iso.size, 1.0))

        iso.stream.seek(0)
        found = digest_of(iso.stream, on_read=on_read).sha256
    if found != iso.said.sha256:
        raise VerificationError(
            "{name} is not the ISO that {by} lists (sha256 {found}, not {expected}); nothing was "
            "written",
            hint="Copy or download it again.",
            name=iso.name,
            by=iso.said.by,
            found=found,
            expected=iso.said.sha256,
        )


def _check_unchanged(iso: IsoFile, ledger: Ledger) -> None:
    if iso.said and ledger.iso_sha256 != iso.said.sha256:
        raise VerificationError("{name} was changed while it was written", name=iso.name)


@contextlib.contextmanager
def _told(target: Target, *, written: bool = False) -> Iterator[None]:
    """Say of what goes wrong in the body what it means for the stick; a new file will be gone."""
    try:
        yield
    except BaseException as error:
        if target.is_new:
            raise
        if written and isinstance(error, Interrupted):
            template = (
                "{name} was written, but whether it kept everything is not known. Run the command "
                "again to be sure."
            )
        else:
            template = (
                "{name} is unusable now: neither what was on it nor the live system is whole. Run "
                "the command again to write it anew."
            )
        error.add_note(say(template, name=target.name))
        raise
