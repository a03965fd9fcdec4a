"""The inventory as CycloneDX 1.6 in JSON, written by cyclonedx-python-lib."""

from collections.abc import Iterator
from typing import Final

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component as BomComponent
from cyclonedx.model.component import ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseAcknowledgement
from cyclonedx.model.license import LicenseExpression as Expression
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.spdx import is_supported_id
from packageurl import PackageURL

from builder import __version__
from builder.formats.sbom import PROPERTIES
from builder.inside.sbom.components import Component, Inventory

_DECLARED: Final = LicenseAcknowledgement.DECLARED


def cyclonedx_text(inventory: Inventory) -> str:
    """Return the whole document."""
    subject = _subject(inventory)
    components = [_component(each) for each in inventory.components]
    bom = Bom(
        serial_number=inventory.identity,
        metadata=BomMetaData(
            timestamp=inventory.created,
            component=subject,
            tools=ToolRepository(components=[_tool()]),
        ),
        components=components,
    )
    bom.register_dependency(subject, components)
    writer = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6)
    return f"{writer.output_as_string(indent=2)}\n"


def _subject(inventory: Inventory) -> BomComponent:
    system = inventory.system
    values = {"medium-id": system.medium_id, "source-tree": system.tree_digest}
    return BomComponent(
        type=ComponentType.OPERATING_SYSTEM,
        name=system.name,
        version=system.version,
        description=system.description,
        bom_ref=f"medium:{system.medium_id}",
        properties=_properties(values),
    )


def _tool() -> BomComponent:
    return BomComponent(
        type=ComponentType.APPLICATION,
        name="distroclone-builder",
        version=__version__,
        bom_ref="distroclone-builder",
    )


def _component(component: Component) -> BomComponent:
    return BomComponent(
        type=ComponentType.LIBRARY,
        name=component.package.name,
        version=component.package.version,
        purl=PackageURL.from_string(component.url),
        bom_ref=component.url,
        licenses=_licenses(component.license),
        properties=_properties({"source-package": component.source}),
    )


def _licenses(expression: str) -> Iterator[License]:
    if is_supported_id(expression):
        yield DisjunctiveLicense(id=expression, acknowledgement=_DECLARED)
    elif expression:
        yield Expression(expression, acknowledgement=_DECLARED)


def _properties(values: dict[str, str]) -> Iterator[Property]:
    for name, value in values.items():
        if value:
            yield Property(name=f"{PROPERTIES}:{name}", value=value)
