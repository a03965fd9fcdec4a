"""Writes the provenance of the results, and lists all of them in SHA256SUMS.

Everything in the statement except the digest of the lock file comes from the manifest;
docs/provenance.md explains its fields.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from builder.border.handover import SUMS
from builder.border.step_names import StepName
from builder.formats.manifest import Manifest, manifest_of
from builder.formats.private_settings import public_data
from builder.formats.provenance import (
    BUILD_TYPE,
    BUILDER_ID,
    BUILDER_IMAGE,
    LOCK_FILE,
    PREDICATE,
    SOURCE_TREE,
    STATEMENT,
    TREE_DIGEST,
)
from builder.formats.result_names import provenance_name
from builder.inside.system.digests import digest_file
from builder.inside.system.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceStep:
    """Writes provenance and sums next to `iso`, whose manifest is `manifest`."""

    name: ClassVar[StepName] = StepName.PROVENANCE
    needs: ClassVar[tuple[str, ...]] = ()
    neutral: ClassVar[tuple[str, ...]] = ()

    iso: Path
    manifest: Path
    lock: Path  # of the tools in this image

    @property
    def target(self) -> Path:
        """The provenance."""
        return self.iso.with_name(provenance_name(self.iso.stem))

    def run(self, system: System) -> None:
        """Write both files."""
        manifest = manifest_of(json.loads(self.manifest.read_text(encoding="utf-8"))).value
        digests = {each.path: each.sha256 for each in manifest.artefacts}
        digests[self.manifest.name] = digest_file(self.manifest).sha256
        text = json.dumps(self._statement(manifest, digests), indent=2, sort_keys=True)
        self.target.write_text(f"{text}\n", encoding="utf-8")
        digests[self.target.name] = digest_file(self.target).sha256
        lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
        self.iso.with_name(SUMS).write_text("".join(lines), encoding="utf-8")
        system.progress(1.0)

    def _statement(self, manifest: Manifest, digests: Mapping[str, str]) -> dict[str, Any]:
        return {
            "_type": STATEMENT,
            "subject": [
                {"name": name, "digest": {"sha256": digest}}
                for name, digest in sorted(digests.items())
            ],
            "predicateType": PREDICATE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": {
                        "recipe": public_data(manifest.recipe),
                        "selector": manifest.snapshot.selector,
                    },
                    "internalParameters": {"source_date_epoch": manifest.source_date_epoch},
                    "resolvedDependencies": list(self._dependencies(manifest)),
                },
                "runDetails": {
                    "builder": {
                        "id": BUILDER_ID,
                        "version": {"distroclone-builder": manifest.builder},
                    }
                },
            },
        }

    def _dependencies(self, manifest: Manifest) -> Iterator[dict[str, Any]]:
        """Yield the tree, the image and the lock as SLSA's resource descriptors."""
        if manifest.source is not None:
            tree = manifest.source.digest.removeprefix("sha256:")
            yield {"name": SOURCE_TREE, "digest": {TREE_DIGEST: tree}}
        yield {
            "name": BUILDER_IMAGE,
            "digest": {"sha256": manifest.image.id.removeprefix("sha256:")},
            "annotations": {"locked": manifest.image.locked},
        }
        yield {"name": LOCK_FILE, "digest": {"sha256": digest_file(self.lock).sha256}}
