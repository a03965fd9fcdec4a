"""The ISO that goes onto a stick: what it is, and what the files beside it say of it.

Sources: ECMA-119 (4th edition), 8.4: the primary volume descriptor is block 16; UEFI 2.10, 5.3.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from builder.basics.errors import UsageError
from builder.basics.printable import clean
from builder.basics.regular import NotRegularError, open_regular
from builder.basics.texts import say
from builder.border.handover import SUMS
from builder.formats.result_names import is_plain_name, manifest_name
from builder.host.results.iso_volume import BLOCK, DESCRIPTOR, check_whole, volume_size
from builder.host.results.manifest_reader import LARGEST, read_manifest
from builder.host.results.result_folder import opened_folder
from builder.host.results.sums import read_sums
from builder.host.stick.guid_table import SECTOR, GuidTable, read_guid_table, read_old_table

HEAD: Final = 1 << 20  # bytes; boot code, tables and the descriptor are in here

_PREPARER: Final = "distroclone-builder "
_DATE: Final = re.compile(rb"[0-9]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The digest that an ISO should have."""

    sha256: str
    by: str  # the name of the file that says so


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoFile:
    """An open ISO that starts from sticks."""

    name: str
    stream: BinaryIO
    size: int  # bytes
    head: bytes  # its first MiB
    label: str
    made_by: str  # what it says of itself: "distroclone-builder 0.1"; "" for somebody else's
    epoch: int  # its date
    table: GuidTable | None
    said: Said | None

    @property
    def is_ours(self) -> bool:
        """Whether it says that this program made it."""
        return bool(self.made_by)


@contextlib.contextmanager
def opened_iso(path: Path) -> Iterator[IsoFile]:
    """Open an ISO and look at its start, and at what lies beside it.

    Raises UsageError for what is no ISO or does not start from a stick, VerificationError for one
    that is cut off, and for sums and manifests that cannot be trusted to be ones.
    """
    with _opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        head = stream.read(HEAD)
        descriptor = head[DESCRIPTOR : DESCRIPTOR + BLOCK]
        volume = volume_size(path, descriptor)
        table = read_guid_table(head)
        _check_start(path, head, table)
        check_whole(path, size, wanted=max(volume, (table.backup + 1) * SECTOR if table else 0))
        yield IsoFile(
            name=path.name,
            stream=stream,
            size=size,
            head=head,
            label=clean(descriptor[40:72].decode("ascii", "replace")),
            made_by=_maker(descriptor),
            epoch=_epoch(descriptor),
            table=table,
            said=_said(path),
        )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = open_regular(path, follow=True)
    except OSError as error:
        is_other = isinstance(error, NotRegularError)
        reason = say("it is no file") if is_other else error.strerror or error
        raise UsageError(
            "The ISO {path} cannot be read: {reason}",
            hint="Give the path of an .iso file that a build made.",
            path=path,
            reason=reason,
        ) from error
    with stream:
        yield stream


def _check_start(path: Path, head: bytes, table: GuidTable | None) -> None:
    has_code = head[510:512] == b"\x55\xaa" and any(head[:440])
    if not has_code or (table is None and not read_old_table(head)):
        raise UsageError(
            "{path} does not start from a stick: it is an ISO for CDs only",
            hint="ISOs that this program builds start from both.",
            path=path,
        )


def _maker(descriptor: bytes) -> str:
    preparer = clean(descriptor[446:574].decode("ascii", "replace"))
    return preparer if preparer.lower().startswith(_PREPARER) else ""


def _epoch(descriptor: bytes) -> int:
    """Return the date of its last change; 0 where it has none that can be read."""
    digits = descriptor[830:846]
    if not _DATE.fullmatch(digits):
        return 0
    try:
        date = datetime.strptime(digits[:14].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return 0
    return max(0, int(date.timestamp()))


def _said(path: Path) -> Said | None:
    if not is_plain_name(path.name):
        return None  # no build gives such a name, so nothing beside it is about it
    with opened_folder(path.parent) as folder:
        if folder.has(SUMS):
            digests = read_sums(folder).digests
            if path.name in digests:
                return Said(sha256=digests[path.name], by=SUMS)
        manifest = manifest_name(path.name.removesuffix(".iso"))
        if folder.has(manifest):
            facts = read_manifest(folder.read(manifest, limit=LARGEST)).artefacts.get(path.name)
            return None if facts is None else Said(sha256=facts.sha256, by=manifest)
    return None
