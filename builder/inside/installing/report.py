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
CONSOLE: Final = "/etc/default/grub.d/distroclone-builder-install-report.cfg"
_UNIT: Final = "distroclone-builder-install-report.service"
UNIT: Final = f"/etc/systemd/system/{_UNIT}"
ENABLED: Final = f"/etc/systemd/system/multi-user.target.wants/{_UNIT}"
_FILES: Final = Path(__file__).parent.parent / "files"


def add_console(tree: Tree) -> None:
    """Have the kernel use the first serial port, where the test can type a passphrase.

    GRUB's menu has to be made afterwards.
    """
    add(tree, CONSOLE, b'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX console=tty0 console=ttyS0"\n')


def add_report(tree: Tree, answers: Answers, volumes: Volumes) -> None:
    """Have the system say at its starts what it is, compared with what it should be."""
    expected = {
        "user": answers.user.name,
        "hostname": answers.hostname,
        "root_uuid": volumes.root.uuid,
        "esp_uuid": volumes.esp.uuid,
        "file_system": volumes.layout.file_system.value,
        "locked_uuid": "" if volumes.locked is None else volumes.locked.uuid,
        "swap_file": volumes.layout.swap_file or "",
    }
    lines = "".join(f"{name}={shlex.quote(value)}\n" for name, value in expected.items())
    add(tree, EXPECTED, lines.encode())
    add(tree, SCRIPT, (_FILES / "install-report").read_bytes(), mode=0o755)
    add(tree, UNIT, (_FILES / _UNIT).read_bytes())
    tree.symlink(ENABLED, UNIT)
