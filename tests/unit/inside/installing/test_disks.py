"""The disk that is named is the one that is written to; any doubt ends it before."""

import json
import re

import pytest

from builder.basics.errors import UsageError
from builder.formats.answers import DiskName
from builder.inside.installing.disks import Disk, InUse, choose_disk, in_use, parse_disks

GIB = 1 << 30
MOUNTS = """\
23 1 0:22 / /run rw - tmpfs tmpfs rw
30 23 11:0 / /run/live/medium ro - iso9660 /dev/sr0 ro
31 23 0:40 / /srv rw - btrfs /dev/sdc1 rw
32 23 0:41 / /pool rw - zfs pool/data rw
"""
SWAPS = "Filename Type Size Used Priority\n/dev/sdd2 partition 1000 0 -2\n"


def node(path: str, kind: str = "disk", number: str = "9:9", **more: object) -> dict[str, object]:
    plain = {"size": 64 * GIB, "model": None, "serial": None, "wwn": None, "ro": False}
    return {"path": path, "type": kind, "maj:min": number, **plain, **more}


def found(*nodes: dict[str, object]) -> tuple[Disk, ...]:
    text = json.dumps({"blockdevices": nodes})
    ids = {"/dev/sda": ("ata-One_1", "wwn-0x1")}
    return parse_disks(text, used=in_use(MOUNTS, SWAPS), ids=ids)


def test_disks_have_their_names_and_nothing_else_is_one() -> None:
    (disk,) = found(
        node("/dev/loop0", "loop"),
        node("/dev/sda", serial=" 1 ", wwn="0x1", model="One\x1b "),
        node("/dev/sr0", "rom"),
    )
    assert (disk.path, disk.serial, disk.wwn, disk.model) == ("/dev/sda", "1", "0x1", "One")
    assert (disk.ids, disk.size, disk.uses) == (("ata-One_1", "wwn-0x1"), 64 * GIB, ())


@pytest.mark.parametrize(
    ("path", "partition"),
    [
        ("/dev/sda", "/dev/sda3"),
        ("/dev/nvme0n1", "/dev/nvme0n1p3"),
        ("/dev/mmcblk0", "/dev/mmcblk0p3"),
    ],
)
def test_partitions_are_called_as_the_kernel_does(path: str, partition: str) -> None:
    assert Disk(path=path, size=1).partition(3) == partition


@pytest.mark.parametrize(
    ("disk", "used"),
    [
        (node("/dev/sdb", number="11:0"), "/dev/sdb"),
        (node("/dev/sdc", children=[node("/dev/sdc1", "part")]), "/dev/sdc1"),
        (node("/dev/sdd", children=[node("/dev/sdd2", "part")]), "/dev/sdd2"),
        (
            node(
                "/dev/sde",
                children=[node("/dev/sde1", "part", children=[node("/dev/dm-0", "crypt")])],
            ),
            "/dev/dm-0",
        ),
        (node("/dev/sdf", children=[node("/dev/md0", "raid1")]), "/dev/md0"),
        (
            node(
                "/dev/sdg",
                children=[node("/dev/sdg2", "part", children=[node("/dev/dm-1", "lvm")])],
            ),
            "/dev/dm-1",
        ),
        (node("/dev/sdh", children=[node("/dev/sdh1", "part", fstype="zfs_member")]), "/dev/sdh1"),
    ],
)
def test_a_disk_that_something_uses_is_not_taken(disk: dict[str, object], used: str) -> None:
    (found_disk,) = found(disk)
    assert found_disk.uses == (used,)
    with pytest.raises(UsageError, match=re.escape(f"{found_disk.path} is in use: {used}")):
        choose_disk([found_disk], DiskName(path=found_disk.path), needed=GIB)


def test_each_disk_of_a_mounted_btrfs_is_in_use() -> None:
    def half(path: str, uuid: str) -> dict[str, object]:
        return node(path, children=[node(f"{path}1", "part", fstype="btrfs", uuid=uuid)])

    mounted, other, free = found(half("/dev/sdc", "u1"), half("/dev/sdi", "u1"),
                                 half("/dev/sdj", "u2"))  # fmt: skip
    assert (mounted.uses, other.uses, free.uses) == (("/dev/sdc1",), ("/dev/sdi1",), ())


def test_a_disk_says_what_is_on_it() -> None:
    parts = [
        node("/dev/sda1", "part", fstype="ntfs", label="Win\x1bdows"),
        node("/dev/sda2", "part"),
        node("/dev/sda3", "part", fstype="LVM2_member"),
    ]
    full, empty = found(node("/dev/sda", children=parts), node("/dev/sdb"))
    assert ", with ntfs Windows, LVM2_member, part of something" in str(full)
    assert "with" not in str(empty)


def test_a_disk_with_old_partitions_can_be_taken() -> None:
    (disk,) = found(node("/dev/sda", children=[node("/dev/sda1", "part")]))
    assert choose_disk([disk], DiskName(id="wwn-0x1"), needed=GIB) is disk


ONE = Disk(path="/dev/sda", size=64 * GIB, model="M", serial="1", wwn="w1", ids=("a", "b"))
TWO = Disk(path="/dev/sdb", size=64 * GIB, model="M", serial="2", wwn="w2", ids=("c",))


@pytest.mark.parametrize(
    "name",
    [
        DiskName(serial="2"),
        DiskName(wwn="w2"),
        DiskName(id="c"),
        DiskName(path="/dev/sdb"),
        DiskName(serial="2", model="M", size=64 * GIB),
    ],
)
def test_each_property_names_it(name: DiskName) -> None:
    assert choose_disk([ONE, TWO], name, needed=GIB) is TWO


@pytest.mark.parametrize(
    "name", [DiskName(serial="3"), DiskName(serial="1", wwn="w2"), DiskName(id="c", size=GIB)]
)
def test_another_disk_is_never_taken_instead(name: DiskName) -> None:
    with pytest.raises(UsageError, match="No disk of this machine is the one") as caught:
        choose_disk([ONE, TWO], name, needed=GIB)
    assert "serial 1" in caught.value.advice


def test_two_disks_of_that_name_are_none() -> None:
    with pytest.raises(UsageError, match="2 disks of this machine are"):
        choose_disk([ONE, TWO], DiskName(model="M", size=64 * GIB), needed=GIB)


def test_a_disk_that_is_too_small_or_read_only_is_refused() -> None:
    with pytest.raises(UsageError, match=f"/dev/sda has {64 * GIB} bytes; the system needs"):
        choose_disk([ONE], DiskName(serial="1"), needed=65 * GIB)
    locked = Disk(path="/dev/sda", size=64 * GIB, serial="1", read_only=True)
    with pytest.raises(UsageError, match="/dev/sda cannot be written to"):
        choose_disk([locked], DiskName(serial="1"), needed=GIB)


def test_nothing_is_in_use_where_nothing_is_mounted() -> None:
    assert in_use("", "") == InUse(devices=frozenset())
