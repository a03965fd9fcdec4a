"""Servers get keys of their own wherever they would start without any.

Packages make them once, when they are installed, and no ISO has the source machine's. The ssh
server's own unit makes keys at a *first* boot, which an installation with a machine-id is not.
"""

from pathlib import Path
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add
from builder.inside.tree.tree import Tree

_UNITS: Final = "/usr/lib/systemd/system"
_WANTED: Final = "/etc/systemd/system/multi-user.target.wants"
_SERVERS: Final = (  # the program that needs keys, and our unit that makes them
    ("/usr/sbin/sshd", "distroclone-builder-ssh-keys.service"),
    ("/usr/sbin/xrdp", "distroclone-builder-xrdp-keys.service"),
    ("/usr/sbin/make-ssl-cert", "distroclone-builder-snakeoil.service"),
)
_FILES: Final = Path(__file__).parent.parent / "files"


def _add_units(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    for program, name in _SERVERS:
        if tree.is_file(program) and tree.is_dir(_UNITS):
            add(tree, f"{_UNITS}/{name}", (_FILES / name).read_bytes())
            tree.symlink(f"{_WANTED}/{name}", f"{_UNITS}/{name}")
    return ()


RULES: Final = (
    Rule(
        name="new-server-keys",
        reason="makes the keys of servers that have none and do not start without: in the live "
        "system, and in one that was installed from it",
        edits=tuple(
            f"{folder}/{name}" for _program, name in _SERVERS for folder in (_UNITS, _WANTED)
        ),
        edit=_add_units,
    ),
)
