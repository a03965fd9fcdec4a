"""A person sees which stick it is, what is on it, and what comes."""

from dataclasses import replace
from pathlib import Path

from builder.host.stick.disks import Disk
from builder.host.stick.filesystems import FileSystem
from builder.host.stick.layout import Persistence
from builder.host.stick.stick import OldPart, Wish, prepared
from builder.host.stick.summary import summary
from tests.support.sticks import make_iso

_STICK = Disk(
    name="sdb", size=30 << 30, sector_size=512, whole="", read_only=False, removable=True,
    bus="USB", is_cd=False, model="SanDisk Ultra Fit", serial="4C530001", parts=(), uses=(),
)  # fmt: skip


def shown(
    folder: Path, *, sums: bool = True, disk: Disk = _STICK, old: tuple[OldPart, ...] = ()
) -> str:
    iso, target = make_iso(folder, sums=sums), folder / "stick.img"
    target.write_bytes(bytes(100 << 20))
    wish = Wish(iso=iso, target=target, persistence=Persistence(size=None))
    with prepared(wish) as job:
        stick = replace(job.target, name="sdb", size=disk.size, disk=disk)
        return summary(replace(job, target=stick, old=old))


def test_a_stick_is_shown_with_all_that_tells_it_from_others(tmp_path: Path) -> None:
    photos = FileSystem(kind="vfat", label="PHOTOS")
    old = (
        OldPart(name="sdb1", size=28 << 30, content=photos),
        OldPart(name="sdb2", size=2 << 30, content=None),
    )
    assert shown(tmp_path, old=old) == (
        "All of sdb will be erased.\n"
        "  what it is  SanDisk Ultra Fit, 30.0 GiB, on USB, serial number 4C530001\n"
        '  on it now   sdb1  28.0 GiB  vfat  "PHOTOS"\n'
        "              sdb2  2.0 GiB\n"
        "  to come     Demo-1.iso, 7.3 MiB\n"
        "              a partition for persistence, 91.0 MiB\n"
        "  checksum    in SHA256SUMS, compared before anything is written"
    )


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    text = shown(tmp_path, sums=False)
    assert "  on it now   nothing that is known\n" in text
    assert text.endswith("  checksum    none beside the ISO: nobody can tell whether it is whole")


def test_a_fixed_disk_is_called_one(tmp_path: Path) -> None:
    disk = replace(_STICK, bus="", removable=False, serial="", model="")
    assert "  what it is  30.0 GiB, a fixed disk\n" in shown(tmp_path, disk=disk)
