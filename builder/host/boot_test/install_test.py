"""The install test as the host sees it: the machine of the boot test, with an empty disk."""

from pathlib import Path
from typing import Final

from builder.border.boot_test import Firmware, InstallTestRequest, InstallTestResult
from builder.border.events import OnEvent
from builder.border.jobs import INSTALL_TEST
from builder.host.boot_test.boot_test import run_on_test_machine
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
    on_event: OnEvent,
) -> InstallTestResult:
    """Install `iso` in a container to an empty disk, and return how the installed system reported.

    Raises UsageError when there is no such file, HostError when the engine cannot run the test,
    VerificationError when the system is not installed or does not start.
    """
    request = InstallTestRequest(
        firmware=firmware,
        timeout_seconds=_TIMEOUT_SECONDS,
        memory_mib=_MEMORY_MIB,
        processors=processors,
        disk_mib=_DISK_MIB,
    )
    return run_on_test_machine(engine, INSTALL_TEST, request, iso=iso, on_event=on_event)
