"""Describes the finished ISO in a manifest, in JSON.

Nothing in it depends on when, where or how often the ISO was built. The digests are read back from
the ISO on disk; a file in it that differs from the staged one fails the build.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from builder import __version__
from builder.basics.codec import from_data
from builder.basics.errors import VerificationError
from builder.border.cache_report import Candidate
from builder.border.step_names import StepName
from builder.formats.identities import ImageIdentity, TreeName
from builder.formats.manifest import (
    MANIFEST_FORMAT,
    ChangedPath,
    ListedFile,
    Manifest,
    manifest_text,
)
from builder.formats.recipe import Recipe
from builder.formats.result_names import manifest_name
from builder.formats.snapshot import snapshot_name
from builder.inside.debian.dpkg import read_packages
from builder.inside.debian.packages import tool_versions
from builder.inside.iso.iso_digests import IsoDigests, digest_iso
from builder.inside.iso.iso_report import Extent, check_layout, files_argv, layout_argv, parse_files
from builder.inside.medium import identity as medium
from builder.inside.medium.sums import read_sums
from builder.inside.system.digests import FileDigest, digest_file
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree
from builder.inside.tree.tree_digest import TreeDigest

_DECISIVE_TOOLS: Final = (
    "squashfs-tools", "xorriso", "libisoburn*", "libisofs*", "grub-common", "grub-pc-bin",
    "grub-efi-amd64-bin", "mtools", "dosfstools", "rsync", "btrfs-progs", "python3", "libzstd1",
    "liblzma5", "liblz4-1", "python3-cyclonedx-lib", "python3-license-expression",
    "python3-packageurl", "python3-py-serializable",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestStep:
    """Writes the manifest next to `iso`.

    `changes` is the journal of the configure step: a JSON list of {path, change, rule}; `source`
    waits for the digest of the source tree; `others` are more results to list.
    """

    name: ClassVar[StepName] = StepName.MANIFEST
    needs: ClassVar[tuple[str, ...]] = ("xorriso", "dpkg-query")
    neutral: ClassVar[tuple[str, ...]] = ("source",)

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
        """Write it. Raises VerificationError when the ISO differs from what was staged."""
        partition = check_layout(system.run(layout_argv(self.iso)))
        esp = Extent(path=medium.ESP_NAME, start=partition.start, size=partition.size)
        extents = (*parse_files(system.run(files_argv(self.iso))), esp)
        digests = digest_iso(self.iso, extents, progress=system.progress)
        self._compare(digests.inside)
        text = manifest_text(self._described(system, digests))
        self.target.write_text(text, encoding="utf-8")

    def _compare(self, found: dict[str, FileDigest]) -> None:
        staged = read_sums(self.iso_tree)
        staged[medium.ESP_NAME] = digest_file(self.partition).sha256
        for name in (medium.SHA256_SUMS, medium.MD5_SUMS):
            staged[name] = digest_file(self.iso_tree / name).sha256
        for name, digest in sorted(staged.items()):
            if name not in found or found[name].sha256 != digest:
                raise VerificationError(
                    "{name} in the ISO differs from the file that was packed",
                    hint="Check the disk that holds the engine's volumes, then build again.",
                    name=name,
                )

    def _described(self, system: System, digests: IsoDigests) -> Manifest:
        assert self.candidate.system is not None  # trees without a system are never built
        return Manifest(
            format=MANIFEST_FORMAT,
            builder=__version__,
            artefacts=(
                _listed(self.iso.name, digests.whole),
                *(_listed(each.name, digest_file(each)) for each in self.others),
            ),
            contents=tuple(_listed(name, digest) for name, digest in digests.inside.items()),
            medium_id=medium.read_medium_id(self.iso_tree).text,
            volume_id=self.volume_id,
            snapshot=snapshot_name(
                self.candidate.selector,
                kind=self.candidate.kind,
                taken=self.candidate.taken,
                description=self.candidate.description,
            ),
            system=self.candidate.system,
            recipe=self.recipe,
            image=self.image,
            tools=tool_versions(system, _DECISIVE_TOOLS),
            source_date_epoch=self.source_date_epoch,
            packages=read_packages(Tree(self.root)),
            changes=None if self.changes is None else _read_changes(self.changes),
            source=None if self.source is None else _tree_name(self.source()),
        )


def _listed(path: str, digest: FileDigest) -> ListedFile:
    return ListedFile(path=path, size=digest.size, sha256=digest.sha256)


def _read_changes(journal: Path) -> tuple[ChangedPath, ...]:
    rows = json.loads(journal.read_text(encoding="utf-8"))
    return tuple(from_data(ChangedPath, row) for row in rows)


def _tree_name(tree: TreeDigest) -> TreeName:
    return TreeName(digest=tree.digest, format=tree.format, files=tree.files, bytes=tree.size)
