"""The manifest next to an ISO, a public format: docs/manifest.md explains every field.

A build writes it, and `verify`, `reproduce` and `diff` read it. Nothing in it depends on when,
where or how often the ISO was built, and nothing names what was left out or removed: that is in the
private file (`builder.formats.private_record`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from builder.basics.codec import Read, read_data, shown, to_data
from builder.formats.added_packages import PackagesLock
from builder.formats.boot_chain import BootChain
from builder.formats.changes import ChangeCount, RuleCount
from builder.formats.identities import ImageIdentity, TreeName
from builder.formats.package import Distribution, Package
from builder.formats.private_settings import (
    has_place,
    private_places,
    public_data,
    without_private,
)
from builder.formats.recipe import Recipe
from builder.formats.snapshot import SnapshotName
from builder.formats.system_facts import SystemFacts

MANIFEST_FORMAT: Final = 2
# What the packages of `live_stack` belong to: the builder image is made of Debian 13.
STACK_DISTRIBUTION: Final = Distribution(id="debian", version="13")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """A file next to an ISO or inside it."""

    path: str  # next to it: the file name; inside it: "live/filesystem.squashfs"
    size: int  # bytes
    sha256: str  # 64 hexadecimal digits


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateIdentity:
    """What a manifest says of the private file: enough to recognize it, and nothing to guess at."""

    digest: str | None  # of its record, keyed; None where the source has nothing to make a key from
    settings: Mapping[str, int]  # how many values each private setting has, by dotted name


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
    recipe: Recipe  # private settings at their defaults
    image: ImageIdentity
    tools: Mapping[str, str]  # versions of the tools that determine bytes, by package
    source_date_epoch: int  # seconds since 1970
    packages: tuple[Package, ...]  # installed in the live system
    changes: tuple[ChangeCount, ...] | None = None  # from the source to the system
    packages_lock: PackagesLock | None = None  # what was added to the system
    live_changes: tuple[ChangeCount, ...] | None = None  # from the system to the live system
    live_stack: tuple[Package, ...] | None = None  # of the builder image, on the medium
    source: TreeName | None = None
    findings: tuple[RuleCount, ...] | None = None  # None: nothing was searched
    private: PrivateIdentity | None = None
    boot_chain: BootChain | None = None

    @property
    def distribution(self) -> Distribution:
        """The distribution that the packages belong to."""
        return Distribution(id=self.system.distro_id, version=self.system.version)


# Never null in the text: the fields that earlier versions did not write yet.
MAY_BE_LEFT_OUT: Final = tuple(each.name for each in fields(Manifest) if each.default is None)


def manifest_text(manifest: Manifest) -> str:
    """Return the text of a manifest."""
    data = to_data(manifest) | {"recipe": public_data(manifest.recipe)}
    for name in MAY_BE_LEFT_OUT:
        if data[name] is None:
            del data[name]
    return json.dumps(data, indent=2, sort_keys=True) + "\n"


def manifest_of(data: Mapping[str, object]) -> Read[Manifest]:
    """Return the manifest in a JSON object, and the fields that this version does not know.

    Raises ValueError, naming the place, for a missing field or a value of the wrong type, and for a
    private setting. `absent` never names those.
    """
    check_no_null(data)
    for place in private_places("recipe"):
        if has_place(data, place):
            message = f"{shown(place)}: is never published"
            raise ValueError(message)
    return without_private(read_data(Manifest, data), "recipe")


def check_no_null(data: Mapping[str, object]) -> None:
    """Raise ValueError for a null where a field must be left out."""
    for name in MAY_BE_LEFT_OUT:
        if name in data and data[name] is None:
            message = f"{name}: must be left out instead of null"
            raise ValueError(message)
