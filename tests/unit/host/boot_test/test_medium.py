"""What is no whole ISO is refused before a virtual machine is made for it."""

import struct
from pathlib import Path

import pytest

from builder.basics.errors import BuilderError, UsageError, VerificationError
from builder.border.boot_test import Attachment, Firmware
from builder.host.boot_test.boot_test import run_boot_test
from builder.host.boot_test.medium import check_iso
from tests.conftest import ignore
from tests.support.fake_engine import FakeEngine

BLOCKS = 20


def iso(folder: Path, *, size: int = BLOCKS * 2048) -> Path:
    """Write the start of an ISO that says it has `BLOCKS` blocks."""
    content = bytearray(BLOCKS * 2048)
    content[32768:32775] = b"\x01CD001\x01"
    struct.pack_into("<I", content, 32768 + 80, BLOCKS)
    path = folder / "x.iso"
    path.write_bytes(content[:size])
    return path


def test_a_whole_iso_is_taken(tmp_path: Path) -> None:
    check_iso(iso(tmp_path))


def test_one_that_is_cut_off_is_not(tmp_path: Path) -> None:
    with pytest.raises(
        VerificationError, match=r"cut off: it has 39\.5 KiB, .* 40\.0 KiB"
    ) as caught:
        check_iso(iso(tmp_path, size=BLOCKS * 2048 - 512))
    assert caught.value.advice == "Copy or download it again."


@pytest.mark.parametrize("content", [b"", b"text", bytes(100_000)])
def test_another_file_is_not(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"notes\.txt is not an ISO"):
        check_iso(path)


@pytest.mark.parametrize("name", [".", "nothing.iso"])
def test_what_is_no_file_is_not_and_no_container_is_made(tmp_path: Path, name: str) -> None:
    engine = FakeEngine()
    with pytest.raises(BuilderError, match="There is no ISO at"):
        run_boot_test(
            engine,
            iso=tmp_path / name,
            firmware=Firmware.UEFI,
            attach=Attachment.CD,
            on_event=ignore,
        )
    assert engine.specs == []
