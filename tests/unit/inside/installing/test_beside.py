"""Beside another system: partitions are added, folders are new, and what is there still starts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.basics.errors import StepError, UsageError
from builder.formats.answers import DiskName, Place
from builder.inside.installing.beside import Neighbours, find_neighbours, find_room, free_room
from builder.inside.installing.disks import Disk
from builder.inside.installing.installation import Installation
from builder.inside.installing.volumes import UNFINISHED, Room, Volume
from tests.support.installing import RecordingMachine
from tests.support.trees import put
from tests.unit.inside.installing.test_installation import (
    ANSWERS,
    GIB,
    LSBLK,
    SUM,
    WRITING,
    installation,
)

ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
OWN_GRUB = ("usr/sbin/grub-install", "usr/sbin/update-grub", "usr/lib/grub/i386-pc/modinfo.sh",
            "usr/lib/grub/x86_64-efi/modinfo.sh", "boot/grub/grub.cfg")  # fmt: skip
MIB = 2048  # sectors
DISK = Disk(path="/dev/sda", size=64 * GIB)


def part(number: int, start: int, size: int, kind: str = LINUX, name: str = "") -> dict[str, Any]:
    place = {"node": f"/dev/sda{number}", "start": start, "size": size}
    return {**place, "type": kind, **({"name": name} if name else {})}


def table(*parts: dict[str, Any], label: str = "gpt") -> str:
    return json.dumps(
        {
            "partitiontable": {
                "label": label,
                "firstlba": 2048,
                "lastlba": 64 * 1024 * MIB - 34,
                "sectorsize": 512,
                "partitions": parts,
            }
        }
    )


# A hole of 99 MiB between the first two, and 43 GiB at the end; the third is out of order.
PARTS = (
    part(1, MIB, 100 * MIB, ESP),
    part(3, 20480 * MIB, 1024 * MIB),
    part(2, 200 * MIB, 20000 * MIB),
)
START = 21504


def machine(
    *parts: dict[str, Any], width: bytes = b"64\n", secure: bytes = b""
) -> RecordingMachine:
    after = (*(parts or PARTS), part(4, START * MIB, GIB))
    printed = {
        "lsblk": LSBLK,
        "du": f"{GIB}\t/clone\n",
        "sha256sum": f"{SUM}  it\n",
        "sfdisk": table(*(parts or PARTS)),
        "blkid": "AAAA-BBBB\n",
    }
    files = {
        "fw_platform_size": width,
        "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c": secure,
    }
    told = RecordingMachine(printed, files=files)
    told.effects["sfdisk"] = lambda argv, _root: (
        told.printed.update(sfdisk=table(*after)) if "--append" in argv else None
    )
    return told


def beside(tmp_path: Path, *more: str) -> Installation:
    whole = installation(tmp_path, *more)
    (tmp_path / "target/EFI/Other").mkdir(parents=True)
    put(tmp_path, "target/EFI/Other/grubx64.efi")
    return replace(whole, answers=replace(ANSWERS, place=Place.BESIDE))


def test_partitions_are_added_where_nothing_is_and_the_others_stay(tmp_path: Path) -> None:
    told = machine()
    beside(tmp_path).run(told)
    size = (64 * 1024 * MIB - 33) // MIB - START
    assert (
        "sfdisk --append",
        f'start={START}MiB, size={size}MiB, type={LINUX}, name="{UNFINISHED}"\n',
    ) in told.inputs
    written = [did for did in told.did if did.startswith(("wipefs", "mkfs", "sfdisk"))]
    assert [did for did in written if not did.startswith("sfdisk --json")] == [
        "sfdisk --append --wipe never --wipe-partitions always /dev/sda",
        next(did for did in written if did.startswith("mkfs.ext4") and did.endswith("/dev/sda4")),
        "sfdisk --part-label /dev/sda 4 root",
    ]
    assert told.did[-1] == "sfdisk --part-label /dev/sda 4 root"
    lines = (tmp_path / "target/etc/fstab").read_text().splitlines()
    assert lines[2].split()[:2] == ["UUID=AAAA-BBBB", "/boot/efi"]
    assert told.mounts == []


def test_what_was_cut_off_is_free_for_the_next_one_and_nothing_else_is(tmp_path: Path) -> None:
    left = part(7, START * MIB, 43000 * MIB, name=UNFINISHED)
    told = machine(*PARTS, left)
    assert find_room(DISK, told).start_mib == START
    beside(tmp_path).run(told)
    changes = [did for did in told.did if did.startswith("sfdisk --") and "--json" not in did]
    assert changes == [
        "sfdisk --delete /dev/sda 7",
        "sfdisk --append --wipe never --wipe-partitions always /dev/sda",
        "sfdisk --part-label /dev/sda 4 root",
    ]
    told = machine()
    told.effects["useradd"] = lambda _argv, _root: (_ for _ in ()).throw(StepError("cut off"))
    with pytest.raises(StepError, match="cut off"):
        beside(tmp_path / "second").run(told)
    assert not any("--part-label" in did for did in told.did)


def test_the_loader_has_a_folder_of_its_own_and_the_firmware_an_entry(tmp_path: Path) -> None:
    told, target = machine(), tmp_path / "target"
    beside(tmp_path, *OWN_GRUB).run(told)
    loaders = [did for did in told.did if "grub" in did]
    assert loaders == [
        (
            "in /usr/sbin/grub-install --target=x86_64-efi --recheck --efi-directory=/boot/efi "
            "--bootloader-id=debian --no-uefi-secure-boot"
        ),
        "in /usr/sbin/update-grub",
    ]
    assert f"mount efivarfs - efivarfs {target}/sys/firmware/efi/efivars" in told.did
    more = (target / "boot/grub/custom.cfg").read_text()
    assert "menuentry 'Another system (Other)' {" in more
    assert "chainloader '/EFI/Other/grubx64.efi'" in more
    assert "--set=root AAAA-BBBB" in more
    folder = (target / "etc/default/grub.d/esp-folder.cfg").read_text()
    assert folder == 'GRUB_DISTRIBUTOR="Debian"\n'


def test_a_menu_of_ours_starts_the_other_system_too(tmp_path: Path) -> None:
    told, target = machine(), tmp_path / "target"
    beside(tmp_path).run(told)
    (loader,) = [did for did in told.did if "grub" in did]
    assert loader == (
        f"grub-install --target=x86_64-efi --boot-directory={target}/boot "
        f"--efi-directory={target}/boot/efi --bootloader-id=debian"
    )
    assert "chainloader '/EFI/Other/grubx64.efi'" in (target / "boot/grub/grub.cfg").read_text()


def test_a_whole_disk_has_none_of_it(tmp_path: Path) -> None:
    told = machine()
    installation(tmp_path, *OWN_GRUB).run(told)
    assert not any("efivarfs" in did or "--append" in did for did in told.did)
    assert not (tmp_path / "target/boot/grub/custom.cfg").exists()
    assert not (tmp_path / "target/etc/default/grub.d").exists()


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (machine(width=b""), "needs a machine that started by 64-bit UEFI"),
        (machine(width=b"32\n"), "needs a machine that started by 64-bit UEFI"),
        (machine(secure=b"\6\0\0\0\1"), "cannot start with Secure Boot yet"),
        (machine(part(1, MIB, 100 * MIB)), "/dev/sda has no EFI system partition, which both"),
    ],
)
def test_where_it_could_not_start_it_is_refused(told: RecordingMachine, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        find_room(DISK, told)
    assert caught.value.advice.startswith("Nothing was written.")
    assert free_room(DISK, told) == 0


def test_an_esp_without_a_file_system_is_none() -> None:
    told = machine()
    told.printed["blkid"] = ""
    with pytest.raises(UsageError, match="/dev/sda has no EFI system partition, which both"):
        find_room(DISK, told)


@pytest.mark.parametrize("label", ["dos", ""])
def test_another_kind_of_table_is_refused(label: str) -> None:
    told = machine()
    told.printed["sfdisk"] = table(*PARTS, label=label)
    with pytest.raises(UsageError, match="/dev/sda has no partition table of GPT"):
        find_room(DISK, told)


def test_a_full_disk_is_refused_with_both_sizes(tmp_path: Path) -> None:
    told = machine(part(1, MIB, 100 * MIB, ESP), part(2, 200 * MIB, 64 * 1024 * MIB - 201 * MIB))
    with pytest.raises(UsageError, match="/dev/sda has 99 MiB free in one piece; the system need"):
        beside(tmp_path).run(told)
    assert not [did for did in told.did if did.startswith(WRITING) and "--json" not in did]


def test_partitions_that_do_not_come_are_told(tmp_path: Path) -> None:
    told = machine()
    told.effects.clear()
    with pytest.raises(StepError, match="/dev/sda does not have the new partitions"):
        beside(tmp_path).run(told)
    assert not any(did.startswith("mkfs") for did in told.did)


def test_what_others_are_part_of_stays_and_need_not_be_named(tmp_path: Path) -> None:
    told = machine()
    (disk,) = json.loads(LSBLK)["blockdevices"]
    inner = {"path": "/dev/sda2", "type": "part", "maj:min": "8:2", "fstype": "LVM2_member"}
    told.printed["lsblk"] = json.dumps({"blockdevices": [{**disk, "children": [inner]}]})
    whole = beside(tmp_path)
    assert whole.answers.disk == DiskName(serial="1")
    whole.run(told)


def test_folders_are_compared_without_case() -> None:
    others = Neighbours(folders=("Debian", "BOOT", "debian-2"))
    assert others.free_name("debian") == "debian-3"
    assert others.free_name("boot") == "boot-2"
    assert others.free_name("ubuntu") == "ubuntu"


ROOM = Room(esp=Volume(device="/dev/sda1", uuid="AAAA-BBBB"), start_mib=1, size_mib=1)


def test_one_loader_of_each_system_is_found(tmp_path: Path) -> None:
    for path in (
        "efi/Microsoft/Boot/bootmgfw.efi",
        "efi/Microsoft/Boot/memtest.efi",
        "efi/ubuntu/grubx64.efi",
        "efi/ubuntu/SHIMX64.EFI",
        "efi/BOOT/BOOTX64.EFI",
        "efi/tools/notes.txt",
        "efi/it's/grubx64.efi",
    ):
        put(tmp_path, path)
    found = find_neighbours(ROOM, tmp_path, RecordingMachine())
    assert found.loaders == (
        "/efi/Microsoft/Boot/bootmgfw.efi",
        "/efi/ubuntu/SHIMX64.EFI",
    )
    assert set(found.folders) == {"Microsoft", "ubuntu", "BOOT", "tools", "it's"}


def test_what_starts_by_itself_counts_where_nothing_else_does(tmp_path: Path) -> None:
    assert find_neighbours(ROOM, tmp_path, RecordingMachine()) == Neighbours()
    put(tmp_path, "EFI/BOOT/BOOTX64.EFI")
    found = find_neighbours(ROOM, tmp_path, RecordingMachine())
    assert found.loaders == ("/EFI/BOOT/BOOTX64.EFI",)
