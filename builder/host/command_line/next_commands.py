"""What somebody can do with results, as commands to copy: each path is one word of a shell."""

import shlex
from pathlib import Path

from builder.border.handover import SUMS


def check_command(folder: Path) -> str:
    """Return what compares the files in an output folder with their checksums."""
    return f"cd {shlex.quote(str(folder))} && sha256sum -c {SUMS}"


def boot_command(iso: Path) -> str:
    """Return what starts an ISO in a virtual machine."""
    return shlex.join(["distroclone-builder", "boot-test", str(iso)])
