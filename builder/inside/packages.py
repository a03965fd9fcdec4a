"""Which Debian packages are installed: in a tree, and in this container.

The format of the status file is that of deb822(5) and dpkg-query(1).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from builder.inside.system import System
from builder.inside.tree import Tree
from builder.inventory import InstalledPackage

STATUS: Final = "/var/lib/dpkg/status"
LARGEST_STATUS: Final = 64 << 20  # bytes; a full desktop has about 4 MiB
_QUERY: Final = r"${db:Status-Abbrev}\t${binary:Package}\t${Version}\n"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Package:
    """One installed package."""

    name: str
    architecture: str
    version: str


def read_packages(tree: Tree) -> tuple[Package, ...]:
    """Return the installed packages of `tree`, sorted. Raises OSError without a status file."""
    return parse_status(tree.read_text(STATUS, limit=LARGEST_STATUS))


def parse_status(text: str) -> tuple[Package, ...]:
    """Return the installed packages that a dpkg status file names, sorted."""
    return tuple(
        sorted(
            Package(
                name=fields["package"],
                architecture=fields.get("architecture", ""),
                version=fields.get("version", ""),
            )
            for fields in _stanzas(text.split("\n"))
            if _is_installed(fields)
        )
    )


def parse_installed(text: str) -> tuple[InstalledPackage, ...]:
    """Like `parse_status`, with the sizes that the packages give themselves (in KiB there)."""
    return tuple(
        InstalledPackage(
            name=fields["package"],
            architecture=fields.get("architecture", ""),
            version=fields.get("version", ""),
            installed_size=_kibibytes(fields.get("installed-size", "")),
        )
        for fields in _stanzas(text.split("\n"))
        if _is_installed(fields)
    )


def tool_versions(system: System, patterns: Iterable[str]) -> dict[str, str]:
    """Return the versions of this container's packages whose names match one of `patterns`."""
    # dpkg-query exits with 1 when one pattern matches nothing, and lists the others all the same.
    listing = system.run(
        ["dpkg-query", "--show", f"--showformat={_QUERY}", *patterns], success=(0, 1)
    )
    return parse_versions(listing)


def parse_versions(listing: str) -> dict[str, str]:
    """Return the versions of the installed packages in a listing of `tool_versions`, by name."""
    rows = [line.split("\t") for line in listing.splitlines() if line.startswith("ii")]
    return {row[1].partition(":")[0]: row[2] for row in rows if len(row) == 3}


def _is_installed(fields: Mapping[str, str]) -> bool:
    return bool(fields.get("package")) and fields.get("status", "").endswith(" installed")


def _kibibytes(text: str) -> int:
    return int(text) * 1024 if re.fullmatch(r"[0-9]{1,12}", text) else 0


def _stanzas(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    for line in lines:
        if not line.strip():
            if fields:
                yield fields
            fields = {}
        elif not line.startswith((" ", "\t")):
            name, _colon, value = line.partition(":")
            fields[name.lower()] = value.strip()
    if fields:
        yield fields
