"""The copies of an ISO that Secure Boot must refuse: nothing but what is meant is changed."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from builder.basics.errors import VerificationError
from builder.inside.boot_test import spoiled
from builder.inside.iso.iso_report import Extent
from tests.support.programs import program

GRUB = program({".text": b"grub" * 500})
KERNEL = b"kernel" * 100
SQUASHFS = bytes(range(256)) * 4000
HEADER = 0x80 + 24 + 112 + 32  # where the place of the signatures is


def iso_of(folder: Path) -> tuple[Path, list[Extent], Extent]:
    signed = GRUB[:HEADER] + b"\1\2\3\4\5\6\7\10" + GRUB[HEADER + 8 :]
    parts = {
        "EFI/BOOT/grubx64.efi": signed,
        "live/filesystem.squashfs": SQUASHFS,
        "live/vmlinuz-6.1": KERNEL,
        "live/vmlinuz-6.12": KERNEL[::-1],
        "EFI system partition": b"FAT" + signed + b"more",
    }
    extents, image = [], b"header"
    for path, content in parts.items():
        extents.append(Extent(path=path, start=len(image), size=len(content)))
        image += content
    iso = folder / "a.iso"
    iso.write_bytes(image + b"end")
    return iso, extents[:-1], extents[-1]


def changed(iso: Path, number: int, files: Sequence[Extent], partition: Extent) -> list[int]:
    control = spoiled.CONTROLS[number]
    copy = iso.with_name("copy")
    copy.write_bytes(iso.read_bytes())
    with copy.open("r+b") as stream:
        control.spoil(stream, files, partition)
    pairs = zip(iso.read_bytes(), copy.read_bytes(), strict=True)
    return [at for at, (before, after) in enumerate(pairs) if before != after]


def test_one_byte_of_each_kernel_is_changed(tmp_path: Path) -> None:
    iso, files, partition = iso_of(tmp_path)
    kernels = [each for each in files if "vmlinuz" in each.path]
    assert changed(iso, 0, files, partition) == [each.start + each.size // 2 for each in kernels]


def test_the_signature_goes_from_the_grub_that_firmware_starts_and_from_no_other(
    tmp_path: Path,
) -> None:
    iso, files, partition = iso_of(tmp_path)
    place = partition.start + 3 + HEADER
    assert changed(iso, 1, files, partition) == list(range(place, place + 8))


@pytest.mark.parametrize("number", [0, 1])
def test_an_iso_that_has_nothing_to_spoil_is_refused(tmp_path: Path, number: int) -> None:
    iso, _files, partition = iso_of(tmp_path)
    with pytest.raises(VerificationError, match="lacks"):
        changed(iso, number, [], partition)


def test_what_loaders_never_read_takes_no_space_in_a_copy(tmp_path: Path) -> None:
    iso, files, _partition = iso_of(tmp_path)
    hole = files[1]
    with iso.open("rb") as source, (tmp_path / "copy").open("w+b") as copy:
        spoiled._copy(source, copy, [hole])
    before, after = iso.read_bytes(), (tmp_path / "copy").read_bytes()
    end = hole.start + hole.size
    assert (after[: hole.start], after[end:]) == (before[: hole.start], before[end:])
    assert after[hole.start : end] == bytes(hole.size)
    assert (tmp_path / "copy").stat().st_blocks * 512 < hole.size // 2
