"""Runs inside the boot test's container: starts a machine with a CD and a disk, and tells in JSON.

The two files are named in the arguments, and lie in /results. What the machine writes goes to the
disk. When its live system reports itself, the machine is killed at once, as by a power cut.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from builder.border.boot_test import Accelerator, Attachment, BootTestRequest, Firmware
from builder.inside.boot_test.machine import qemu_argv, watch
from builder.inside.boot_test.serial_console import BOOT_SIGNS

RESULTS = Path("/results")


def main(cd: str, disk: str) -> None:
    """Boot, watch, print."""
    request = BootTestRequest(
        firmware=Firmware.BIOS,
        attach=Attachment.CD,
        timeout_seconds=900,
        memory_mib=1536,
        processors=os.cpu_count() or 1,
    )
    argv = (
        *qemu_argv(request, iso=RESULTS / cd, accelerator=Accelerator.TCG, variables=None),
        "-blockdev", f"driver=file,node-name=disk,filename={RESULTS / disk}",
        "-device", "virtio-blk-pci,drive=disk",
    )  # fmt: skip
    lines: list[str] = []
    ending = watch(
        argv, signs=BOOT_SIGNS, limit_seconds=request.timeout_seconds, on_line=lines.append
    )
    json.dump({**asdict(ending), "lines": lines}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
