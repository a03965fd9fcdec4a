"""What the boot test says of media that cannot boot. Each machine gives up within seconds."""

import struct
from pathlib import Path

import pytest

from builder.basics.errors import ExitCode, VerificationError
from builder.border.boot_test import Attachment, Firmware
from builder.border.events import Event, ToolOutput
from builder.border.labels import LABEL_OWNER
from builder.host.boot_test.boot_test import run_boot_test
from builder.host.engine import Engine
from builder.host.engine.owner import ourselves

pytestmark = pytest.mark.boot

BLOCKS = 512  # of 2048 bytes
# A primary volume descriptor (ECMA-119, 8.4) that says no more than how large the medium is.
DESCRIPTOR = (b"\x01CD001\x01".ljust(80, b"\0") + struct.pack("<I", BLOCKS)).ljust(2048, b"\0")


@pytest.mark.parametrize("attach", list(Attachment))
@pytest.mark.parametrize("firmware", list(Firmware))
def test_an_empty_medium_is_refused_long_before_the_timeout(
    engine: Engine, tmp_path: Path, firmware: Firmware, attach: Attachment
) -> None:
    iso = tmp_path / "empty, and with a comma.iso"
    iso.write_bytes((bytes(16 * 2048) + DESCRIPTOR).ljust(BLOCKS * 2048, b"\0"))
    iso.chmod(0)  # as private as can be: the test machine reads it all the same
    events: list[Event] = []
    with pytest.raises(VerificationError, match="did not boot into its live system") as caught:
        run_boot_test(engine, iso=iso, firmware=firmware, attach=attach, on_event=events.append)
    assert caught.value.exit_code is ExitCode.VERIFICATION
    assert caught.value.output
    assert any(isinstance(event, ToolOutput) and "qemu" in event.text for event in events)
    owners = [each.labels[LABEL_OWNER] for each in engine.leftover_containers()]
    assert str(ourselves()) not in owners
