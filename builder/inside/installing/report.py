"""The report of an installed system to `install-test`: only test machines get it.

It is no part of the system, so on any other machine an installation leaves nothing of this.
"""

import shlex
from pathlib import Path
from typing import Final

from builder.formats.answers import Answers
from builder.inside.installing.volumes import Volumes
from builder.inside.rules.rule import add
from builder.inside.tree.tree import Tree

SCRIPT: Final = "/usr/local/sbin/distroclone-builder-install-report"
EXPECTED: Final = "/etc/distroclone-builder-install-report"
_UNIT: Final = "distroclone-builder-install-report.service"
UNIT: Final = f"/etc/systemd/system/{_UNIT}"
ENABLED: Final = f"/etc/systemd/system/multi-user.target.wants/{_UNIT}"
_FILES: Final = Path(__file__).parent.parent / "files"


def add_report(tree: Tree, answers: Answers, volumes: Volumes) -> None:
    """Have the system say at its starts what it is, compared with what it should be."""
    expected = {
        "user": answers.user.name,
        "hostname": answers.hostname,
        "root_uuid": volumes.root_uuid,
        "esp_uuid": volumes.esp_uuid,
        "file_system": volumes.file_system.value,
    }
    lines = "".join(f"{name}={shlex.quote(value)}\n" for name, value in expected.items())
    add(tree, EXPECTED, lines.encode())
    add(tree, SCRIPT, (_FILES / "install-report").read_bytes(), mode=0o755)
    add(tree, UNIT, (_FILES / _UNIT).read_bytes())
    tree.symlink(ENABLED, UNIT)
