"""Describes the finished ISO in a manifest, in JSON, and for its owner in a private file.

Nothing in it depends on when, where or how often the ISO was built. The digests are read back from
the ISO on disk; a file in it that differs from the staged one fails the build.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final

from builder import __version__
from builder.basics.codec import from_data
from builder.basics.errors import VerificationError
from builder.basics.regular import emptied_regular
from builder.border.cache_report import Candidate
from builder.border.step_names import StepName
from builder.formats.added_packages import PackagesLock, lock_text
from builder.formats.boot_chain import BootChain
from builder.formats.changes import ChangedPath, count_changes, count_rules
from builder.formats.identities import ImageIdentity, TreeName
from builder.formats.manifest import (
    MANIFEST_FORMAT,
    ListedFile,
    Manifest,
    PrivateIdentity,
    manifest_text,
)
from builder.formats.package import Package
from builder.formats.private_record import (
    PRIVATE_FORMAT,
    FoundPath,
    LeftOutPath,
    PrivateFile,
    PrivateRecord,
    private_text,
    record_digest,
)
from builder.formats.private_settings import private_settings, public_recipe
from builder.formats.recipe import Recipe
from builder.formats.result_names import (
    lock_name,
    manifest_name,
    private_name,
    result_mode,
)
from builder.formats.snapshot import snapshot_name
from builder.formats.tree_record import as_texts, read_records
from builder.inside.debian.dpkg import packaged, read_packages
from builder.inside.debian.packages import tool_versions
from builder.inside.iso.iso_digests import IsoDigests, digest_iso
from builder.inside.iso.iso_report import Extent, check_layout, files_argv, layout_argv, parse_files
from builder.inside.medium import identity as medium
from builder.inside.medium.sums import read_sums
from builder.inside.output.rows import read_rows
from builder.inside.system.digests import FileDigest, digest_file
from builder.inside.system.system import Sight, System
from builder.inside.tree.originals import MOST_ORIGINALS, originals
from builder.inside.tree.tree import Tree
from builder.inside.tree.tree_digest import TreeDigest

_DECISIVE_TOOLS: Final = (
    "squashfs-tools", "xorriso", "libisoburn*", "libisofs*", "grub-common", "grub-pc-bin",
    "grub-efi-amd64-bin", "grub-efi-ia32-bin", "mtools", "dosfstools", "rsync", "btrfs-progs",
    "python3", "libzstd1", "liblzma5", "liblz4-1", "python3-cyclonedx-lib",
    "python3-license-expression", "python3-packageurl", "python3-py-serializable",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestStep:
    """Writes the manifest, the private file and the lock of added packages next to `iso`.

    `chain` is what the step `boot` said of the loaders.

    What other steps left for them, each a JSON list that is missing where there was no such step:
    each of `changes`, and `live`, {path, change, rule}, `left_out` {path, rule}, `findings` {path,
    rule, where}, `stack` {name, version, architecture}.
    `source` waits for the digest of the source tree, and for `records`, of which it was made;
    `others` are more results to list.
    """

    name: ClassVar[StepName] = StepName.MANIFEST
    needs: ClassVar[tuple[str, ...]] = ("xorriso", "dpkg-query")
    neutral: ClassVar[tuple[str, ...]] = ("source",)

    root: Path
    layer: Path  # above it, in the live system
    iso_tree: Path
    partition: Path
    chain: Path
    iso: Path
    volume_id: str
    candidate: Candidate
    recipe: Recipe
    image: ImageIdentity
    source_date_epoch: int
    others: tuple[Path, ...] = ()
    changes: tuple[Path, ...]  # in their order, from the source to the system
    packages_lock: PackagesLock | None  # what was added
    live: Path  # from the system to the live system
    stack: Path
    records: Path
    left_out: Path
    findings: Path
    source: Callable[[], TreeDigest]

    @property
    def target(self) -> Path:
        """The manifest."""
        return self.iso.with_name(manifest_name(self.iso.stem))

    @property
    def private(self) -> Path:
        """The private file."""
        return self.iso.with_name(private_name(self.iso.stem))

    @property
    def _lock(self) -> Path:
        return self.iso.with_name(lock_name(self.iso.stem))

    def run(self, system: System) -> None:
        """Write them. Raises VerificationError when the ISO differs from what was staged."""
        sight = Sight(reads=(self.iso,))
        partition = check_layout(system.run(layout_argv(self.iso), sight=sight))
        esp = Extent(path=medium.ESP_NAME, start=partition.start, size=partition.size)
        extents = (
            *parse_files(system.run(files_argv(self.iso), sight=sight)),
            esp,
        )
        digests = digest_iso(self.iso, extents, progress=system.progress)
        self._compare(digests.inside)
        private = self._private()
        if self.packages_lock is not None:
            self._lock.write_text(lock_text(self.packages_lock), encoding="ascii")
        text = manifest_text(self._described(system, digests, private))
        self.target.write_text(text, encoding="utf-8")
        _write_private(self.private, private_text(private))

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

    def _private(self) -> PrivateFile:
        key = self.source().secret
        changes = tuple(row for journal in self.changes for row in read_rows(ChangedPath, journal))
        return PrivateFile(
            format=PRIVATE_FORMAT,
            key=key,
            description=self.candidate.description,
            left_out=read_rows(LeftOutPath, self.left_out),
            record=PrivateRecord(
                settings=private_settings(self.recipe),
                changes=changes,
                findings=read_rows(FoundPath, self.findings),
                originals=self._originals(changes),
            ),
        )

    def _originals(self, changes: tuple[ChangedPath, ...]) -> tuple[tuple[str, ...], ...] | None:
        with self.records.open("rb") as file:
            found = originals(read_records(file), changes, latest=self.source_date_epoch)
            kept = tuple(as_texts(each) for each in islice(found, MOST_ORIGINALS + 1))
        return kept if len(kept) <= MOST_ORIGINALS else None

    def _chain(self) -> BootChain:
        return from_data(BootChain, json.loads(self.chain.read_text(encoding="utf-8")))

    def _described(self, system: System, digests: IsoDigests, private: PrivateFile) -> Manifest:
        assert self.candidate.system is not None  # trees without a system are never built
        locks = () if self.packages_lock is None else (self._lock,)
        return Manifest(
            format=MANIFEST_FORMAT,
            builder=__version__,
            artefacts=(
                _listed(self.iso.name, digests.whole),
                *(_listed(each.name, digest_file(each)) for each in (*self.others, *locks)),
            ),
            contents=tuple(_listed(name, digest) for name, digest in digests.inside.items()),
            medium_id=medium.read_medium_id(self.iso_tree).text,
            volume_id=self.volume_id,
            snapshot=snapshot_name(
                self.candidate.selector,
                kind=self.candidate.kind,
                taken=self.candidate.taken,
            ),
            system=self.candidate.system,
            recipe=public_recipe(self.recipe),
            image=self.image,
            tools=tool_versions(system, _DECISIVE_TOOLS),
            source_date_epoch=self.source_date_epoch,
            packages=read_packages(packaged(Tree(self.root), self.layer)),
            changes=count_changes(private.record.changes),
            packages_lock=self.packages_lock,
            live_changes=count_changes(read_rows(ChangedPath, self.live))
            if self.live.exists()
            else None,
            live_stack=read_rows(Package, self.stack) if self.stack.exists() else None,
            source=_tree_name(self.source()),
            boot_chain=self._chain(),
            findings=count_rules(each.rule for each in private.record.findings)
            if self.findings.exists()
            else None,
            private=PrivateIdentity(
                digest=record_digest(private.record, key=private.key),
                settings={name: len(said) for name, said in private.record.settings.items()},
            ),
        )


def _listed(path: str, digest: FileDigest) -> ListedFile:
    return ListedFile(path=path, size=digest.size, sha256=digest.sha256)


def _write_private(path: Path, text: str) -> None:
    """Write a file that nobody else can read, not even while it is written."""
    descriptor = emptied_regular(path, mode=result_mode(path.name))
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(text)


def _tree_name(tree: TreeDigest) -> TreeName:
    return TreeName(digest=tree.digest, format=tree.format, files=tree.files, bytes=tree.size)
