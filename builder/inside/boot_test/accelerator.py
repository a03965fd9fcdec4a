"""Whether KVM can be trusted here.

Virtual machines often offer a nested KVM that starts and then fails in the middle of an
instruction. So the device is probed first, and then a UEFI firmware has to start under it.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from builder.border.boot_test import Accelerator, Firmware
from builder.inside.boot_test.machine import bare_argv, watch
from builder.inside.boot_test.serial_console import BROKEN_KVM, Meaning, Sign

_KVM: Final = Path("/dev/kvm")
_GET_API_VERSION: Final = 0xAE00  # linux/kvm.h
_CREATE_VM: Final = 0xAE01
_API_VERSION: Final = 12
_VARIABLES: Final = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
_VARIABLES_32: Final = Path("/usr/share/OVMF/OVMF32_VARS_4M.fd")
_VARIABLES_WITH_KEYS: Final = Path("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
_PROOF_SECONDS: Final = 15.0  # even without KVM this firmware starts within two
_FIRMWARE_IS_UP: Final = Sign(text="BdsDxe: ", meaning=Meaning.OK)


def fault_of_kvm() -> str:
    """Return why KVM cannot be used in this container; "" when it can."""
    return fault_of_device(_KVM) or _fault_in_use()


def fault_of_device(device: Path) -> str:
    """Return why this device cannot make a virtual machine; "" when it can."""
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        return f"{device}: {error.strerror}"
    try:
        version = fcntl.ioctl(descriptor, _GET_API_VERSION)
        if version != _API_VERSION:
            return f"{device} has API version {version}"
        os.close(fcntl.ioctl(descriptor, _CREATE_VM))
    except OSError as error:
        return f"{device}: {error.strerror}"
    finally:
        os.close(descriptor)
    return ""


def _fault_in_use() -> str:
    with uefi_variables() as variables:
        argv = bare_argv(
            accelerator=Accelerator.KVM, memory_mib=256, processors=1, variables=variables
        )
        ending = watch(
            argv,
            signs=(_FIRMWARE_IS_UP, BROKEN_KVM),
            limit_seconds=_PROOF_SECONDS,
            on_line=lambda _line: None,
        )
    match ending.sighting:
        case None if ending.exit_code is None:
            return f"no firmware started under it within {_PROOF_SECONDS:.0f} s"
        case None:
            return ending.last_lines[-1] if ending.last_lines else "QEMU exited at once"
        case sighting if sighting.meaning is Meaning.OK:
            return ""
        case sighting:
            return sighting.line


@contextmanager
def uefi_variables(
    firmware: Firmware = Firmware.UEFI, *, secure_boot: bool = False
) -> Iterator[Path]:
    """Provide a fresh UEFI variable store while the body runs.

    With `secure_boot` it has Microsoft's keys, as the machines that people buy.
    """
    origin = _VARIABLES_32 if firmware is Firmware.UEFI32 else _VARIABLES
    origin = _VARIABLES_WITH_KEYS if secure_boot else origin
    with tempfile.TemporaryDirectory() as directory:
        yield Path(shutil.copyfile(origin, Path(directory) / "variables.fd"))
