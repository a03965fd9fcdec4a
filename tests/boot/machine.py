"""Runs inside the boot test's container: starts a machine with disks of its own, and tells in JSON.

The files are named in the arguments, and lie in /results: a CD and a disk, or a firmware and the
file of a USB stick. What the machine writes goes to disk and stick. When its live system reports
itself, the machine is killed at once, as by a power cut.
"""

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from builder.border.boot_test import Accelerator, Attachment, BootTestRequest, Firmware
from builder.inside.boot_test.accelerator import uefi_variables
from builder.inside.boot_test.machine import bare_argv, qemu_argv, watch
from builder.inside.boot_test.serial_console import BOOT_SIGNS

RESULTS = Path("/results")
_LIMIT = 900  # seconds


def main(first: str, second: str) -> None:
    """Boot, watch, print."""
    if first in set(Firmware):
        _boot_stick(Firmware(first), RESULTS / second)
    else:
        _boot_cd(RESULTS / first, RESULTS / second)


def _boot_cd(cd: Path, disk: Path) -> None:
    argv = (
        *qemu_argv(_request(Firmware.BIOS), iso=cd, accelerator=Accelerator.TCG, variables=None),
        "-blockdev", f"driver=file,node-name=disk,filename={disk}",
        "-device", "virtio-blk-pci,drive=disk",
    )  # fmt: skip
    _tell(argv)


def _boot_stick(firmware: Firmware, stick: Path) -> None:
    with ExitStack() as undo:
        is_uefi = firmware is Firmware.UEFI
        request = _request(firmware)
        machine = bare_argv(
            accelerator=Accelerator.TCG,
            memory_mib=request.memory_mib,
            processors=request.processors,
            variables=undo.enter_context(uefi_variables()) if is_uefi else None,
        )
        argv = (
            *machine, "-device", "VGA",
            "-blockdev", f"driver=file,node-name=stick,filename={stick}",
            "-device", "qemu-xhci", "-device", "usb-storage,drive=stick,bootindex=0",
        )  # fmt: skip
        _tell(argv)


def _request(firmware: Firmware) -> BootTestRequest:
    return BootTestRequest(
        firmware=firmware,
        attach=Attachment.CD,
        timeout_seconds=_LIMIT,
        memory_mib=1536,
        processors=os.cpu_count() or 1,
    )


def _tell(argv: tuple[str, ...]) -> None:
    lines: list[str] = []
    ending = watch(argv, signs=BOOT_SIGNS, limit_seconds=_LIMIT, on_line=lines.append)
    json.dump({**asdict(ending), "lines": lines}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
