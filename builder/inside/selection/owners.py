"""Who owns a path: packages, by dpkg's lists; and which folders their programs expect to find.

Formats: deb-substvars aside, all of dpkg(1)'s `info/*.list` (one path a line), `diversions` (three
lines each: path, where it was diverted to, by whom), and ucf(1)'s registry (package, path).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from builder.inside.tree.tree import Tree

_INFO: Final = "/var/lib/dpkg/info"
_DIVERSIONS: Final = "/var/lib/dpkg/diversions"
_UCF: Final = "/var/lib/ucf/registry"
_LARGEST: Final = 64 << 20  # bytes of one list; the largest in Debian, of a theme, has 3 MB
_SCRIPT: Final = 4 << 20  # bytes of a maintainer script, unit or tmpfiles line
_MERGED: Final = (b"/bin/", b"/sbin/", b"/lib/", b"/lib32/", b"/lib64/", b"/libx32/")
_SCRIPTS: Final = ("*.postinst", "*.preinst", "*.prerm", "*.postrm", "*.config")
_SPEAKING: Final = (
    ("/usr/lib/tmpfiles.d", "*.conf"),
    ("/usr/lib/systemd/system", "*.service"),
    ("/etc/logrotate.d", "*"),
)
_MENTIONED: Final = re.compile(rb"/(?:var|srv)(?:/[A-Za-z0-9_+@.-]{1,255}){1,16}")
# systemd.exec(5) has StateDirectory and its kin.
_DIRECTORIES: Final = re.compile(rb"^(State|Cache|Logs)Directory=([^\n]{1,4096})$", re.MULTILINE)
_BELOW: Final = {b"State": b"/var/lib/", b"Cache": b"/var/cache/", b"Logs": b"/var/log/"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """What packages own, and what they expect; paths are bytes, absolute in the tree."""

    owned: frozenset[bytes]  # files and folders in a package's list, or registered with ucf
    expected: frozenset[bytes]  # folders in places of data that a package's programs name


def read_owners(tree: Tree) -> Owners:
    """Read both from the package database of `tree`; what cannot be read owns nothing.

    Raises OSError for a file that is unreadable, though it is there.
    """
    return Owners(owned=frozenset(_owned(tree)), expected=frozenset(_expected(tree)))


def _owned(tree: Tree) -> Iterator[bytes]:
    for path in tree.glob(_INFO, "*.list"):
        for line in _read(tree, path, limit=_LARGEST).split(b"\n"):
            yield line
            if line.startswith(_MERGED):
                yield b"/usr" + line
    diversions = _read(tree, _DIVERSIONS, limit=_LARGEST).split(b"\n")
    yield from (line for line in diversions if line.startswith(b"/"))
    for line in _read(tree, _UCF, limit=_LARGEST).split(b"\n"):
        _package, _space, settings = line.partition(b" ")
        if settings.startswith(b"/"):
            yield settings.strip()


def _expected(tree: Tree) -> Iterator[bytes]:
    for text in _speaking(tree):
        for mentioned in _MENTIONED.findall(text):
            path = mentioned.rstrip(b".-")
            if path.rpartition(b"/")[2] not in (b".", b".."):
                yield from _with_parents(path)
        for kind, names in _DIRECTORIES.findall(text):
            for name in names.split():
                if b".." not in name and not name.startswith(b"/"):
                    yield from _with_parents(_BELOW[kind] + name.partition(b":")[0])


def _with_parents(path: bytes) -> Iterator[bytes]:
    while path.count(b"/") > 1:
        yield path
        path = path.rpartition(b"/")[0]


def _speaking(tree: Tree) -> Iterator[bytes]:
    """Yield the texts in which packages name folders."""
    places = [(_INFO, pattern) for pattern in _SCRIPTS]
    for directory, pattern in (*places, *_SPEAKING):
        for path in tree.glob(directory, pattern):
            yield _read(tree, path, limit=_SCRIPT)


def _read(tree: Tree, path: str, *, limit: int) -> bytes:
    """Return a file; nothing for what is missing, not a file or absurdly large."""
    if not tree.is_file(path) or tree.resolve(path).stat().st_size > limit:
        return b""
    return tree.read_bytes(path, limit=limit)
