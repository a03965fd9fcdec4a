"""The report that the live system sends to `distroclone-builder boot-test`, and nowhere else."""

import shlex
from pathlib import Path
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add
from builder.inside.tree.tree import Tree

SCRIPT: Final = "/usr/lib/distroclone-builder/boot-report"
LISTENING: Final = "/usr/lib/distroclone-builder/listening"
EXPECTED: Final = "/usr/lib/distroclone-builder/live/expected"
_UNIT_NAME: Final = "distroclone-builder-boot-report.service"
UNIT: Final = f"/usr/lib/systemd/system/{_UNIT_NAME}"
ENABLED: Final = f"/etc/systemd/system/multi-user.target.wants/{_UNIT_NAME}"

_FILES: Final = Path(__file__).parent.parent / "files"


def _add_report(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    if not tree.is_dir("/usr/lib/systemd/system"):
        message = "The system does not use systemd: `boot-test` cannot tell whether it has started"
        return (Warned(message=message),)
    for path in (SCRIPT, LISTENING):
        add(tree, path, (_FILES / Path(path).name).read_bytes(), mode=0o755)
    expected = f"user={shlex.quote(live.user)}\nhostname={shlex.quote(live.hostname)}\n"
    add(tree, EXPECTED, expected.encode())
    add(tree, UNIT, (_FILES / _UNIT_NAME).read_bytes())
    tree.symlink(ENABLED, UNIT)
    return ()


RULES: Final = (
    Rule(
        name="boot-report",
        reason="writes one line to the serial port of a machine named "
        "distroclone-builder-boot-test; does nothing anywhere else",
        edits=(SCRIPT, LISTENING, EXPECTED, UNIT, ENABLED),
        edit=_add_report,
    ),
)
