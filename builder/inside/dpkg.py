"""What var/lib/dpkg/status of a tree says (deb822 stanzas, dpkg-query(1)), read as a stream."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from builder.inside.tree import Tree

STATUS: Final = "/var/lib/dpkg/status"
_MOST_BYTES: Final = 64 << 20  # a system with 5000 packages has about 8 MB
_LONGEST_LINE: Final = 64 << 10
_INSTALLED: Final = ["ok", "installed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One installed package."""

    name: str
    architecture: str


def installed(tree: Tree, names: Collection[str]) -> dict[str, Package]:
    """Return those of the packages `names` that are installed in `tree`, by name.

    A file that is missing, or no regular file, has no packages.
    """
    try:
        stream = tree.open(STATUS)
    except OSError:
        return {}
    with stream:
        lines = _lines(iter(lambda: stream.readline(_LONGEST_LINE), b""))
        return {package.name: package for package in _packages(lines) if package.name in names}


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    read = 0
    for chunk in chunks:
        read += len(chunk)
        if read > _MOST_BYTES:
            return
        yield chunk


def _packages(lines: Iterable[bytes]) -> Iterator[Package]:
    fields: dict[bytes, str] = {}
    for line in lines:
        if not line.strip():
            yield from _package(fields)
            fields = {}
        elif line.startswith((b"Package:", b"Status:", b"Architecture:")):
            key, _colon, value = line.partition(b":")
            fields[key] = value.decode("utf-8", errors="replace").strip()
    yield from _package(fields)


def _package(fields: dict[bytes, str]) -> Iterator[Package]:
    # The first word is what is wanted ("install", "hold"); what is there decides.
    if fields.get(b"Status", "").split()[1:] == _INSTALLED and b"Package" in fields:
        yield Package(name=fields[b"Package"], architecture=fields.get(b"Architecture", ""))
