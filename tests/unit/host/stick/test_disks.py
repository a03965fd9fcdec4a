"""What the kernel says of a disk, and every reason not to erase it."""

from pathlib import Path

import pytest

from builder.basics.errors import BuilderError, HostError, UsageError
from builder.host.stick.disks import Disk, Use, attached_to, read_disk
from builder.host.stick.guid_table import Span
from builder.host.stick.safety import check_disk, refusal
from tests.support.sticks import FakeKernel


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    return FakeKernel(tmp_path)


def disk_of(kernel: FakeKernel, major: int = 8, minor: int = 16) -> Disk:
    disk = read_disk((major, minor), root=kernel.root)
    assert disk is not None
    return disk


def refused(
    kernel: FakeKernel, *, minor: int = 16, major: int = 8, allow_fixed: bool = False
) -> BuilderError:
    reason = refusal(disk_of(kernel, major, minor), allow_fixed=allow_fixed)
    assert reason is not None
    return reason


def test_a_stick_is_described(kernel: FakeKernel) -> None:
    folder = kernel.add(
        "sdb",
        files={"device/vendor": "SanDisk ", "device/model": "Ultra Fit", "device/type": "0"},
        parts=[(1, 64, 6132), (2, 6196, 8192)],
    )
    kernel.write(folder.parents[5] / "serial", "4C530001")
    assert disk_of(kernel) == Disk(
        name="sdb",
        size=1 << 29,
        sector_size=512,
        whole="",
        read_only=False,
        removable=True,
        bus="USB",
        is_cd=False,
        model="SanDisk Ultra Fit",
        serial="4C530001",
        parts=(
            ("sdb1", Span(start=64 * 512, size=6132 * 512)),
            ("sdb2", Span(start=6196 * 512, size=8192 * 512)),
        ),
        uses=(),
    )
    assert refusal(disk_of(kernel), allow_fixed=False) is None


def test_partitions_come_in_the_order_of_their_numbers(kernel: FakeKernel) -> None:
    kernel.add("sdb", parts=[(number, number * 100, 50) for number in (10, 2, 1)])
    assert [name for name, _span in disk_of(kernel).parts] == ["sdb1", "sdb2", "sdb10"]


def test_a_disk_that_the_kernel_does_not_know_is_none(kernel: FakeKernel) -> None:
    assert read_disk((8, 32), root=kernel.root) is None


def test_what_a_disk_says_of_itself_steers_no_terminal(kernel: FakeKernel) -> None:
    kernel.add("sdb", files={"device/model": "Ultra\x1b[31m Fit"})
    assert disk_of(kernel).model == "Ultra Fit"


def test_a_partition_is_refused_and_its_disk_named(kernel: FakeKernel) -> None:
    kernel.add("sdb", parts=[(1, 64, 6132)])
    error = refused(kernel, minor=17)
    assert isinstance(error, UsageError)
    assert str(error) == "sdb1 is a partition, and a stick is written as a whole"
    assert error.advice == "If all of sdb may be erased, give /dev/sdb."


def test_a_fixed_disk_is_refused_unless_somebody_says_so(kernel: FakeKernel) -> None:
    kernel.add("vda", number="254:0", above="pci0000:00/virtio1", files={"removable": "0"})
    error = refused(kernel, major=254, minor=0)
    assert isinstance(error, UsageError)
    assert "vda is a fixed disk" in str(error)
    assert "--allow-fixed-disk" in error.advice
    check_disk(disk_of(kernel, 254, 0), allow_fixed=True)


def test_a_loop_device_is_a_fixed_disk(kernel: FakeKernel) -> None:
    kernel.add("loop0", number="7:0", above="virtual", files={"removable": "0"})
    assert "loop0 is a fixed disk" in str(refused(kernel, major=7, minor=0))


@pytest.mark.parametrize(
    ("above", "files", "bus"),
    [
        ("pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host4", {"removable": "0"}, "USB"),
        ("platform/mmc_host/mmc0/mmc0:0001", {"removable": "0", "device/type": "SD"}, "SD"),
        ("pci0000:00/ata2/host1", {"removable": "1"}, ""),
    ],
)
def test_what_can_be_pulled_out_is_no_fixed_disk(
    kernel: FakeKernel, above: str, files: dict[str, str], bus: str
) -> None:
    kernel.add("sdb", above=above, files=files)
    assert disk_of(kernel).bus == bus
    assert refusal(disk_of(kernel), allow_fixed=False) is None


def test_soldered_memory_is_a_fixed_disk(kernel: FakeKernel) -> None:
    above = "platform/mmc_host/mmc0/mmc0:0001"
    kernel.add("mmcblk0", above=above, files={"removable": "0", "device/type": "MMC"})
    assert "mmcblk0 is a fixed disk" in str(refused(kernel))


@pytest.mark.parametrize(
    ("files", "kind", "reason"),
    [
        ({"device/type": "5"}, UsageError, "sdb is a CD or DVD drive"),
        ({"size": "0"}, HostError, "There is no medium in sdb"),
        ({"ro": "1"}, HostError, "sdb is write-protected"),
        (
            {"queue/logical_block_size": "4096"},
            UsageError,
            "sdb has sectors of 4096 bytes, and ISOs start only from disks with 512",
        ),
    ],
)
def test_what_cannot_become_a_stick_is_refused(
    kernel: FakeKernel, files: dict[str, str], kind: type[BuilderError], reason: str
) -> None:
    kernel.add("sdb", files=files)
    with pytest.raises(kind) as caught:
        check_disk(disk_of(kernel), allow_fixed=True)
    assert str(caught.value) == reason


def test_a_mounted_partition_is_in_the_way(kernel: FakeKernel) -> None:
    kernel.add("sdb", parts=[(1, 64, 6132), (2, 6196, 8192)])
    kernel.mount("8:17", r"/media/me/My\040stick")
    kernel.mount("8:18", "/mnt")
    error = refused(kernel, allow_fixed=True)
    assert isinstance(error, HostError)
    assert str(error) == "sdb is mounted: sdb1 (/media/me/My stick), sdb2 (/mnt)"
    assert "`umount /dev/sdb1 /dev/sdb2`" in error.advice


def test_a_mount_without_the_number_of_its_device_is_in_the_way_too(kernel: FakeKernel) -> None:
    kernel.add("sdb", parts=[(1, 64, 6132)])
    kernel.mount("0:42", "/mnt", source="/dev/sdb1", kind="btrfs")
    assert str(refused(kernel)) == "sdb is mounted: sdb1 (/mnt)"


def test_the_mount_of_another_disk_is_not(kernel: FakeKernel) -> None:
    kernel.add("sdb", parts=[(1, 64, 6132)])
    kernel.mount("8:33", "/mnt", source="/dev/sdc1")
    kernel.mount("0:42", "/other", source="sdb1x", kind="fuse")
    assert refusal(disk_of(kernel), allow_fixed=False) is None


@pytest.mark.parametrize("where", ["/", "/boot/efi", "/home", "/run/live/medium"])
def test_the_disk_of_the_running_system_is_named_as_that(kernel: FakeKernel, where: str) -> None:
    kernel.add("sdb", parts=[(1, 64, 6132)])
    kernel.mount("8:17", "/mnt")
    kernel.mount("8:17", where)
    error = refused(kernel, allow_fixed=True)
    assert isinstance(error, UsageError)
    assert str(error) == f"The running system is on sdb: sdb1 is mounted at {where}"


def test_swap_is_in_the_way(kernel: FakeKernel) -> None:
    kernel.add("sdb", parts=[(1, 64, 6132)])
    with (kernel.root / "proc/swaps").open("a") as stream:
        stream.write("/swapfile file 1 0 -2\n/dev/sdb1                partition\t1024\t0\t-3\n")
    assert disk_of(kernel).uses == (Use(part="sdb1", how="swap", where=""),)
    error = refused(kernel)
    assert str(error) == "The system swaps to sdb1, which is on sdb"
    assert "`swapoff /dev/sdb1`" in error.advice


@pytest.mark.parametrize("part", ["", "sdb2/"])
def test_what_holds_the_disk_is_in_the_way(kernel: FakeKernel, part: str) -> None:
    folder = kernel.add("sdb", parts=[(1, 64, 6132), (2, 6196, 8192)])
    (folder / f"{part}holders/dm-3").mkdir(parents=True)
    kernel.write(kernel.root / "sys/block/dm-3/dm/name", "luks-secret")
    held = part.rstrip("/") or "sdb"
    reason = f"{held}, which is on sdb, is part of luks-secret: LUKS, LVM, RAID or the like"
    assert str(refused(kernel)) == reason


def test_a_file_behind_a_loop_device_is_known(kernel: FakeKernel, tmp_path: Path) -> None:
    file = tmp_path / "stick.img"
    kernel.add("loop3", number="7:3", above="virtual", files={"loop/backing_file": str(file)})
    assert attached_to(file, root=kernel.root) == "loop3"
    assert attached_to(tmp_path / "other.img", root=kernel.root) == ""


@pytest.mark.parametrize("sign", ["\x0b", "\x0c", "\r", "\x1c", "\x85", "\u2028"])
def test_no_name_of_a_mount_point_hides_the_mount(kernel: FakeKernel, sign: str) -> None:
    kernel.add("sdb", parts=[(1, 64, 6132)])
    kernel.mount("8:17", f"/media/my{sign}stick")
    assert [each.how for each in disk_of(kernel).uses] == ["mounted"]
