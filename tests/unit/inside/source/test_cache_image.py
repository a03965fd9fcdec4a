"""Files given as cache images that can be none are named for what they are."""

import fcntl
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from builder.basics.errors import SourceError
from builder.inside.linux import mounts
from builder.inside.source import cache_image
from builder.inside.source.cache_image import check, mounted
from tests.support.systems import RecordingSystem

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


# --- mounting one subvolume -------------------------------------------------------------------

_SUBVOLUMES = (".rootfs_cache", "snapshot")
_IDS = {".rootfs_cache": 257, "snapshot": 300}


class Mounting(RecordingSystem):
    """Remembers what is mounted; nothing is, so that a folder can play the top level."""

    def __init__(self) -> None:
        super().__init__()
        self.mounts: list[Sequence[str]] = []
        self.now = 0

    @contextmanager
    def mounted(
        self,
        source: str,  # noqa: ARG002
        target: Path,  # noqa: ARG002
        *,
        kind: str,
        options: Sequence[str] = (),
    ) -> Iterator[None]:
        assert kind == "btrfs"
        self.mounts.append(tuple(options))
        self.now += 1
        try:
            yield
        finally:
            self.now -= 1


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kernel with a btrfs at the target, where some names are subvolumes."""
    table = tmp_path / "mountinfo"
    table.write_text("1 0 0:1 / / ro - btrfs none ro\n")
    monkeypatch.setattr(mounts, "_MOUNTINFO", table)
    monkeypatch.setattr(cache_image, "make_loop_devices", lambda: None)
    look, names = Path.lstat, dict[int, str]()

    def lstat(path: Path) -> os.stat_result:
        found = look(path)
        names[found.st_ino] = path.name
        inode = 256 if path.name in _SUBVOLUMES else found.st_ino
        return os.stat_result((found.st_mode, inode, *found[2:]))

    def ioctl(descriptor: int, _request: int, answer: bytearray) -> None:
        struct.pack_into("=Q", answer, 0, _IDS[names[os.fstat(descriptor).st_ino]])

    monkeypatch.setattr(Path, "lstat", lstat)
    monkeypatch.setattr(fcntl, "ioctl", ioctl)


_BASE = ("ro", "loop", "rescue=nologreplay")


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    "base", ["backup", "a,b", "a b", "a\\b", "x,rw,subvolid=5", "q\"uo'te", "new\nline", "\udcff,"]
)
def test_a_subvolume_is_mounted_by_its_number_whatever_its_path_is(
    tmp_path: Path, base: str
) -> None:
    system, target = Mounting(), tmp_path / "source"
    (target / base / ".rootfs_cache/.snapshots/2/snapshot").mkdir(parents=True)
    path = f"/{base}/.rootfs_cache"
    for wanted, number in ((path, 257), (f"{path}/.snapshots/2/snapshot", 300)):
        system.mounts.clear()
        with mounted(image(tmp_path / "img"), target, system=system, subvolume=wanted):
            assert system.now == 1  # the top level is gone again
        assert system.mounts == [_BASE, (*_BASE, f"subvolid={number}")]
    assert system.now == 0


@pytest.mark.usefixtures("kernel")
def test_a_subvolume_that_is_not_there_is_no_damage(tmp_path: Path) -> None:
    system, target = Mounting(), tmp_path / "source"
    (target / "base/plain").mkdir(parents=True)
    (tmp_path / "elsewhere/.rootfs_cache").mkdir(parents=True)
    (target / "link").symlink_to(tmp_path / "elsewhere")
    (target / "base/.rootfs_cache").symlink_to(tmp_path / "elsewhere/.rootfs_cache")
    for path in ("/base/gone", "/base/plain", "/link/.rootfs_cache", "/base/.rootfs_cache"):
        with (
            pytest.raises(SourceError, match=f"has no subvolume {path}"),
            mounted(image(tmp_path / "img"), target, system=system, subvolume=path),
        ):
            pass
    assert system.now == 0


@pytest.mark.usefixtures("kernel")
def test_a_whole_volume_is_mounted_once(tmp_path: Path) -> None:
    system = Mounting()
    with mounted(image(tmp_path / "img"), tmp_path / "cache", system=system):
        assert system.mounts == [_BASE]
