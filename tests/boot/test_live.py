"""The demo ISO reaches its live system, whatever starts it and however it is attached."""

import pytest

from builder.host.boot_test import boot_test
from builder.host.engine import Engine
from builder.host.session import Outcome
from builder.plan import Accelerator, Attachment, Firmware
from tests.conftest import ignore, report, unable

pytestmark = pytest.mark.boot


@pytest.mark.parametrize("attach", list(Attachment))
@pytest.mark.parametrize("firmware", list(Firmware))
def test_the_live_system_reports_itself(
    engine: Engine, demo_build: Outcome, firmware: Firmware, attach: Attachment
) -> None:
    iso = demo_build.folder / demo_build.iso.name
    result = boot_test(engine, iso=iso, firmware=firmware, attach=attach, on_event=ignore)
    report(f"{firmware} as {attach}: {result.seconds:.0f} s ({result.accelerator})")
    if result.accelerator is Accelerator.TCG:
        unable("KVM: virtual machines ran without it")
    assert "root=overlay" in result.report
    assert "squashfs=" in result.report
    assert "user=user" in result.report
