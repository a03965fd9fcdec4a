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

Way = tuple[Firmware, Attachment]
Boots = Mapping[Way, Future[BootTestResult]]
# UEFI and a CD are in every run with Secure Boot; the other three ways are for the night.
EVERY_RUN: tuple[Way, ...] = ((Firmware.BIOS, Attachment.DISK),)
ALL: tuple[Way, ...] = tuple(product(Firmware, Attachment))
WAYS = [pytest.param(*way, marks=() if way in EVERY_RUN else pytest.mark.full) for way in ALL]


@pytest.fixture(scope="module")
def boots(engine: Engine, demo_build: Outcome, pytestconfig: pytest.Config) -> Iterator[Boots]:
    """All boots: as many at once as there are processors, each machine with one."""
    ways = ALL if pytestconfig.getoption("--full") else EVERY_RUN
    ensure_boot_test_image(engine, on_event=ignore)
    iso = demo_build.folder / demo_build.iso.name
    with ThreadPoolExecutor(max_workers=max(os.cpu_count() or 1, 1)) as pool:
        yield {
            (firmware, attach): pool.submit(_boot, iso, firmware, attach)
            for firmware, attach in ways
        }


def _boot(iso: Path, firmware: Firmware, attach: Attachment) -> BootTestResult:
    with closing(connect()) as engine:
        return run_boot_test(
            engine, iso=iso, firmware=firmware, attach=attach, processors=1, on_event=ignore
        )


@pytest.mark.parametrize(("firmware", "attach"), WAYS)
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
    assert result.state == "running"
    assert result.network is False  # nothing in the demo looks after networks
    assert result.remote_passwords is False
    assert (result.secure_boot, result.lockdown) == (False, "none")
