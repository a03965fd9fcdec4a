"""The inventory as SPDX 2.3 in JSON (SPDX specification 2.3, clauses 6 to 11)."""

import hashlib
import json
import re
from typing import Any, Final

from builder import __version__
from builder.formats.sbom import SPDX_SUBJECT, SPDX_VERSION
from builder.inside.sbom.components import Component, Inventory
from builder.inside.sbom.license_names import REFERENCE, references

# The namespace that the specification (6.5) recommends to creators without a website.
_NAMESPACE: Final = "https://spdx.org/spdxdocs"
_UNKNOWN: Final = "NOASSERTION"
_DOCUMENT: Final = "SPDXRef-DOCUMENT"

_NOT_IN_IDS: Final = re.compile(r"[^A-Za-z0-9.-]")


def spdx_text(inventory: Inventory) -> str:
    """Return the whole document."""
    return f"{json.dumps(_document(inventory), indent=2, sort_keys=True)}\n"


def _document(inventory: Inventory) -> dict[str, Any]:
    name = inventory.system.name
    ids = [_spdx_id(each) for each in inventory.components]
    return {
        "SPDXID": _DOCUMENT,
        "spdxVersion": SPDX_VERSION,
        "dataLicense": "CC0-1.0",
        "name": name,
        "documentNamespace": f"{_NAMESPACE}/{name}-{inventory.identity}",
        "creationInfo": {
            "created": f"{inventory.created:%Y-%m-%dT%H:%M:%SZ}",
            "creators": [f"Tool: distroclone-builder-{__version__}"],
        },
        "packages": [_subject(inventory), *map(_package, inventory.components)],
        "relationships": [
            _relationship(_DOCUMENT, "DESCRIBES", SPDX_SUBJECT),
            *(_relationship(SPDX_SUBJECT, "CONTAINS", each) for each in ids),
        ],
        "hasExtractedLicensingInfos": _extracted(inventory),
    }


def _subject(inventory: Inventory) -> dict[str, Any]:
    system = inventory.system
    tree = f", made of the source tree {system.tree_digest}" if system.tree_digest else ""
    return {
        "SPDXID": SPDX_SUBJECT,
        "name": system.name,
        "versionInfo": system.version,
        "summary": system.description,
        "comment": f"The live system on the medium {system.medium_id}{tree}",
        "primaryPackagePurpose": "OPERATING_SYSTEM",
        **_nothing_known(),
        "licenseDeclared": _UNKNOWN,
    }


def _package(component: Component) -> dict[str, Any]:
    package = component.package
    data = {
        "SPDXID": _spdx_id(component),
        "name": package.name,
        "versionInfo": package.version,
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": component.url,
            }
        ],
        **_nothing_known(),
        "licenseDeclared": component.license or _UNKNOWN,
    }
    if component.source:
        data["sourceInfo"] = f"built from the source package {component.source}"
    return data


def _nothing_known() -> dict[str, Any]:
    return {
        "filesAnalyzed": False,
        "downloadLocation": _UNKNOWN,
        "licenseConcluded": _UNKNOWN,
        "copyrightText": _UNKNOWN,
    }


def _spdx_id(component: Component) -> str:
    """Return an id unique to the package, with a digest if characters had to be replaced."""
    name = f"{component.package.name}-{component.package.architecture}"
    plain = _NOT_IN_IDS.sub("-", name)
    if plain != name:
        plain = f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"SPDXRef-Package-{plain}"


def _relationship(element: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": other}


def _extracted(inventory: Inventory) -> list[dict[str, str]]:
    used = {name for each in inventory.components for name in references(each.license)}
    return [
        {
            "licenseId": reference,
            "name": reference.removeprefix(REFERENCE),
            "extractedText": "A licence that Debian's copyright files name so; its text is in "
            "/usr/share/doc/PACKAGE/copyright of each package that has it.",
        }
        for reference in sorted(used)
    ]
