"""The contents of an SBOM, independent of its format."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from builder import __version__
from builder.basics.codec import to_data
from builder.formats.package import Distribution, Package, package_url
from builder.inside.debian.dpkg import InstalledPackage, packaged, read_installed
from builder.inside.sbom.copyright_file import declared_license
from builder.inside.tree.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One installed package."""

    package: Package
    url: str  # package URL
    source: str  # "name version" of the source package; "" if they are the package's own
    license: str  # SPDX expression; "" when unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSystem:
    """The subject of an SBOM."""

    name: str  # the ISO's, without ".iso"
    version: str  # the distribution's
    description: str  # e.g. "Debian GNU/Linux 13 (trixie)"
    medium_id: str
    tree_digest: str  # of the source tree; "" when unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The whole contents. The same inventory gives the same documents, byte for byte."""

    system: LiveSystem
    source_date_epoch: int
    components: tuple[Component, ...]  # sorted by package

    @property
    def created(self) -> datetime:
        """The date of the documents: that of the snapshot."""
        return datetime.fromtimestamp(self.source_date_epoch, UTC)

    @property
    def identity(self) -> uuid.UUID:
        """An id that is unique to these contents."""
        content = json.dumps([__version__, to_data(self)], sort_keys=True, ensure_ascii=True)
        digest = hashlib.sha256(content.encode()).digest()
        return uuid.UUID(bytes=digest[:16], version=5)


def read_components(tree: Tree, layer: Path, distribution: Distribution) -> tuple[Component, ...]:
    """Return the installed packages of `tree` with a `layer` above it, sorted.

    Raises OSError without a status file.
    """
    knowing = packaged(tree, layer)
    trees = (tree,) if knowing is tree else (knowing, tree)
    return tuple(_component(trees, each, distribution) for each in read_installed(knowing))


def component_of(root: Path, package: Package, distribution: Distribution) -> Component:
    """Return a package that is unpacked at `root`, with the licence that it declares there."""
    return Component(
        package=package,
        url=package_url(package, distribution),
        source="",
        license=declared_license(Tree(root), package.name),
    )


def _component(
    trees: Sequence[Tree], found: InstalledPackage, distribution: Distribution
) -> Component:
    package = found.package
    own = (found.source, found.source_version) == (package.name, package.version)
    return Component(
        package=package,
        url=package_url(package, distribution),
        source="" if own else f"{found.source} {found.source_version}",
        license=next(filter(None, (declared_license(each, package.name) for each in trees)), ""),
    )
