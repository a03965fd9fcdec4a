"""Lists the packages of the live system in two standard SBOM formats.

Nothing in them depends on when, where or how often the ISO was built.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from builder.border.step_names import StepName
from builder.formats.manifest import STACK_DISTRIBUTION
from builder.formats.package import Package
from builder.formats.result_names import sbom_names
from builder.formats.system_facts import SystemFacts
from builder.inside.medium import identity as medium
from builder.inside.output.rows import read_rows
from builder.inside.stack.bundle import BUNDLE
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree
from builder.inside.tree.tree_digest import TreeDigest

if TYPE_CHECKING:
    from builder.inside.sbom.components import Component


@dataclass(frozen=True, slots=True, kw_only=True)
class SbomStep:
    """Writes both SBOMs of the tree at `root` below `layer`, and of what is in `stack`, by `iso`.

    `stack` is the JSON list that the step `initramfs` left, if there was one. `source` waits for
    the digest of the source tree.
    """

    name: ClassVar[StepName] = StepName.SBOM
    needs: ClassVar[tuple[str, ...]] = ()
    neutral: ClassVar[tuple[str, ...]] = ("source",)

    root: Path
    layer: Path
    stack: Path
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
        # Imported here: the libraries take longer to load than all our own code.
        from builder.inside.sbom.documents import make_documents  # noqa: PLC0415

        texts = make_documents(
            Tree(self.root),
            self.facts,
            layer=self.layer,
            others=self._of_stack(),
            name=self.iso.stem,
            medium_id=medium.read_medium_id(self.iso_tree).text,
            tree_digest=self._tree_digest(),
            source_date_epoch=self.source_date_epoch,
        )
        for target, text in zip(self.targets, texts, strict=True):
            target.write_text(text, encoding="utf-8")
        system.progress(1.0)

    def _of_stack(self) -> tuple["Component", ...]:
        from builder.inside.sbom.components import component_of  # noqa: PLC0415

        return tuple(
            component_of(BUNDLE.root_of(each.name), each, STACK_DISTRIBUTION)
            for each in read_rows(Package, self.stack)
        )

    def _tree_digest(self) -> str:
        if self.source is None:
            return ""
        return self.source().digest
