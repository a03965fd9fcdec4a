"""The manifest next to an ISO, a public format: docs/manifest.md explains every field.

A build writes it, and `verify`, `reproduce` and `diff` read it. Nothing in it depends on when,
where or how often the ISO was built.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

from builder.basics.codec import Read, read_data, to_data
from builder.formats.identities import ImageIdentity, TreeName
from builder.formats.package import Distribution, Package
from builder.formats.recipe import Recipe
from builder.formats.snapshot import SnapshotName
from builder.formats.system_facts import SystemFacts

MANIFEST_FORMAT: Final = 1


class Change(StrEnum):
    """What a build did to a path of the copy."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """A file next to an ISO or inside it."""

    path: str  # next to it: the file name; inside it: "live/filesystem.squashfs"
    size: int  # bytes
    sha256: str  # 64 hexadecimal digits


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPath:
    """A path of the system that differs between the source and the ISO."""

    path: str  # "/etc/machine-id"
    change: Change
    rule: str  # the name of the rule that did it: docs/what-is-left-out.md


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The contents of an ISO, and everything it was made from."""

    format: int
    builder: str  # the version that made it
    artefacts: tuple[ListedFile, ...]  # the ISO and the files next to it
    contents: tuple[ListedFile, ...]  # every file in the ISO, and its EFI system partition
    medium_id: str  # 32 hexadecimal digits
    volume_id: str
    snapshot: SnapshotName
    system: SystemFacts
    recipe: Recipe
    image: ImageIdentity
    tools: Mapping[str, str]  # versions of the tools that determine bytes, by package
    source_date_epoch: int  # seconds since 1970
    packages: tuple[Package, ...]  # installed in the live system
    changes: tuple[ChangedPath, ...] | None = None  # in the order in which they happened
    source: TreeName | None = None

    @property
    def distribution(self) -> Distribution:
        """The distribution that the packages belong to."""
        return Distribution(id=self.system.distro_id, version=self.system.version)


# Never null in the text: the fields that earlier versions did not write yet.
MAY_BE_LEFT_OUT: Final = tuple(each.name for each in fields(Manifest) if each.default is None)


def manifest_text(manifest: Manifest) -> str:
    """Return the text of a manifest."""
    data = to_data(manifest)
    for name in MAY_BE_LEFT_OUT:
        if data[name] is None:
            del data[name]
    return json.dumps(data, indent=2, sort_keys=True) + "\n"


def manifest_of(data: Mapping[str, object]) -> Read[Manifest]:
    """Return the manifest in a JSON object, and the fields that this version does not know.

    Raises ValueError, naming the place, for a missing field or a value of the wrong type.
    """
    for name in MAY_BE_LEFT_OUT:
        if name in data and data[name] is None:
            message = f"{name}: must be left out instead of null"
            raise ValueError(message)
    return read_data(Manifest, data)
