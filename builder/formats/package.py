"""An installed Debian package, and its package URL for other programs."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Package:
    """One installed package."""

    name: str
    architecture: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The distribution of a package: ID and VERSION_ID of os-release(5)."""

    id: str  # e.g. "debian"
    version: str  # e.g. "13"; "unknown" where there is none

    @property
    def name(self) -> str:
        """Both joined, e.g. "debian-13"."""
        return self.id if self.version == "unknown" else f"{self.id}-{self.version}"


def package_url(package: Package, distribution: Distribution) -> str:
    """Return the package URL (purl-spec, type "deb") of a package in a distribution."""
    version = f"@{quote(package.version, safe=':')}" if package.version else ""
    qualifiers = {"arch": package.architecture, "distro": distribution.name}
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in qualifiers.items() if value)
    path = f"{quote(distribution.id, safe='')}/{quote(package.name, safe='')}"
    return f"pkg:deb/{path}{version}?{query}"
