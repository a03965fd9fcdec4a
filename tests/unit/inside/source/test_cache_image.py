"""Files given as cache images that can be none are named for what they are."""

import struct
from pathlib import Path

import pytest

from builder.basics.errors import SourceError
from builder.inside.source.cache_image import check

SIZE = 1 << 20


def image(path: Path, *, magic: bytes = b"_BHRfS_M", needed: int = SIZE, devices: int = 1) -> Path:
    block = bytearray(4096)
    block[64:72] = magic
    struct.pack_into("<Q", block, 112, needed)
    struct.pack_into("<Q", block, 136, devices)
    path.write_bytes(bytes(65536) + bytes(block))
    with path.open("r+b") as file:
        file.truncate(SIZE)
    return path


def test_a_whole_volume_is_taken(tmp_path: Path) -> None:
    check(image(tmp_path / "cache.img"))


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a file") as caught:
        check(tmp_path)
    assert "--cache" in caught.value.advice


@pytest.mark.parametrize("content", [b"", b"text", bytes(65536), bytes(65536 + 100), bytes(SIZE)])
def test_another_file_holds_no_volume(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cache.img"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="does not hold a btrfs volume"):
        check(path)


def test_a_cut_off_image_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=f"has {SIZE} bytes, its volume needs {SIZE + 1}"):
        check(image(tmp_path / "cache.img", needed=SIZE + 1))


def test_one_of_several_devices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="one of the 2 devices"):
        check(image(tmp_path / "cache.img", devices=2))
