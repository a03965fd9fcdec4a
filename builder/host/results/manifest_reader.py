"""Reads a manifest that anyone may have written: strict JSON in a known format, or an error.

Fields that a later version added without a new format number are fine; they are listed separately.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from builder.basics.codec import Place, Read, Unknown
from builder.basics.errors import VerificationError
from builder.basics.printable import short
from builder.basics.texts import say
from builder.formats.manifest import MANIFEST_FORMAT, ListedFile, Manifest, manifest_of
from builder.formats.private_record import PrivateFile
from builder.formats.private_settings import without_private
from builder.formats.recipe import Recipe
from builder.formats.result_names import is_plain_name
from builder.host.results.manifest_one import manifest_of_format_one
from builder.host.results.result_folder import FileFacts
from builder.host.results.strict_json import strict_json

RECIPE: Final = "recipe"  # the field
LARGEST: Final = 32 * 1024 * 1024  # bytes; a large desktop's has about 1 MiB

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST_PATH: Final = 4096
_LONGEST_REASON: Final = 200  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadManifest:
    """A manifest, and where it differs from what this version writes."""

    said: Manifest
    artefacts: Mapping[str, FileFacts]  # by file name
    contents: Mapping[str, FileFacts]  # by path in the ISO
    unknown: tuple[Unknown, ...]
    absent: tuple[Place, ...]
    own_private: PrivateFile | None  # what format 1 said in the manifest itself

    @property
    def recipe(self) -> Read[Recipe]:
        """The recipe, as it is written."""
        read = Read(
            value=self.said.recipe,
            unknown=tuple(each for each in self.unknown if each.place[0] == RECIPE),
            absent=tuple(place for place in self.absent if place[0] == RECIPE),
        )
        return without_private(read, RECIPE)

    @property
    def tree(self) -> str:
        """The digest of the source tree; "" where it is not said."""
        return self.said.source.digest if self.said.source else ""


def read_manifest(content: bytes) -> ReadManifest:
    """Return what the manifest says.

    Raises VerificationError if it is not one of our manifests, or has a newer format.
    """
    data = strict_json(content, name=say("The manifest"))
    if not isinstance(data, dict):
        raise VerificationError("The manifest is not a JSON object")
    _check_format(data.get("format"))
    try:
        found, own_private = _read(data)
    except ValueError as error:
        raise VerificationError(
            "The manifest cannot be read: {reason}",
            reason=short(str(error), longest=_LONGEST_REASON),
        ) from error
    return ReadManifest(
        said=found.value,
        artefacts=_by_path(found.value.artefacts, "artefacts"),
        contents=_by_path(found.value.contents, "contents"),
        unknown=found.unknown,
        absent=found.absent,
        own_private=own_private,
    )


def _read(data: Mapping[str, object]) -> tuple[Read[Manifest], PrivateFile | None]:
    return manifest_of_format_one(data) if data["format"] == 1 else (manifest_of(data), None)


def _check_format(found: object) -> None:
    if type(found) is not int or found < 1:
        raise VerificationError(
            "The manifest has an invalid format number: {format}", format=short(str(found))
        )
    if found > MANIFEST_FORMAT:
        raise VerificationError(
            "The manifest was made by a newer version of distroclone-builder (format {format}; "
            "this version knows {known})",
            hint="Update distroclone-builder, then verify again.",
            format=short(str(found)),
            known=MANIFEST_FORMAT,
        )


def _by_path(rows: tuple[ListedFile, ...], place: str) -> Mapping[str, FileFacts]:
    found: dict[str, FileFacts] = {}
    for position, row in enumerate(rows, start=1):
        if row.size < 0 or not _DIGEST.fullmatch(row.sha256):
            raise VerificationError(
                'In the manifest, row {position} of "{place}" has an invalid size or sha256',
                position=position,
                place=place,
            )
        safe = is_plain_name(row.path) if place == "artefacts" else _is_inside(row.path)
        if not safe:
            raise VerificationError(
                'The manifest\'s "{place}" has an invalid path: {path}',
                place=place,
                path=short(row.path),
            )
        if row.path in found:
            raise VerificationError(
                'The manifest\'s "{place}" lists {path} twice', place=place, path=short(row.path)
            )
        found[row.path] = FileFacts(size=row.size, sha256=row.sha256)
    return found


def _is_inside(path: str) -> bool:
    """Whether `path` is a relative one that stays where it starts."""
    parts = path.split("/")
    return len(path) <= _LONGEST_PATH and path.isprintable() and not {"", ".", ".."} & set(parts)
