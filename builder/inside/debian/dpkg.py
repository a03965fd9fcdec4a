"""Reads var/lib/dpkg/status of a tree (deb822 stanzas, dpkg-query(1)) as a stream.

Names, versions and architectures must be valid for dpkg itself (lib/dpkg/parsehelp.c); stanzas
with others are skipped. Not python-debian's reader: this one is bounded, and believes nothing.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.formats.package import Package
from builder.inside.tree.tree import Tree

STATUS: Final = "/var/lib/dpkg/status"
MOST_BYTES: Final = 64 << 20  # of a status file; a system with 5000 packages has about 8 MB
_LONGEST_LINE: Final = 64 << 10
_INSTALLED: Final = ["ok", "installed"]
_FIELDS: Final = (b"package", b"status", b"architecture", b"version", b"source", b"installed-size")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,255}")
_ARCHITECTURE: Final = re.compile(r"([a-z0-9][a-z0-9-]{0,63})?")
_VERSION: Final = re.compile(r"([A-Za-z0-9.+~:-]{1,255})?")
_KIBIBYTES: Final = re.compile(r"[0-9]{1,12}")
_SOURCE: Final = re.compile(r"(?P<name>\S+)(?: +\((?P<version>[^()]+)\))?")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class InstalledPackage:
    """One installed package, with the rest of its entry."""

    package: Package
    source: str  # name of the source package that it was built from
    source_version: str
    installed_size: int  # bytes, according to the package; 0 when unknown


def installed(tree: Tree, names: Collection[str]) -> dict[str, Package]:
    """Return those of the packages `names` that are installed in `tree`, by name.

    A file that is missing, or is not a regular file, has no packages.
    """
    try:
        stream = tree.open(STATUS)
    except OSError:
        return {}
    with stream:
        lines = _lines(iter(lambda: stream.readline(_LONGEST_LINE), b""))
        found = (each.package for each in _packages(lines))
        return {package.name: package for package in found if package.name in names}


def read_installed(tree: Tree) -> tuple[InstalledPackage, ...]:
    """Return the installed packages of `tree`, sorted.

    Raises OSError when there is no status file or it is larger than MOST_BYTES.
    """
    return parse_status(tree.read_bytes(STATUS, limit=MOST_BYTES))


def read_packages(tree: Tree) -> tuple[Package, ...]:
    """Like `read_installed`, but only the packages."""
    return tuple(each.package for each in read_installed(tree))


def packaged(below: Tree, above: Path) -> Tree:
    """Return the tree that knows what is installed: the layer `above`, if it says so itself."""
    layer = Tree(above)
    return layer if above.is_dir() and layer.is_file(STATUS) else below


def parse_status(content: bytes) -> tuple[InstalledPackage, ...]:
    """Return the installed packages that a dpkg status file names, sorted."""
    return tuple(sorted(set(_packages(content.split(b"\n")))))


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    read = 0
    for chunk in chunks:
        read += len(chunk)
        if read > MOST_BYTES:
            return
        yield chunk


def _packages(lines: Iterable[bytes]) -> Iterator[InstalledPackage]:
    fields: dict[bytes, str] = {}
    for line in lines:
        if not line.strip():
            yield from _package(fields)
            fields = {}
        elif not line.startswith((b" ", b"\t")):
            key, _colon, value = line.partition(b":")
            if (known := key.lower()) in _FIELDS:
                fields[known] = value.decode("utf-8", errors="replace").strip()
    yield from _package(fields)


def _package(fields: dict[bytes, str]) -> Iterator[InstalledPackage]:
    # The first word is the wanted state ("install", "hold"); the actual state decides.
    if fields.get(b"status", "").split()[1:] != _INSTALLED:
        return
    package = Package(
        name=fields.get(b"package", ""),
        architecture=fields.get(b"architecture", ""),
        version=fields.get(b"version", ""),
    )
    if (
        _NAME.fullmatch(package.name)
        and _ARCHITECTURE.fullmatch(package.architecture)
        and _VERSION.fullmatch(package.version)
    ):
        source, version = _source(fields.get(b"source", ""), package)
        size = fields.get(b"installed-size", "")
        yield InstalledPackage(
            package=package,
            source=source,
            source_version=version,
            installed_size=int(size) * 1024 if _KIBIBYTES.fullmatch(size) else 0,
        )


def _source(text: str, package: Package) -> tuple[str, str]:
    """Read "NAME" or "NAME (VERSION)"; missing parts default to those of the package."""
    match = _SOURCE.fullmatch(text)
    if match is None or not _NAME.fullmatch(match["name"]):
        return package.name, package.version
    version = match["version"] or package.version
    return match["name"], version if _VERSION.fullmatch(version) else package.version
