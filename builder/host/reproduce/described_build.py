"""What a manifest says its ISO was made from: everything that a rebuild needs, strictly read.

A manifest must be exactly as this version writes it: an unknown field may decide bytes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from builder.basics.codec import shown, to_data
from builder.basics.errors import UsageError, VerificationError
from builder.basics.printable import short
from builder.formats.added_packages import PackagesLock, check_lock
from builder.formats.identities import ImageIdentity, TreeName
from builder.formats.manifest import MAY_BE_LEFT_OUT
from builder.formats.private_record import PrivateFile
from builder.formats.private_settings import Settings, whole_recipe
from builder.formats.recipe import Recipe
from builder.formats.result_names import private_name
from builder.formats.snapshot import SnapshotName, snapshot_name
from builder.host.build.planning import epoch_of
from builder.host.config import checks
from builder.host.reproduce.recipe_reader import read_recipe
from builder.host.results.manifest_reader import ReadManifest, read_manifest
from builder.host.results.private_reader import check_private

_ID: Final = re.compile(r"sha256:[0-9a-f]{64}")

FindPrivate = Callable[[str], PrivateFile | None]  # by the ISO's name without ".iso"


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedBuild:
    """A manifest as the plan of a build."""

    manifest: ReadManifest
    iso: str  # the ISO's file name
    tree: TreeName
    recipe: Recipe  # one that a config can have too
    packages: PackagesLock | None  # what is added

    @property
    def snapshot(self) -> SnapshotName:
        """What the snapshot was called."""
        return self.manifest.said.snapshot

    @property
    def image(self) -> ImageIdentity:
        """The builder image."""
        return self.manifest.said.image


def read_described_build(
    content: bytes, *, find_private: FindPrivate = lambda _stem: None
) -> DescribedBuild:
    """Return what the manifest says, and the private file where the manifest counts settings in it.

    Raises VerificationError where a rebuild cannot rely on them, UsageError where the file is
    missing.
    """
    manifest = read_manifest(content)
    said = manifest.said
    isos = [name for name in manifest.artefacts if name.endswith(".iso")]
    if len(isos) != 1:
        raise VerificationError("The manifest lists {count} ISOs, not one", count=len(isos))
    _check_complete(manifest)
    _check_snapshot(said.snapshot)
    if epoch_of(said.snapshot.seconds) != said.source_date_epoch:
        raise VerificationError(
            "The manifest contradicts itself: a snapshot taken {taken} does not give "
            "source_date_epoch {epoch}",
            taken=said.snapshot.taken,
            epoch=short(str(said.source_date_epoch)),
        )
    if not _ID.fullmatch(said.image.id):
        raise _strange("image")
    return DescribedBuild(
        manifest=manifest,
        iso=isos[0],
        tree=_tree(said.source),
        recipe=read_recipe(to_data(_recipe(manifest, isos[0], find_private))),
        packages=_packages(said.packages_lock),
    )


def _recipe(manifest: ReadManifest, iso: str, find_private: FindPrivate) -> Recipe:
    settings = _settings(manifest, iso.removesuffix(".iso"), find_private)
    try:
        return whole_recipe(manifest.said.recipe, settings)
    except ValueError as error:
        raise VerificationError(
            "The private file cannot be used: {reason}", reason=short(str(error))
        ) from error


def _settings(manifest: ReadManifest, stem: str, find_private: FindPrivate) -> Settings:
    said = manifest.said.private
    if said is None or not said.settings:
        return {}
    private = find_private(stem)
    if private is None:
        raise UsageError(
            "The ISO was built with settings that its manifest does not name: {settings}",
            hint="Give the file {name} with --private: the build wrote it beside the ISO, and only "
            "whoever built it has it.",
            settings=short(", ".join(sorted(said.settings))),
            name=private_name(stem),
        )
    check_private(private, manifest)
    return private.record.settings


def _check_complete(manifest: ReadManifest) -> None:
    if manifest.unknown:
        raise VerificationError(
            'The manifest has a field that this version does not know: "{place}"',
            hint="It was edited, or written by a newer version of distroclone-builder.",
            place=short(shown(manifest.unknown[0].place)),
        )
    earlier = {(name,) for name in MAY_BE_LEFT_OUT}
    if lacking := [place for place in manifest.absent if place not in earlier]:
        raise VerificationError(
            'The manifest is incomplete: "{place}" is missing',
            hint="It was edited, or written by another version of distroclone-builder.",
            place=shown(lacking[0]),
        )


def _check_snapshot(snapshot: SnapshotName) -> None:
    try:
        checks.selector(snapshot.selector)
        as_written = snapshot_name(
            snapshot.selector,
            kind=snapshot.kind,
            taken=snapshot.seconds,
        )
    except (UsageError, ValueError) as error:
        raise _strange("snapshot") from error
    if snapshot != as_written:
        raise _strange("snapshot")


def _tree(source: TreeName | None) -> TreeName:
    if source is None:
        raise VerificationError(
            "The manifest does not name its source tree, so nothing can be rebuilt from it",
            hint="It was edited, or written by an early version of distroclone-builder that had "
            "no tree digests.",
        )
    if not _ID.fullmatch(source.digest):
        raise _strange("source")
    return source


def _packages(lock: PackagesLock | None) -> PackagesLock | None:
    if lock is not None:
        try:
            check_lock(lock)
        except ValueError as error:
            raise _strange("packages_lock") from error
    return lock


def _strange(name: str) -> VerificationError:
    return VerificationError('The manifest\'s "{name}" is not what a build writes', name=name)
