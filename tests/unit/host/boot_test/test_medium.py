"""What is no whole ISO is refused before a virtual machine is made for it."""

import struct
from pathlib import Path

import pytest

from builder.basics.errors import BuilderError, UsageError, VerificationError
from builder.border.boot_test import Attachment, Firmware
from builder.host.boot_test.boot_test import run_boot_test
from builder.host.boot_test.install_test import run_install_test
from builder.host.boot_test.medium import INSTALLER, check_installer, check_iso
from builder.inside.medium import identity
from tests.conftest import ignore
from tests.support.fake_engine import FakeEngine
from tests.support.iso_records import record, rock_ridge, write_iso

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


def test_an_iso_without_an_installer_is_refused_before_a_machine_is_made(tmp_path: Path) -> None:
    assert INSTALLER == identity.INSTALLER
    image = record(b"FILESYSTEM.SQUASHFS;1", 19, 1, more=rock_ridge("filesystem.squashfs"))
    engine = FakeEngine()
    with pytest.raises(UsageError, match=r"x\.iso has no installer of ours") as caught:
        run_install_test(
            engine,
            iso=write_iso(tmp_path / "x.iso", [image]),
            firmware=Firmware.UEFI,
            on_event=ignore,
        )
    assert "`installer: text` in build.yaml" in caught.value.advice
    assert engine.specs == []


@pytest.mark.parametrize(
    "more", [rock_ridge("installer.squashfs"), b""], ids=["rock-ridge", "plain"]
)
def test_one_with_an_installer_is_taken(more: bytes, tmp_path: Path) -> None:
    name = b"INSTALLER.SQUASHFS;1" if more else b"installer.squashfs;1"
    other = record(b"OTHER;1", 19, 1, more=rock_ridge("other"))
    check_installer(write_iso(tmp_path / "x.iso", [other, record(name, 19, 1, more=more)]))


@pytest.mark.parametrize(
    "live",
    [
        [record(b"A;1", 19, 0, more=rock_ridge("installer.squashfs"))],
        [record(b"A", 17, 1, flags=2, more=rock_ridge("installer.squashfs"))],
        [b"\x01" * 2048],
        [b"\xff" * 2048],
    ],
    ids=["empty", "a folder", "short records", "long records"],
)
def test_what_only_looks_like_an_installer_is_none(live: list[bytes], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no installer of ours"):
        check_installer(write_iso(tmp_path / "x.iso", live))
