"""The lock of packages that a build adds and removes: files by their sha256, and the order.

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
_IN_ANY_MANIFEST: Final = "artefacts"
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
    REMOVE = "remove"


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
class RemovedPackage:
    """A package of the system that is removed; its settings stay, as with `apt-get remove`."""

    name: str
    version: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.name}:{self.architecture}={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A run of dpkg for some of the packages: their places in the lock's list.

    Those of `remove` are places in the list of what is removed.
    """

    action: Action
    packages: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagesLock:
    """The packages that are added to a system for `wishes`, and those that go for `removes`."""

    format: int
    wishes: tuple[str, ...]  # sorted
    packages: tuple[AddedPackage, ...]
    phases: tuple[Phase, ...]
    layer: AddedTo = AddedTo.SYSTEM
    removes: tuple[str, ...] = ()  # sorted: what may go
    removed: tuple[RemovedPackage, ...] = ()  # what of it is there

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
    elif isinstance(data, dict) and _IN_ANY_MANIFEST in data:
        message = "it is the manifest of a build that added and removed none"
        raise ValueError(message)
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
    for field, names in (("wishes", lock.wishes), ("removes", lock.removes)):
        for name in names:
            _check(NAME, name, field)
        if list(names) != sorted(set(names)):
            message = f"{field}: they must be sorted"
            raise ValueError(message)
    for package in lock.packages:
        _check_package(package)
    _check_removed(lock)
    for action in Action:
        count = len(lock.removed if action is Action.REMOVE else lock.packages)
        named = [at for each in lock.phases if each.action is action for at in each.packages]
        if sorted(named) != list(range(count)):
            message = f"phases: each package must be there once to {action}"
            raise ValueError(message)


def _check_removed(lock: PackagesLock) -> None:
    for package in lock.removed:
        _check_name(package)
        if package.name not in lock.removes:
            message = f"removed: {package.name} is not among those that may go"
            raise ValueError(message)


def _check_name(package: AddedPackage | RemovedPackage) -> None:
    _check(NAME, package.name, "name")
    _check(_VERSION, package.version, "version")
    _check(_ARCHITECTURE, package.architecture, "architecture")


def _check_package(package: AddedPackage) -> None:
    _check_name(package)
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
