"""Which versions of Debian's packages this container has (dpkg-query(1))."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from builder.inside.system import System
from builder.inventory import InstalledPackage

_QUERY: Final = r"${db:Status-Abbrev}\t${binary:Package}\t${Version}\n"


def parse_installed(text: str) -> tuple[InstalledPackage, ...]:
    """Return the installed packages that a dpkg status file names, and their own sizes in it."""
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
