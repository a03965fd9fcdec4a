"""The versions of the Debian packages in this container (dpkg-query(1))."""

from collections.abc import Iterable
from typing import Final

from builder.inside.system.system import System

_QUERY: Final = r"${db:Status-Abbrev}\t${binary:Package}\t${Version}\n"


def tool_versions(system: System, patterns: Iterable[str]) -> dict[str, str]:
    """Return the versions of this container's packages whose names match one of `patterns`."""
    # dpkg-query exits with 1 when one pattern matches nothing, but still lists the others.
    listing = system.run(
        ["dpkg-query", "--show", f"--showformat={_QUERY}", *patterns], success=(0, 1)
    )
    return parse_versions(listing)


def parse_versions(listing: str) -> dict[str, str]:
    """Return the versions of the installed packages in a listing of `tool_versions`, by name."""
    rows = [line.split("\t") for line in listing.splitlines() if line.startswith("ii")]
    return {row[1].partition(":")[0]: row[2] for row in rows if len(row) == 3}
