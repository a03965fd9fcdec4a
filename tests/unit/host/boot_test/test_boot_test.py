"""What a boot test refuses before any container is made."""

from pathlib import Path

import pytest

from builder.basics.errors import UsageError
from builder.border.boot_test import Attachment, Firmware
from builder.host.boot_test.boot_test import run_boot_test
from builder.host.boot_test.install_test import run_install_test
from tests.conftest import ignore
from tests.support.fake_engine import FakeEngine


@pytest.mark.parametrize("firmware", [Firmware.BIOS, Firmware.UEFI32])
def test_firmware_that_never_enforces_secure_boot_is_not_asked_to(
    tmp_path: Path, firmware: Firmware
) -> None:
    iso = tmp_path / "x.iso"
    iso.touch()
    with pytest.raises(UsageError) as caught:
        run_boot_test(
            FakeEngine(),
            iso=iso,
            firmware=firmware,
            attach=Attachment.CD,
            secure_boot=True,
            on_event=ignore,
        )
    assert str(caught.value) == f"There is no Secure Boot with {firmware}, only with uefi"


def test_an_installation_has_the_same_limits(tmp_path: Path) -> None:
    iso = tmp_path / "x.iso"
    iso.touch()
    with pytest.raises(UsageError, match="There is no Secure Boot with bios, only with uefi"):
        run_install_test(
            FakeEngine(), iso=iso, firmware=Firmware.BIOS, secure_boot=True, on_event=ignore
        )
