"""What stays in the copy although the user may not expect it: reported, not changed."""

import re
import stat
from typing import Final

from builder.inside.debian.dpkg import STATUS
from builder.inside.rules.rule import Warned
from builder.inside.tree.tree import Tree

_LARGEST: Final = 256 << 20  # bytes; a large desktop has about 10 MB
_STATES: Final = re.compile(rb"^Status: \S+ \S+ (?:half-\w+|unpacked)$", re.MULTILINE)
_PRIVATE_KEY: Final = re.compile(rb"^-----BEGIN (?:\w+ ){0,2}PRIVATE KEY-----", re.MULTILINE)
_WITH_KEYS: Final = ("/etc", "/usr/local/etc")
_LARGEST_KEY: Final = 64 << 10  # bytes
_MOST_KEYS: Final = 20
_DATA: Final = ("/var/lib/mysql", "/var/lib/postgresql", "/var/lib/mongodb", "/var/lib/ldap",
                "/srv", "/var/www")  # fmt: skip


def concerns(tree: Tree) -> tuple[Warned, ...]:
    """Return what the user should know about the tree as it is now."""
    return (*_data(tree), *_keys(tree), *_dpkg(tree), *_preload(tree))


def _data(tree: Tree) -> list[Warned]:
    return [
        Warned(
            message="The ISO will contain the data in {path}; use `exclude` to leave it out",
            values=(("path", path),),
        )
        for path in _DATA
        if tree.listdir(path)
    ]


def _keys(tree: Tree) -> list[Warned]:
    found = []
    for directory in _WITH_KEYS:
        for path, status in tree.walk(directory) if tree.is_dir(directory) else ():
            if stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST_KEY:
                text = tree.read_bytes(path, limit=_LARGEST_KEY)
                found += [path] if _PRIVATE_KEY.search(text) else []
    message = "The ISO will contain the private key {path}; use `exclude` to leave it out"
    return [Warned(message=message, values=(("path", path),)) for path in found[:_MOST_KEYS]]


def _dpkg(tree: Tree) -> list[Warned]:
    if not tree.is_file(STATUS):
        return []
    broken = len(_STATES.findall(tree.read_bytes(STATUS, limit=_LARGEST)))
    if not broken and not tree.listdir("/var/lib/dpkg/updates"):
        return []
    message = (
        "The backup was made while packages were being installed; incomplete packages: {count}"
    )
    return [Warned(message=message, values=(("count", str(broken)),))]


def _preload(tree: Tree) -> list[Warned]:
    if not tree.is_file("/etc/ld.so.preload") or not tree.read_bytes("/etc/ld.so.preload").strip():
        return []
    message = "The system loads the libraries in /etc/ld.so.preload into every program"
    return [Warned(message=message)]
