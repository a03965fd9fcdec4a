"""Collects what apt has to know of a system: its packages, its archives, their keys.

The system's own settings for apt (apt.conf(5)) are not among it: they are code, and name programs.
"""

import base64
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from builder.basics.errors import SourceError
from builder.border.added_packages import AptData, AptFile, AptSource
from builder.inside.added.sources import Row, Useless, deb822_sources, one_line_sources
from builder.inside.debian.dpkg import MOST_BYTES, STATUS
from builder.inside.tree.tree import Tree

_APT: Final = "/etc/apt"
_KEY_NAMES: Final = ("*.gpg", "*.asc")
_MOST: Final = 200  # files of one kind
_ARCHITECTURE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
# Of dpkg's states (deb-dpkg(1), lib/dpkg/parse.c), those of a package that is wholly there or gone.
_SOUND: Final = ("installed", "config-files", "not-installed")
_MOST_NAMED: Final = 10
_NO_DPKG: Final = (
    "Leave out --install, --remove and `packages`: they need a system of the Debian family whose "
    "/var/lib/dpkg is whole."
)


def system_data(tree: Tree) -> AptData:
    """Return it. Raises SourceError for a system that packages cannot be added to."""
    try:
        status = tree.read_bytes(STATUS, limit=MOST_BYTES)
    except OSError as error:
        raise SourceError(
            "The system has no list of its packages: {path}", hint=_NO_DPKG, path=STATUS
        ) from error
    _check_sound(status)
    keys = _Keys(tree)
    rows = list(_sources(tree))
    architecture, *foreign = _architectures(tree, status)
    return AptData(
        architecture=architecture,
        foreign=tuple(foreign),
        status=base64.b64encode(zlib.compress(status)).decode("ascii"),
        extended_states=_encoded(_optional(tree, "/var/lib/apt/extended_states")),
        sources=tuple(keys.told(each) for each in rows if isinstance(each, Row)),
        left_out=tuple(each.text for each in rows if isinstance(each, Useless)),
        keys=tuple(keys.files),
        trusted=tuple(_trusted(tree)),
        preferences=tuple(_preferences(tree)),
    )


def _check_sound(status: bytes) -> None:
    broken = list(_broken(status))
    if broken:
        names = ", ".join(broken[:_MOST_NAMED])
        raise SourceError(
            "Packages of the system are not wholly installed, so none can be added: {names}",
            hint="In the system itself, run `dpkg --configure -a` and `apt-get install -f`, and "
            "back it up again.",
            names=names if len(broken) <= _MOST_NAMED else f"{names} …",
        )


def _broken(status: bytes) -> Iterator[str]:
    name = b""
    for line in status.split(b"\n"):
        if line.startswith(b"Package:"):
            name = line.partition(b":")[2].strip()
        elif line.startswith(b"Status:"):
            _want, *states = line.partition(b":")[2].split()
            error, state = [*states, b"", b""][:2]
            if error != b"ok" or state.decode("ascii", "replace") not in _SOUND:
                yield name.decode("utf-8", "replace")


def _architectures(tree: Tree, status: bytes) -> list[str]:
    """Return the system's own architecture, and then the foreign ones: dpkg(1)."""
    listed = _optional(tree, "/var/lib/dpkg/arch").decode("ascii", "replace").split()
    found = [word for word in listed if _ARCHITECTURE.fullmatch(word)]
    if found:
        return found
    stanzas = re.split(rb"\n\s*\n", status)
    own = next(
        (each for each in stanzas if re.search(rb"^Package: dpkg$", each, re.MULTILINE)), b""
    )
    match = re.search(rb"^Architecture: ([a-z0-9-]+)$", own, re.MULTILINE)
    if match is None:
        raise SourceError(
            "The system does not say which architecture its dpkg is of", hint=_NO_DPKG
        )
    return [match[1].decode("ascii")]


def _sources(tree: Tree) -> Iterator[Row | Useless]:
    yield from one_line_sources(_text(tree, f"{_APT}/sources.list"))
    for name in _names(tree, f"{_APT}/sources.list.d", "*.list"):
        yield from one_line_sources(_text(tree, name))
    for name in _names(tree, f"{_APT}/sources.list.d", "*.sources"):
        yield from deb822_sources(_text(tree, name))


@dataclass(slots=True)
class _Keys:
    """The keys that sources name, each under a name of ours."""

    tree: Tree
    files: list[AptFile] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)

    def told(self, row: Row) -> AptSource:
        """Return a source with the names of its keys."""
        wanted = [(path, _optional(self.tree, path)) for path in row.source.signed_by]
        if row.key:
            wanted.append((row.key, row.key.encode()))
        names = tuple(self._name(which, content) for which, content in wanted if content)
        return replace(row.source, signed_by=names or _none_of(row))

    def _name(self, which: str, content: bytes) -> str:
        if which not in self._names:
            armoured = content.lstrip().startswith(b"-----BEGIN")
            name = f"{len(self.files)}.{'asc' if armoured else 'gpg'}"
            self._names[which] = name
            self.files.append(AptFile(name=name, content=_encoded(content)))
        return self._names[which]


def _none_of(row: Row) -> tuple[str, ...]:
    """A source whose own key is gone must not be taken with the keys of every archive."""
    return ("missing.gpg",) if row.source.signed_by or row.key else ()


def _trusted(tree: Tree) -> Iterator[AptFile]:
    paths = [f"{_APT}/trusted.gpg"]
    for pattern in _KEY_NAMES:
        paths += _names(tree, f"{_APT}/trusted.gpg.d", pattern)
    for path in paths:
        if content := _optional(tree, path):
            yield AptFile(name=path.rpartition("/")[2], content=_encoded(content))


def _preferences(tree: Tree) -> Iterator[AptFile]:
    paths = [f"{_APT}/preferences", *_names(tree, f"{_APT}/preferences.d", "*")]
    for number, path in enumerate(paths):
        if content := _optional(tree, path):
            yield AptFile(name=f"{number:03}.pref", content=_encoded(content))


def _names(tree: Tree, folder: str, pattern: str) -> list[str]:
    try:
        return sorted(tree.glob(folder, pattern))[:_MOST]
    except OSError:
        return []


def _text(tree: Tree, path: str) -> str:
    return _optional(tree, path).decode("utf-8", "replace")


def _optional(tree: Tree, path: str) -> bytes:
    """Return a file of at most a mebibyte; nothing where there is none that can be read."""
    try:
        return tree.read_bytes(path)
    except OSError:
        return b""


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
