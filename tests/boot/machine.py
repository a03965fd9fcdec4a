"""Runs inside the boot test's container: starts a machine with some drives, and tells in JSON.

Its argument is JSON, as `asked` makes it: the drives lie in /results. What the machine writes goes
to its disks. When its live system reports itself, the machine is killed at once, as by a power cut.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from builder.border.boot_test import Accelerator, Attachment, BootTestRequest, Firmware
from builder.inside.boot_test.accelerator import uefi_variables
from builder.inside.boot_test.machine import qemu_argv, watch
from builder.inside.boot_test.serial_console import BOOT_SIGNS

RESULTS = Path("/results")
MEMORY = 1536  # MiB
_WRITTEN = ("disk", "stick")
_READ_ONLY = ",read-only=on"
PACKAGES = {Firmware.BIOS: "seabios", Firmware.UEFI: "ovmf", Firmware.UEFI32: "ovmf-ia32"}


def asked(
    drives: Sequence[tuple[str, str]],
    *,
    firmware: Firmware = Firmware.BIOS,
    secure_boot: bool = False,
    screen: bool = True,
    processors: int = 0,
    seconds: int = 900,
) -> str:
    """Return the argument for a machine that starts the first of `drives`: (name, place).

    A place is "cd", "usb", or what the machine may write to: "disk", or "stick", which is also on
    USB. `processors` are as many as there are unless a number is given; `seconds` is how long it
    may take.
    """
    return json.dumps(
        {
            "drives": drives,
            "firmware": firmware,
            "secure_boot": secure_boot,
            "screen": screen,
            "processors": processors or os.cpu_count() or 1,
            "seconds": seconds,
        }
    )


def machine_argv(
    told: dict[str, Any], *, variables: Path | None, monitor: Path | None = None
) -> tuple[str, ...]:
    """Return the command of the machine that the argument describes."""
    (name, place), *others = told["drives"]
    request = BootTestRequest(
        firmware=Firmware(told["firmware"]),
        attach=Attachment.CD if place == "cd" else Attachment.DISK,
        timeout_seconds=told["seconds"],
        memory_mib=MEMORY,
        processors=told["processors"],
        secure_boot=told["secure_boot"],
    )
    argv = qemu_argv(
        request,
        iso=RESULTS / name,
        accelerator=Accelerator.TCG,
        variables=variables,
        monitor=monitor,
        screen=told["screen"],
    )
    return (
        *(word.replace(_READ_ONLY, "") if place in _WRITTEN else word for word in argv),
        *(
            word
            for number, (other, where) in enumerate(others, 1)
            for word in _drive(number, RESULTS / other, where)
        ),
    )


def _drive(number: int, file: Path, place: str) -> tuple[str, ...]:
    name = f"drive{number}"
    back_end = f"driver=file,node-name={name},filename={file}"
    device: tuple[str, ...]
    match place:
        case "cd":
            device = ("-device", f"ide-cd,bus=ide.{number},drive={name}")
        case "usb" | "stick":
            device = (
                "-device", f"qemu-xhci,id=usb{number}",
                "-device", f"usb-storage,bus=usb{number}.0,drive={name}",
            )  # fmt: skip
        case _:
            device = ("-device", f"virtio-blk-pci,drive={name}")
    read_only = "" if place in _WRITTEN else _READ_ONLY
    return ("-blockdev", back_end + read_only, *device)


@contextlib.contextmanager
def variables_for(told: dict[str, Any]) -> Iterator[Path | None]:
    """Provide the variable store of the machine's firmware, if that has one."""
    firmware = Firmware(told["firmware"])
    if firmware is Firmware.BIOS:
        yield None
        return
    with uefi_variables(firmware, secure_boot=told["secure_boot"]) as variables:
        yield variables


def version_of(package: str) -> str:
    """Return the version of a package in this image."""
    argv = ["dpkg-query", "--show", "--showformat=${Version}", package]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def main(argument: str) -> None:
    """Boot, watch, print."""
    told = json.loads(argument)
    lines: list[str] = []
    with variables_for(told) as variables:
        ending = watch(
            machine_argv(told, variables=variables),
            signs=BOOT_SIGNS,
            limit_seconds=told["seconds"],
            on_line=lines.append,
        )
    package = PACKAGES[Firmware(told["firmware"])]
    about = {
        "lines": lines,
        "accelerator": Accelerator.TCG,
        "firmware": f"{package} {version_of(package)}",
        "qemu": version_of("qemu-system-x86"),
    }
    json.dump(asdict(ending) | about, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
