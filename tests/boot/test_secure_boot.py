"""The demo ISO under firmware that enforces Secure Boot, and what that firmware refuses."""

from pathlib import Path

import pytest

from builder.border.boot_test import Attachment, BootTestResult, Firmware
from builder.host.boot_test.boot_test import run_boot_test
from builder.host.build.session import Outcome
from builder.host.engine import Engine
from tests.conftest import ignore, report

pytestmark = pytest.mark.boot


def boot(engine: Engine, iso: Path, attach: Attachment) -> BootTestResult:
    result = run_boot_test(
        engine,
        iso=iso,
        firmware=Firmware.UEFI,
        attach=attach,
        secure_boot=True,
        on_event=ignore,
    )
    report(f"Secure Boot as {attach}: {result.seconds:.0f} s ({result.accelerator})")
    return result


@pytest.mark.parametrize(
    "attach", [Attachment.CD, pytest.param(Attachment.DISK, marks=pytest.mark.full)]
)
def test_secure_boot_starts_the_live_system_and_refuses_what_was_changed(
    engine: Engine, demo_build: Outcome, attach: Attachment
) -> None:
    result = boot(engine, demo_build.folder / demo_build.iso.name, attach)
    assert (result.secure_boot, result.lockdown) == (True, "integrity")
    kernel, loader = result.refused
    assert kernel in ("bad shim signature", "bad shim lock signature")
    assert loader == "Verification failed: (0x1A) Security Violation"
    assert result.failed_units == ()
