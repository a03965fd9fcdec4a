"""What is mounted at a target and below: what can take a system, and what is refused before."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.basics.errors import HostError, UsageError
from builder.border.whole_systems import Part, TargetDisk
from builder.host.backup.target_disk import ThisMachine, devices_of, target_disk

OURS = "1 0 8:2 / / rw - ext4 /dev/sda2 rw\n"
CACHE = "2 1 0:40 / {cache} rw - btrfs /dev/sdc1 rw\n"
ROOT = "3 1 8:19 / {target} rw - ext4 /dev/sdb3 rw\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A machine, and folders for a cache and a target on it."""

    machine: ThisMachine
    cache: Path
    target: Path

    def with_mounts(self, *lines: str) -> "Place":
        """Have these mounts."""
        text = "".join(lines).format(cache=self.cache, target=self.target)
        self.machine.mountinfo.write_text(text)
        return self

    def found(self) -> TargetDisk:
        """Return the target."""
        return target_disk(
            self.target, cache=self.cache, snapshot="uuid-1", machine=self.machine
        )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """One with disks of three partitions, and a volume group."""
    root = tmp_path / "machine"
    names = root / "sys/class/block"
    names.mkdir(parents=True)
    for disk in ("sda", "sdb", "sdc"):
        for number in range(1, 6):
            folder = root / f"sys/devices/{disk}/{disk}{number}"
            folder.mkdir(parents=True)
            (folder / "partition").write_text(f"{number}\n")
            (names / folder.name).symlink_to(folder)
        (names / disk).symlink_to(root / f"sys/devices/{disk}")
    (root / "sys/devices/dm-0").mkdir()
    (names / "dm-0").symlink_to(root / "sys/devices/dm-0")
    for name in ("cache", "target"):
        (tmp_path / name).mkdir()
    machine = ThisMachine(mountinfo=tmp_path / "mountinfo", root=root)
    return Place(machine=machine, cache=tmp_path / "cache", target=tmp_path / "target")


def test_a_root_with_what_belongs_to_it_is_a_target(place: Place) -> None:
    found = place.with_mounts(
        OURS, CACHE, ROOT,
        "5 3 8:18 / {target}/boot/efi rw - vfat /dev/sdb2 rw\n",
        "4 3 8:33 / {target}/home rw - xfs /dev/sdc3 rw\n",
    ).found()  # fmt: skip
    assert found.parts == (
        Part(place="/", kind="ext4", device="/dev/sdb3"),
        Part(place="/home", kind="xfs", device="/dev/sdc3"),
        Part(place="/boot/efi", kind="vfat", device="/dev/sdb2"),
    )
    assert found.disk == "/dev/sdb"
    assert devices_of(found) == ("/dev/sdb", "/dev/sdb3", "/dev/sdc3", "/dev/sdb2")
    status = place.target.stat()
    assert (found.folder.device, found.folder.inode) == (status.st_dev, status.st_ino)
    assert not place.machine.shares(found)


def test_grub_goes_to_the_disk_that_boot_is_on(place: Place) -> None:
    boot = "4 3 8:33 / {target}/boot rw - ext4 /dev/sdc1 rw\n"
    assert place.with_mounts(OURS, ROOT, boot).found().disk == "/dev/sdc"


def test_subvolumes_of_a_btrfs_are_known_by_their_names(place: Place) -> None:
    found = place.with_mounts(
        OURS, CACHE,
        "3 1 0:50 /@ {target} rw - btrfs /dev/sdb3 rw\n",
        "4 3 0:50 /@home {target}/home rw - btrfs /dev/sdb3 rw\n",
    ).found()  # fmt: skip
    assert [(each.place, each.subvolume) for each in found.parts] == [
        ("/", "@"), ("/home", "@home"),
    ]  # fmt: skip


def test_a_disk_that_this_machine_starts_from_too_is_noticed(place: Place) -> None:
    ours = "1 0 8:17 / / rw - ext4 /dev/sdb1 rw\n"
    assert place.machine.shares(place.with_mounts(ours, ROOT).found())
    whole = "1 0 8:16 / / rw - ext4 /dev/sdb rw\n"
    assert place.machine.shares(place.with_mounts(whole, ROOT).found())


@pytest.mark.parametrize(
    ("mounts", "reason"),
    [
        ((OURS,), "is not where a file system is mounted"),
        ((OURS, "3 1 8:2 / {target} rw - ext4 /dev/sda2 rw\n"), "this machine's own root"),
        ((OURS, CACHE, "3 1 0:40 /@ {target} rw - btrfs /dev/sdc1 rw\n"), "that the cache is on"),
        ((OURS, "3 1 8:19 / {target} rw - ntfs3 /dev/sdb3 rw\n"), "A ntfs3 file system is mounted"),
        ((OURS, ROOT, "4 3 0:9 / {target}/proc rw - proc proc rw\n"), "A proc file system"),
        ((OURS, ROOT, "4 3 8:20 / {target}/boot rw - vfat /dev/sdb4 rw\n"), "A vfat file system"),
        ((OURS, "3 1 8:19 / {target} ro - ext4 /dev/sdb3 ro\n"), "is mounted read-only"),
        ((OURS, "3 1 8:19 /srv {target} rw - ext4 /dev/sdb3 rw\n"), "shows a folder of a file"),
    ],
)
def test_what_no_system_can_be_restored_to_is_refused(
    place: Place, mounts: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        place.with_mounts(*mounts).found()


@pytest.mark.parametrize("device", ["/dev/dm-0", "/dev/sdb"])
def test_what_this_program_cannot_make_start_is_refused(place: Place, device: str) -> None:
    mounts = (OURS, f"3 1 8:19 / {{target}} rw - ext4 {device} rw\n")
    with pytest.raises(HostError, match=f"{device} is not a partition of a disk"):
        place.with_mounts(*mounts).found()


def test_this_machines_root_is_no_target(place: Place) -> None:
    place.with_mounts(OURS)
    with pytest.raises(UsageError, match="this machine's own root"):
        target_disk(Path("/"), cache=place.cache, snapshot="x", machine=place.machine)


def test_firmware_is_what_the_kernel_says(place: Place) -> None:
    assert not place.machine.has_uefi
    folder = place.machine.root / "sys/firmware/efi/efivars"
    folder.mkdir(parents=True)
    assert place.machine.has_uefi
    assert not place.machine.has_secure_boot
    file = folder / "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    file.write_bytes(b"\x06\x00\x00\x00\x01")
    assert place.machine.has_secure_boot
