"""Reads SBOMs that anyone may have written, and compares them with what else is known."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from builder.basics.errors import VerificationError
from builder.basics.printable import short
from builder.formats.package import Distribution, Package, package_url
from builder.formats.sbom import CYCLONEDX_VERSION, SPDX_SUBJECT, SPDX_VERSION
from builder.host.results.strict_json import strict_json

LARGEST: Final = 32 * 1024 * 1024  # bytes; a large desktop's has about 3 MiB
_SHOWN: Final = 5  # differences


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Listed:
    """A package as an SBOM lists it."""

    name: str
    version: str
    url: str  # package URL


def listed(package: Package, distribution: Distribution) -> Listed:
    """Return how an SBOM has to list a package."""
    return Listed(
        name=package.name, version=package.version, url=package_url(package, distribution)
    )


def parse_cyclonedx(content: bytes, *, name: str) -> tuple[Listed, ...]:
    """Return what a CycloneDX document lists. Raises VerificationError for what is none."""
    data = strict_json(content, name=name)
    match data:
        case {"bomFormat": "CycloneDX", "specVersion": version, "components": list(rows)}:
            _check_version(name, version, CYCLONEDX_VERSION)
        case _:
            raise VerificationError("{name} is not a CycloneDX document", name=name)
    return tuple(_component(row, name, number) for number, row in enumerate(rows, 1))


def parse_spdx(content: bytes, *, name: str) -> tuple[Listed, ...]:
    """Return what an SPDX document lists. Raises VerificationError for what is none."""
    data = strict_json(content, name=name)
    match data:
        case {"spdxVersion": version, "packages": list(rows)}:
            _check_version(name, version, SPDX_VERSION)
        case _:
            raise VerificationError("{name} is not an SPDX document", name=name)
    return tuple(
        _spdx_package(row, name, number)
        for number, row in enumerate(rows, 1)
        if not (isinstance(row, dict) and row.get("SPDXID") == SPDX_SUBJECT)
    )


def check_same(found: Iterable[Listed], said: Iterable[Listed], *, name: str) -> None:
    """Raise VerificationError unless `found`, in what is called `name`, is what the manifest says.

    The order does not matter.
    """
    have, want = Counter(found), Counter(said)
    wrong = [
        *(f"{short(each.url)} is missing" for each in sorted((want - have).elements())),
        *(f"{short(each.url)} is not in the manifest" for each in sorted((have - want).elements())),
    ]
    if wrong:
        more = len(wrong) - _SHOWN
        shown = "; ".join(wrong[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        raise VerificationError(
            "{name} does not list the packages that the manifest lists: {wrong}",
            name=name,
            wrong=shown,
        )


def _check_version(name: str, found: object, known: str) -> None:
    if found != known:
        raise VerificationError(
            "{name} has version {version}; this version of distroclone-builder knows {known}",
            hint="Update distroclone-builder, then verify again.",
            name=name,
            version=short(str(found)),
            known=known,
        )


def _component(row: Any, name: str, position: int) -> Listed:
    match row:
        case {"name": str(package), "version": str(version), "purl": str(url)}:
            return Listed(name=package, version=version, url=url)
        case _:
            raise _no_package(name, position)


def _spdx_package(row: Any, name: str, position: int) -> Listed:
    match row:
        case {"name": str(package), "versionInfo": str(version), "externalRefs": [reference]}:
            return Listed(name=package, version=version, url=_url(reference, name, position))
        case _:
            raise _no_package(name, position)


def _url(reference: Mapping[str, Any], name: str, position: int) -> str:
    match reference:
        case {"referenceType": "purl", "referenceLocator": str(url)}:
            return url
        case _:
            raise _no_package(name, position)


def _no_package(name: str, position: int) -> VerificationError:
    return VerificationError(
        "In {name}, package {position} has no name, version or package URL",
        name=name,
        position=position,
    )
