"""The text of both SBOMs of a live system."""

from collections.abc import Sequence
from pathlib import Path

from builder.formats.package import Distribution
from builder.formats.system_facts import SystemFacts
from builder.inside.sbom.components import Component, Inventory, LiveSystem, read_components
from builder.inside.sbom.cyclonedx_document import cyclonedx_text
from builder.inside.sbom.spdx_document import spdx_text
from builder.inside.tree.tree import Tree


def make_documents(
    tree: Tree,
    facts: SystemFacts,
    *,
    layer: Path,
    others: Sequence[Component] = (),
    name: str,
    medium_id: str,
    tree_digest: str,
    source_date_epoch: int,
) -> tuple[str, str]:
    """Return CycloneDX and SPDX of the ISO `name`, with `others` that are in it.

    In the live system, `layer` is above the tree.

    Raises OSError without a package database.
    """
    distribution = Distribution(id=facts.distro_id, version=facts.version)
    inventory = Inventory(
        system=LiveSystem(
            name=name,
            version=facts.version,
            description=facts.pretty_name,
            medium_id=medium_id,
            tree_digest=tree_digest,
        ),
        source_date_epoch=source_date_epoch,
        components=_together(read_components(tree, layer, distribution), others),
    )
    return cyclonedx_text(inventory), spdx_text(inventory)


def _together(installed: Sequence[Component], others: Sequence[Component]) -> tuple[Component, ...]:
    """Return all of them, sorted; a system may have the very package that came from elsewhere."""
    urls = {each.url for each in installed}
    found = [*installed, *(each for each in others if each.url not in urls)]
    return tuple(sorted(found, key=lambda each: (each.package.name, each.url)))
