"""The demo ISO reaches its live system, whatever starts it and however it is attached."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest

from builder.border.boot_test import Accelerator, Attachment, BootTestResult, Firmware
from builder.host.boot_test.boot_test import run_boot_test
from builder.host.build.session import Outcome
from builder.host.engine import Engine, connect
from builder.host.image.boot_test_image import ensure_boot_test_image
from tests.conftest import ignore, report, unable

pytestmark = pytest.mark.boot

Boots = Mapping[tuple[Firmware, Attachment], Future[BootTestResult]]


@pytest.fixture(scope="module")
def boots(engine: Engine, demo_build: Outcome) -> Iterator[Boots]:
    """All four boots: as many at once as there are processors, each machine with one."""
    ensure_boot_test_image(engine, on_event=ignore)
    iso = demo_build.folder / demo_build.iso.name
    with ThreadPoolExecutor(max_workers=max(os.cpu_count() or 1, 1)) as pool:
        yield {
            (firmware, attach): pool.submit(_boot, iso, firmware, attach)
            for firmware, attach in product(Firmware, Attachment)
        }


def _boot(iso: Path, firmware: Firmware, attach: Attachment) -> BootTestResult:
    with closing(connect()) as engine:
        return run_boot_test(
            engine, iso=iso, firmware=firmware, attach=attach, processors=1, on_event=ignore
        )


@pytest.mark.parametrize("attach", list(Attachment))
@pytest.mark.parametrize("firmware", list(Firmware))
def test_the_live_system_reports_itself(
    boots: Boots, firmware: Firmware, attach: Attachment
) -> None:
    result = boots[firmware, attach].result()
    report(f"{firmware} as {attach}: {result.seconds:.0f} s ({result.accelerator})")
    if result.accelerator is Accelerator.TCG:
        unable("KVM: virtual machines ran without it")
    assert "root=overlay" in result.report
    assert "squashfs=" in result.report
    assert "user=user" in result.report
    assert result.listening is not None
    assert result.failed_units == ()
    assert result.session == "tty"
    assert result.rights in ("sudo", "su")
    assert result.remote_passwords is False
    assert (result.secure_boot, result.lockdown) == (False, "none")
