"""The install test as the host sees it: the machine of the boot test, with an empty disk."""

from pathlib import Path
from typing import Final

from builder.border.boot_test import Firmware, InstallTestRequest, InstallTestResult
from builder.border.events import OnEvent
from builder.border.jobs import INSTALL_TEST
from builder.formats.answers import FileSystem
from builder.host.boot_test.boot_test import check_secure_boot, run_on_test_machine
from builder.host.boot_test.medium import check_installer
from builder.host.engine import Engine

_TIMEOUT_SECONDS: Final = 2400  # without KVM, an initramfs takes minutes
_MEMORY_MIB: Final = 1536
_DISK_MIB: Final = 32 << 10  # a file with a hole for what nobody writes


def run_install_test(
    engine: Engine,
    *,
    iso: Path,
    firmware: Firmware,
    processors: int = 2,
    file_system: FileSystem | None = None,
    encrypt: bool = False,
    secure_boot: bool = False,
    on_event: OnEvent,
) -> InstallTestResult:
    """Install `iso` in a container to an empty disk, and return how the installed system reported.

    Its root becomes `file_system`, or what the installer takes by itself. `secure_boot` is as with
    `run_boot_test`.

    Raises UsageError when there is no such file or it has no installer, HostError when the engine
    cannot run the test, VerificationError when the system is not installed or does not start.
    """
    check_secure_boot(firmware, secure_boot=secure_boot)
    check_installer(iso)
    request = InstallTestRequest(
        firmware=firmware,
        timeout_seconds=_TIMEOUT_SECONDS,
        memory_mib=_MEMORY_MIB,
        processors=processors,
        disk_mib=_DISK_MIB,
        file_system=file_system,
        encrypt=encrypt,
        secure_boot=secure_boot,
    )
    return run_on_test_machine(engine, INSTALL_TEST, request, iso=iso, on_event=on_event)
