"""Describes the finished ISO in a manifest, in JSON.

Nothing in it depends on when, where or how often the ISO was built. The digests are those of the
ISO as it lies on the disk; a file inside it that is not what was staged fails the build.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from builder import __version__
from builder.basics.codec import to_data
from builder.basics.errors import VerificationError
from builder.border.cache_report import Candidate
from builder.formats.identities import ImageIdentity
from builder.formats.recipe import Recipe
from builder.formats.result_names import manifest_name
from builder.formats.snapshot import SnapshotKind
from builder.inside.debian.dpkg import read_packages
from builder.inside.debian.packages import tool_versions
from builder.inside.iso.iso_digests import IsoDigests, digest_iso
from builder.inside.iso.iso_report import Extent, check_layout, files_argv, layout_argv, parse_files
from builder.inside.medium import identity as medium
from builder.inside.steps.iso import read_sums
from builder.inside.system.digests import FileDigest, digest_file
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree
from builder.inside.tree.tree_digest import TreeDigest

MANIFEST_FORMAT: Final = 1

_DECISIVE_TOOLS: Final = (
    "squashfs-tools", "xorriso", "libisoburn*", "libisofs*", "grub-common", "grub-pc-bin",
    "grub-efi-amd64-bin", "mtools", "dosfstools", "rsync", "btrfs-progs", "python3", "libzstd1",
    "liblzma5", "liblz4-1", "python3-cyclonedx-lib", "python3-license-expression",
    "python3-packageurl", "python3-py-serializable",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestStep:
    """Writes the manifest beside `iso`.

    `changes` is the journal of the configure step: a JSON list of {path, change, rule}; `source`
    waits for the digest of the source tree; `others` are results that it lists too.
    """

    name: ClassVar[str] = "manifest"
    needs: ClassVar[tuple[str, ...]] = ("xorriso", "dpkg-query")

    root: Path
    iso_tree: Path
    partition: Path
    iso: Path
    volume_id: str
    candidate: Candidate
    recipe: Recipe
    image: ImageIdentity
    source_date_epoch: int
    others: tuple[Path, ...] = ()
    changes: Path | None = None
    source: Callable[[], TreeDigest] | None = None

    @property
    def target(self) -> Path:
        """The manifest."""
        return self.iso.with_name(manifest_name(self.iso.stem))

    def run(self, system: System) -> None:
        """Write it. Raises VerificationError when the ISO does not hold what was staged."""
        partition = check_layout(system.run(layout_argv(self.iso)))
        esp = Extent(path=medium.ESP_NAME, start=partition.start, size=partition.size)
        extents = (*parse_files(system.run(files_argv(self.iso))), esp)
        digests = digest_iso(self.iso, extents, progress=system.progress)
        self._compare(digests.inside)
        text = json.dumps(self._describe(system, digests), indent=2, sort_keys=True)
        self.target.write_text(f"{text}\n", encoding="utf-8")

    def _compare(self, found: dict[str, FileDigest]) -> None:
        staged = read_sums(self.iso_tree)
        staged[medium.ESP_NAME] = digest_file(self.partition).sha256
        for name in (medium.SHA256_SUMS, medium.MD5_SUMS):
            staged[name] = digest_file(self.iso_tree / name).sha256
        for name, digest in sorted(staged.items()):
            if name not in found or found[name].sha256 != digest:
                raise VerificationError(
                    "{name} in the ISO is not what was put there",
                    hint="Check the disk under the engine's volumes, then build again.",
                    name=name,
                )

    def _describe(self, system: System, digests: IsoDigests) -> dict[str, Any]:
        data = {
            "format": MANIFEST_FORMAT,
            "builder": __version__,
            "artefacts": [
                _row(self.iso.name, digests.whole),
                *(_row(each.name, digest_file(each)) for each in self.others),
            ],
            "contents": [_row(name, digest) for name, digest in digests.inside.items()],
            "medium_id": medium.read_medium_id(self.iso_tree).text,
            "volume_id": self.volume_id,
            "snapshot": describe_snapshot(self.candidate),
            "system": to_data(self.candidate.system),
            "recipe": to_data(self.recipe),
            "image": to_data(self.image),
            "tools": tool_versions(system, _DECISIVE_TOOLS),
            "source_date_epoch": self.source_date_epoch,
            "packages": to_data(read_packages(Tree(self.root))),
        }
        if self.changes is not None:
            data["changes"] = json.loads(self.changes.read_text(encoding="utf-8"))
        if self.source is not None:
            data["source"] = describe_source(self.source())
        return data


def describe_snapshot(candidate: Candidate) -> dict[str, Any]:
    """Return what identifies a snapshot on every machine: no path, no btrfs UUID."""
    numbered = candidate.kind is SnapshotKind.SNAPPER and candidate.selector.isdecimal()
    return {
        "selector": candidate.selector,
        "kind": candidate.kind.value,
        "number": int(candidate.selector) if numbered else None,
        "taken": f"{datetime.fromtimestamp(candidate.taken, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "description": candidate.description,
    }


def describe_source(tree: TreeDigest) -> dict[str, Any]:
    """Return the name of a source tree, and how large it is: docs/tree-digest.md."""
    return {
        "digest": tree.digest,
        "format": tree.format,
        "files": tree.files,
        "bytes": tree.size,
    }


def _row(name: str, digest: FileDigest) -> dict[str, Any]:
    return {"path": name, **to_data(digest)}
