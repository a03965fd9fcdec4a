"""What stays in the copy although the user may not expect it: reported, not changed."""

import re
from typing import Final

from builder.inside.debian.dpkg import STATUS
from builder.inside.rules.rule import Warned
from builder.inside.tree.tree import Tree

_LARGEST: Final = 256 << 20  # bytes; a large desktop has about 10 MB
_STATES: Final = re.compile(rb"^Status: \S+ \S+ (?:half-\w+|unpacked)$", re.MULTILINE)


def concerns(tree: Tree) -> tuple[Warned, ...]:
    """Return what the user should know about the tree as it is now."""
    return (*_dpkg(tree), *_preload(tree))


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
