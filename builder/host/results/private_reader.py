"""Reads a private file that anyone may have changed, and says whether it belongs to a manifest."""

import hmac
import re
from pathlib import Path
from typing import Final

from builder.basics.errors import UsageError, VerificationError
from builder.basics.printable import short
from builder.formats.changes import count_changes, count_rules
from builder.formats.manifest import PrivateIdentity
from builder.formats.private_record import (
    PRIVATE_FORMAT,
    PrivateFile,
    PrivateRecord,
    private_of,
    record_digest,
)
from builder.formats.result_names import private_name
from builder.host.results.manifest_reader import ReadManifest
from builder.host.results.result_folder import ResultFolder, opened_folder
from builder.host.results.strict_json import strict_json

LARGEST: Final = 64 * 1024 * 1024  # bytes
_KEY: Final = re.compile(r"(?:[0-9a-f]{64})?")
_LONGEST_REASON: Final = 200  # characters


def read_private(content: bytes, *, name: str) -> PrivateFile:
    """Return what a private file says. Raises VerificationError if it is none of ours."""
    data = strict_json(content, name=name)
    found = data.get("format") if isinstance(data, dict) else None
    if found != PRIVATE_FORMAT or type(found) is not int:
        raise VerificationError(
            "{name} is not a private file that this version of distroclone-builder knows",
            hint="Give the .private.json file that the build wrote beside the ISO. If that is what "
            "it is, update distroclone-builder.",
            name=name,
        )
    try:
        private = private_of(data).value
    except ValueError as error:
        raise VerificationError(
            "{name} cannot be read: {reason}",
            name=name,
            reason=short(str(error), longest=_LONGEST_REASON),
        ) from error
    if not _KEY.fullmatch(private.key):
        raise VerificationError('In {name}, "key" is not what a build writes', name=name)
    return private


def find_private(folder: ResultFolder, stem: str, given: Path | None = None) -> PrivateFile | None:
    """Return the private file at `given`, else the one beside `stem`.iso; None without one.

    One beside it that is another user's, and closed to us, is none.
    Raises UsageError where nothing is at `given`, VerificationError for something else.
    """
    if given is None:
        return _beside(folder, private_name(stem))
    check_there(given)
    with opened_folder(given.parent) as other:
        return read_private(other.read(given.name, limit=LARGEST), name=short(given.name))


def _beside(folder: ResultFolder, name: str) -> PrivateFile | None:
    if not folder.has(name):
        return None
    try:
        content = folder.read(name, limit=LARGEST)
    except VerificationError as error:
        if isinstance(error.__cause__, PermissionError):
            return None
        raise
    return read_private(content, name=name)


def check_there(path: Path) -> None:
    """Raise UsageError if there is nothing at a path that the user gave."""
    try:
        path.lstat()
    except OSError as error:
        raise UsageError(
            "There is no private file at {path}: {reason}",
            hint="Give the .private.json file that the build wrote beside the ISO.",
            path=path,
            reason=error.strerror or error,
        ) from error


def check_private(private: PrivateFile, manifest: ReadManifest) -> bool:
    """Raise VerificationError unless it agrees with what the manifest says of it.

    Returns whether that is proven: by the digest, not only by the counts.
    """
    said = manifest.said.private
    if said is None:
        raise VerificationError("The manifest does not say which private file belongs to it")
    record = private.record
    counts = _counts(record) == (said.settings, manifest.said.changes or (), _found(manifest))
    if not counts or not _same_digest(private, said):
        raise VerificationError(
            "The private file does not belong to this ISO: it is of another build, or was edited",
            hint="Give the .private.json file that the build wrote beside the ISO.",
        )
    return said.digest is not None


def _counts(record: PrivateRecord) -> tuple[object, ...]:
    return (
        {name: len(values) for name, values in record.settings.items()},
        count_changes(record.changes),
        count_rules(each.rule for each in record.findings),
    )


def _found(manifest: ReadManifest) -> object:
    return manifest.said.findings or ()


def _same_digest(private: PrivateFile, said: PrivateIdentity) -> bool:
    found = record_digest(private.record, key=private.key)
    if found is None or said.digest is None:
        return found is said.digest
    return hmac.compare_digest(found.encode(), said.digest.encode("utf-8", "replace"))
