"""The ssh server gets host keys wherever it would start without any.

live-config makes those that sshd_config names, in the live system; Debian's own unit makes them at
a *first* boot, which an installation with a machine-id is not.
"""

from pathlib import Path
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add
from builder.inside.tree.tree import Tree

_UNIT_NAME: Final = "distroclone-builder-ssh-keys.service"
UNIT: Final = f"/usr/lib/systemd/system/{_UNIT_NAME}"
ENABLED: Final = f"/etc/systemd/system/multi-user.target.wants/{_UNIT_NAME}"

_FILES: Final = Path(__file__).parent.parent / "files"


def _add_unit(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    if tree.is_file("/usr/sbin/sshd") and tree.is_dir("/usr/lib/systemd/system"):
        add(tree, UNIT, (_FILES / _UNIT_NAME).read_bytes())
        tree.symlink(ENABLED, UNIT)
    return ()


RULES: Final = (
    Rule(
        name="new-ssh-host-keys",
        reason="makes the ssh server's keys where there are none: in the live system, and in one "
        "that was installed from it",
        edits=(UNIT, ENABLED),
        edit=_add_unit,
    ),
)
