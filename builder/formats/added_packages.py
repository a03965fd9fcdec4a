"""The lock of packages that a build adds: each file by its sha256, and the order of installing.

`packages.lock` is this value as JSON. With the same lock, the same tree and the same image, the ISO
is the same. docs/packages.md explains every field.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from builder.basics.codec import from_data, to_data

LOCK_FORMAT: Final = 1
IN_MANIFEST: Final = "packages_lock"  # the field
MOST_BYTES: Final = 16 << 20  # of a lock; one of 1000 packages has 300 kB
_MOST_PACKAGES: Final = 5000
# Debian policy 5.6.1 and 5.6.12; an archive's own words are believed in nothing else.
NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]{1,127}")
_VERSION: Final = re.compile(r"([0-9]{1,9}:)?[0-9][A-Za-z0-9.+~-]{0,254}")
_ARCHITECTURE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_URL: Final = re.compile(r"https?://[!-~]{1,1000}")


class Action(StrEnum):
    """What dpkg does with the packages of a phase."""

    UNPACK = "unpack"
    CONFIGURE = "configure"


class AddedTo(StrEnum):
    """Where packages go."""

    SYSTEM = "system"
    LIVE = "live"  # the layer above it, so that an installed system does not have them


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedPackage:
    """A package that is added, and its file."""

    name: str
    version: str
    architecture: str
    sha256: str
    size: int  # bytes of the file
    url: str
    replaces: str = ""  # the version that the system has; "" where it has none

    @property
    def key(self) -> str:
        """The name of the file in a store."""
        return f"{self.sha256}.deb"

    def __str__(self) -> str:
        return f"{self.name}:{self.architecture}={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A run of dpkg for some of the packages: their places in the lock's list."""

    action: Action
    packages: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagesLock:
    """The packages that are added to a system, for `wishes`."""

    format: int
    wishes: tuple[str, ...]  # sorted
    packages: tuple[AddedPackage, ...]
    phases: tuple[Phase, ...]
    layer: AddedTo = AddedTo.SYSTEM

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(each.size for each in self.packages)


def lock_text(lock: PackagesLock) -> str:
    """Return the text of `packages.lock`."""
    return json.dumps(to_data(lock), indent=1, ensure_ascii=True) + "\n"


def lock_of(text: str) -> PackagesLock:
    """Return the lock in a text, or that of the manifest in it.

    Raises ValueError, naming what is wrong, for anything else.
    """
    data = json.loads(text)
    if isinstance(data, dict) and IN_MANIFEST in data:
        data = data[IN_MANIFEST]
    lock = from_data(PackagesLock, data)
    check_lock(lock)
    return lock


def check_lock(lock: PackagesLock) -> None:
    """Raise ValueError for a lock that no build of ours writes."""
    if lock.format != LOCK_FORMAT:
        message = f"format: this version reads {LOCK_FORMAT}, not {lock.format}"
        raise ValueError(message)
    if len(lock.packages) > _MOST_PACKAGES:
        message = f"packages: there may be {_MOST_PACKAGES}"
        raise ValueError(message)
    for wish in lock.wishes:
        _check(NAME, wish, "wishes")
    if list(lock.wishes) != sorted(set(lock.wishes)):
        message = "wishes: they must be sorted"
        raise ValueError(message)
    for package in lock.packages:
        _check_package(package)
    for action in Action:
        named = [at for each in lock.phases if each.action is action for at in each.packages]
        if sorted(named) != list(range(len(lock.packages))):
            message = f"phases: each package must be there once to {action}"
            raise ValueError(message)


def _check_package(package: AddedPackage) -> None:
    _check(NAME, package.name, "name")
    _check(_VERSION, package.version, "version")
    _check(_ARCHITECTURE, package.architecture, "architecture")
    _check(_SHA256, package.sha256, "sha256")
    _check(_URL, package.url, "url")
    if package.replaces:
        _check(_VERSION, package.replaces, "replaces")
    parts = urlsplit(package.url)
    if parts.username is not None or parts.password is not None:
        message = f"url: that of {package.name} has a password"
        raise ValueError(message)
    if not 0 < package.size < 8 << 30:
        message = f"size: that of {package.name} cannot be"
        raise ValueError(message)


def _check(pattern: re.Pattern[str], text: str, field: str) -> None:
    if pattern.fullmatch(text) is None:
        message = f"{field}: {text[:80]!r} cannot be"
        raise ValueError(message)
