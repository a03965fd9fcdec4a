"""What a manifest says that its ISO was made from: all that a rebuild needs, and strictly read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from builder.basics.codec import from_data
from builder.basics.errors import UsageError, VerificationError
from builder.basics.printable import short
from builder.formats.identities import ImageIdentity, TreeName
from builder.formats.recipe import Recipe
from builder.formats.snapshot import SnapshotKind
from builder.host.build.session import epoch_of
from builder.host.config import checks as rules
from builder.host.reproduce.recipe_reader import read_recipe
from builder.host.results.manifest_reader import Manifest, manifest_of, read_manifest

_ID: Final = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST_DESCRIPTION: Final = 200  # characters; what the scan keeps of one
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotName:
    """By what a snapshot is known on every machine."""

    selector: str
    kind: SnapshotKind
    number: int | None
    taken: str  # 2026-06-17T14:29:21Z
    description: str

    @property
    def seconds(self) -> int:
        """When it was taken, in seconds since 1970."""
        return int(datetime.strptime(self.taken, _TIME).replace(tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A manifest as the plan of a build."""

    manifest: Manifest
    iso: str  # the ISO's file name
    snapshot: SnapshotName
    tree: TreeName
    recipe: Recipe
    image: ImageIdentity


def read_origin(content: bytes) -> Origin:
    """Return what the manifest says. Raises VerificationError where a rebuild cannot rely on it."""
    data = read_manifest(content)
    manifest = manifest_of(data)
    isos = [name for name in manifest.artefacts if name.endswith(".iso")]
    if len(isos) != 1:
        raise VerificationError("The manifest speaks of {count} ISOs, not one", count=len(isos))
    snapshot = _snapshot(data)
    if epoch_of(snapshot.seconds) != data["source_date_epoch"]:
        raise VerificationError(
            "The manifest contradicts itself: a snapshot of {taken} does not give "
            "source_date_epoch {epoch}",
            taken=snapshot.taken,
            epoch=short(str(data["source_date_epoch"])),
        )
    return Origin(
        manifest=manifest,
        iso=isos[0],
        snapshot=snapshot,
        tree=_tree(data),
        recipe=read_recipe(data["recipe"]),
        image=_image(data),
    )


def _snapshot(data: Mapping[str, Any]) -> SnapshotName:
    snapshot = _part(SnapshotName, data, "snapshot")
    numbered = snapshot.kind is SnapshotKind.SNAPPER and snapshot.selector.isdecimal()
    try:
        rules.selector(snapshot.selector)
        same = snapshot.taken == f"{datetime.fromtimestamp(snapshot.seconds, UTC):{_TIME}}"
    except (UsageError, ValueError) as error:
        raise _strange("snapshot") from error
    number = int(snapshot.selector) if numbered else None
    if not same or number != snapshot.number or len(snapshot.description) > _LONGEST_DESCRIPTION:
        raise _strange("snapshot")
    return snapshot


def _tree(data: Mapping[str, Any]) -> TreeName:
    if "source" not in data:
        raise VerificationError(
            "The manifest does not name its source tree, so nothing can be rebuilt from it",
            hint="It was edited, or written by a version of distroclone-builder that did not know "
            "tree digests yet.",
        )
    tree = _part(TreeName, data, "source")
    if not _ID.fullmatch(tree.digest):
        raise _strange("source")
    return tree


def _image(data: Mapping[str, Any]) -> ImageIdentity:
    image = _part(ImageIdentity, data, "image")
    if not _ID.fullmatch(image.id):
        raise _strange("image")
    return image


def _part(kind: type[Value], data: Mapping[str, Any], name: str) -> Value:
    try:
        return from_data(kind, data[name])
    except ValueError as error:
        raise VerificationError(
            'In the manifest, "{name}" cannot be read: {reason}',
            name=name,
            reason=short(str(error)),
        ) from error


def _strange(name: str) -> VerificationError:
    return VerificationError('In the manifest, "{name}" is not as any build writes it', name=name)
