"""Writes down which packages the live system has, in both formats that other tools read.

It says nothing that depends on when, where or how often the ISO was built.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from builder.inside import medium
from builder.inside.sbom.cyclonedx_document import cyclonedx_text
from builder.inside.sbom.inventory import Inventory, LiveSystem, read_components
from builder.inside.sbom.spdx_document import spdx_text
from builder.inside.system import System
from builder.inside.tree import Tree
from builder.inside.tree_digest import TreeDigest
from builder.naming import sbom_names
from builder.package import Distribution
from builder.plan import SystemFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class SbomStep:
    """Writes both SBOMs of the tree at `root` beside `iso`.

    `source` waits for the digest of the source tree.
    """

    name: ClassVar[str] = "sbom"
    needs: ClassVar[tuple[str, ...]] = ()

    root: Path
    iso_tree: Path
    iso: Path
    facts: SystemFacts
    source_date_epoch: int
    source: Callable[[], TreeDigest] | None = None

    @property
    def targets(self) -> tuple[Path, Path]:
        """The SBOMs: CycloneDX, then SPDX."""
        cyclonedx, spdx = sbom_names(self.iso.stem)
        return self.iso.with_name(cyclonedx), self.iso.with_name(spdx)

    def run(self, system: System) -> None:
        """Write them."""
        inventory = self._inventory()
        system.progress(0.3)
        cyclonedx, spdx = self.targets
        spdx.write_text(spdx_text(inventory), encoding="utf-8")
        cyclonedx.write_text(cyclonedx_text(inventory), encoding="utf-8")

    def _inventory(self) -> Inventory:
        distribution = Distribution(id=self.facts.distro_id, version=self.facts.version)
        return Inventory(
            system=LiveSystem(
                name=self.iso.stem,
                version=self.facts.version,
                description=self.facts.pretty_name,
                medium_id=medium.read_medium_id(self.iso_tree).text,
                tree_digest=self._tree_digest(),
            ),
            source_date_epoch=self.source_date_epoch,
            components=read_components(Tree(self.root), distribution),
        )

    def _tree_digest(self) -> str:
        if self.source is None:
            return ""
        return self.source().digest
