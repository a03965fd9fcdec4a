"""What A and B are: verified results, or snapshots of a cache; and what is in them."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from builder.basics.errors import HostError, UsageError, VerificationError
from builder.basics.printable import short
from builder.border.cache_report import CacheReport
from builder.border.events import OnEvent
from builder.border.iso_contents import BootFile
from builder.border.labels import new_run
from builder.formats.inventory import InstalledPackage
from builder.formats.result_names import manifest_name
from builder.host.config import checks
from builder.host.diff.model import Kind
from builder.host.diff.settings import Described, describe
from builder.host.engine import Engine
from builder.host.engine.faults import BindMissingError
from builder.host.results.manifest_reader import LARGEST, read_manifest
from builder.host.results.private_reader import find_private
from builder.host.results.result_folder import opened_folder
from builder.host.source.frozen import ChosenTree
from builder.host.source.kinds import Source
from builder.host.source.listing import FileListing, iso_inventory, tree_inventory
from builder.host.source.local_zone import local_zone
from builder.host.source.selection import choose
from builder.host.verify.checks import CheckVerdict
from builder.host.verify.iso_contents import CannotLookError
from builder.host.verify.verification import verify_results


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedIso:
    """An ISO next to its files, all verified."""

    iso: Path
    size: int
    sha256: str
    described: Described


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSnapshot:
    """A tree of the cache."""

    selector: str


Operand = VerifiedIso | CacheSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """The scanned cache that selectors refer to."""

    source: Source
    report: CacheReport


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSide:
    """What an ISO has above the system, for a live session."""

    files: FileListing | None  # of the live layer; earlier versions made none
    stack: tuple[InstalledPackage, ...] | None  # earlier manifests do not say it
    boots: tuple[BootFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One of the two systems, with the list of its files."""

    name: str
    kind: Kind
    system: str
    taken: str
    kernels: tuple[str, ...]
    inventory: FileListing
    values: Mapping[str, str] = field(default_factory=dict)  # of the manifest
    rules: Mapping[str, str] = field(default_factory=dict)  # what a build changed, and why
    live: LiveSide | None = None  # only an ISO has one
    unnamed: int = 0  # how much a build changed or left out that is not named here
    iso_size: int | None = None
    iso_sha256: str = ""


def operand_of(text: str, *, on_event: OnEvent) -> Operand:
    """Return what A or B is: a path, or otherwise a selector by its form.

    Raises UsageError if it is both or neither, VerificationError for results that fail
    verification.
    """
    path = Path(text)
    is_there, is_selector = text != "" and _exists(path), _is_selector(text)
    if is_there and is_selector:
        raise UsageError(
            "{text} is both a snapshot selector and the name of a file or folder here",
            hint="Write ./{text} for the file or folder. For the snapshot, run the command in "
            "another folder.",
            text=text,
        )
    if is_selector:
        return CacheSnapshot(selector=text)
    if not is_there:
        raise UsageError(
            "{text} is neither a file or folder nor a snapshot selector",
            hint="Give an output folder, an .iso file in one, or a snapshot: latest, cache, a "
            "number, a date, or @YYYY-MM-DD_HH:MM.",
            text=short(text),
        )
    return _result(path, on_event)


@contextlib.contextmanager
def opened(
    side: Operand,
    *,
    engine: Engine,
    image: str,
    cache: Cache | None,
    exclude: tuple[str, ...],
    keep: tuple[str, ...],
    on_event: OnEvent,
) -> Iterator[Opened]:
    """List the files of one side; `exclude` and `keep` hold for a snapshot, as in a build."""
    if isinstance(side, VerifiedIso):
        with _iso(side, engine=engine, image=image, on_event=on_event) as found:
            yield found
        return
    assert cache is not None  # a selector means that a cache was scanned
    candidate = choose(cache.report, side.selector, zone=local_zone())
    tree = ChosenTree(
        engine=engine,
        image=image,
        source=cache.source,
        report=cache.report,
        candidate=candidate,
        run=new_run(),
        on_event=on_event,
    )
    with tree_inventory(tree, exclude=exclude, keep=keep) as inventory:
        yield Opened(
            name=candidate.selector,
            kind=Kind.SNAPSHOT,
            system=candidate.system.pretty_name if candidate.system else "",
            taken=f"{datetime.fromtimestamp(candidate.taken, UTC):%Y-%m-%d %H:%M} UTC",
            kernels=candidate.system.kernels if candidate.system else (),
            inventory=inventory,
        )


@contextlib.contextmanager
def _iso(side: VerifiedIso, *, engine: Engine, image: str, on_event: OnEvent) -> Iterator[Opened]:
    try:
        with iso_inventory(engine, image, side.iso, on_event=on_event) as found:
            yield Opened(
                name=side.iso.name,
                kind=Kind.ISO,
                system=side.described.system,
                taken=side.described.taken,
                kernels=side.described.kernels,
                inventory=found.system,
                values=side.described.values,
                rules=side.described.rules,
                live=LiveSide(files=found.live, stack=side.described.stack, boots=found.boots),
                unnamed=side.described.unnamed,
                iso_size=side.size,
                iso_sha256=side.sha256,
            )
    except BindMissingError as error:
        raise HostError(
            "The engine cannot see {path}",
            hint="Use an engine on this machine: ISOs are read in place.",
            path=side.iso,
        ) from error


def _result(path: Path, on_event: OnEvent) -> VerifiedIso:
    found = verify_results(path, signer=None, open_engine=_no_engine, on_event=on_event)
    if not found.verified:
        wrong = [each.finding for each in found.checks if each.verdict is CheckVerdict.FAILED]
        raise VerificationError(
            "{path} failed verification: {wrong}",
            hint="Run `distroclone-builder verify` for details. Only verified results are "
            "compared.",
            path=path,
            wrong="; ".join(wrong),
        )
    with opened_folder(found.folder) as folder:
        stem = found.iso.removesuffix(".iso")
        manifest = read_manifest(folder.read(manifest_name(stem), limit=LARGEST))
        private = manifest.own_private or find_private(folder, stem)
        size = folder.size(found.iso)
    return VerifiedIso(
        iso=found.folder.resolve() / found.iso,
        size=size,
        sha256=found.sha256,
        described=describe(manifest, private),
    )


def _no_engine() -> NoReturn:
    """The sums and the manifest are compared without one; what is inside is read next."""
    raise CannotLookError("its files are listed next")


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (OSError, ValueError):  # too long a name, a NUL in it
        return False
    return True


def _is_selector(text: str) -> bool:
    try:
        checks.selector(text)
    except UsageError:
        return False
    return True
