"""Reads a manifest that anybody may have written: strict JSON of a known format, or a verdict."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from builder.basics.errors import VerificationError
from builder.basics.printable import short
from builder.basics.texts import say
from builder.formats.package import Distribution, Package
from builder.formats.result_names import is_plain_name
from builder.host.results.result_folder import FileFacts
from builder.host.results.strict_json import strict_json

KNOWN_FORMAT: Final = 1  # builder.inside.steps.manifest.MANIFEST_FORMAT, seen from here
LARGEST: Final = 32 * 1024 * 1024  # bytes; a large desktop's has about 1 MiB

_REQUIRED: Final[Mapping[str, type]] = {
    "builder": str, "artefacts": list, "contents": list, "medium_id": str, "volume_id": str,
    "snapshot": dict, "system": dict, "recipe": dict, "image": dict, "tools": dict,
    "source_date_epoch": int, "packages": list,
}  # fmt: skip
_WORDS: Final[Mapping[type, str]] = {
    str: "a text",
    list: "a list",
    dict: "an object",
    int: "a number",
}
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST_PATH: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a manifest says that can be compared with files."""

    builder: str  # version that made it
    artefacts: Mapping[str, FileFacts]  # by file name
    contents: Mapping[str, FileFacts]  # by path in the ISO
    packages: tuple[Package, ...]
    distribution: Distribution
    recipe: Mapping[str, Any]  # as it is written
    selector: str
    source_date_epoch: int
    image: str  # id of the builder image
    tree: str  # digest of the source tree; "" where it is not said


def parse_manifest(content: bytes) -> Manifest:
    """Return what the manifest says.

    Raises VerificationError for what is no manifest of ours, or one of a newer version.
    """
    return manifest_of(read_manifest(content))


def read_manifest(content: bytes) -> Mapping[str, Any]:
    """Return a manifest's JSON object, of which the top level is checked.

    Raises VerificationError for what is no manifest of ours, or one of a newer version.
    """
    data = strict_json(content, name=say("The manifest"))
    if not isinstance(data, dict):
        raise VerificationError("The manifest is not a JSON object")
    _check_format(data.get("format"))
    for name, kind in _REQUIRED.items():
        if name not in data:
            raise VerificationError('The manifest has no "{name}"', name=name)
        if type(data[name]) is not kind:
            raise VerificationError(
                'In the manifest, "{name}" is not {kind}', name=name, kind=_WORDS[kind]
            )
    return data


def manifest_of(data: Mapping[str, Any]) -> Manifest:
    """Return what a manifest's object says. Raises VerificationError for impossible rows."""
    return Manifest(
        builder=data["builder"],
        artefacts=_rows(data["artefacts"], "artefacts"),
        contents=_rows(data["contents"], "contents"),
        packages=tuple(_package(row, number) for number, row in enumerate(data["packages"], 1)),
        distribution=Distribution(
            id=_text(data, "system", "distro_id"), version=_text(data, "system", "version")
        ),
        recipe=data["recipe"],
        selector=_text(data, "snapshot", "selector"),
        source_date_epoch=data["source_date_epoch"],
        image=_text(data, "image", "id"),
        tree=_text(data, "source", "digest") if "source" in data else "",
    )


def _check_format(found: object) -> None:
    if type(found) is not int or found < 1:
        raise VerificationError(
            "The manifest's format is none that there ever was: {format}", format=short(str(found))
        )
    if found > KNOWN_FORMAT:
        raise VerificationError(
            "The manifest was made by a newer version of distroclone-builder (format {format}; "
            "this version knows {known})",
            hint="Update distroclone-builder, then verify again.",
            format=short(str(found)),
            known=KNOWN_FORMAT,
        )


def _rows(rows: list[Any], place: str) -> Mapping[str, FileFacts]:
    found: dict[str, FileFacts] = {}
    for position, row in enumerate(rows, start=1):
        path, facts = _row(row, place, position)
        safe = is_plain_name(path) if place == "artefacts" else _is_inside(path)
        if not safe:
            raise VerificationError(
                'The manifest\'s "{place}" point outside: {path}', place=place, path=short(path)
            )
        if path in found:
            raise VerificationError(
                'The manifest\'s "{place}" name {path} twice', place=place, path=short(path)
            )
        found[path] = facts
    return found


def _row(row: Any, place: str, position: int) -> tuple[str, FileFacts]:
    match row:
        case {"path": str(path), "size": int(size), "sha256": str(digest)} if (
            type(size) is int and size >= 0 and _DIGEST.fullmatch(digest)
        ):
            return path, FileFacts(size=size, sha256=digest)
        case _:
            raise VerificationError(
                'In the manifest, row {position} of "{place}" has no path, size and sha256',
                position=position,
                place=place,
            )


def _package(row: Any, position: int) -> Package:
    match row:
        case {"name": str(name), "architecture": str(architecture), "version": str(version)}:
            return Package(name=name, architecture=architecture, version=version)
        case _:
            raise VerificationError(
                'In the manifest, row {position} of "packages" has no name, architecture and '
                "version",
                position=position,
            )


def _text(data: Mapping[str, Any], place: str, name: str) -> str:
    match data[place]:
        case {**values} if isinstance(text := values.get(name), str):
            return text
        case _:
            raise VerificationError(
                'In the manifest, "{place}" has no "{name}"', place=place, name=name
            )


def _is_inside(path: str) -> bool:
    """Whether `path` is a relative one that stays where it starts."""
    parts = path.split("/")
    return len(path) <= _LONGEST_PATH and path.isprintable() and not {"", ".", ".."} & set(parts)
