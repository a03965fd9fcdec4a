"""What goes wrong with disk or medium is told as that, whatever noticed it."""

import errno
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import BuilderError, StepError, UsageError
from builder.formats.answers import DiskName
from builder.inside.installing.disks import Disk, choose_disk
from builder.inside.installing.faults import explained, read_from_medium
from builder.inside.installing.machine import Log, RealMachine, has_small_uefi
from tests.support.installing import RecordingMachine
from tests.support.trees import put
from tests.unit.inside.installing.test_disks import found, node
from tests.unit.inside.installing.test_installation import (
    ANSWERS,
    GIB,
    LSBLK,
    SUM,
    WRITING,
    installation,
    machine,
)

DAMAGE = (
    "read_block: failed to read block @0x60",
    "zstd uncompress failed with error code 20",
    "Read on filesystem failed because Input/output error",
    "FATAL ERROR: Can't find a valid SQUASHFS superblock on /image",
)


def failing(program: str, *output: str) -> RecordingMachine:
    printed = {"lsblk": LSBLK, "du": f"{GIB}\t/clone\n", "sha256sum": f"{SUM}  it\n"}
    return RecordingMachine(printed, failing=program, output=output)


@pytest.mark.parametrize("program", ["unsquashfs", "mkfs.ext4", "useradd", "grub-install"])
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("cannot write: No space left on device", "^/dev/sda was full before all of the system"),
        ("Write on output file failed because Input/output error", "^/dev/sda cannot be read or"),
        ("failed to create file a, because Read-only file system", "^/dev/sda cannot be read or"),
        ("mount: Structure needs cleaning", "^/dev/sda cannot be read or written any more"),
    ],
)
def test_whichever_program_meets_a_full_or_broken_disk(
    program: str, said: str, reason: str, tmp_path: Path
) -> None:
    told = failing(program, "one line", said)
    with pytest.raises(StepError, match=reason) as caught:
        installation(tmp_path).run(told)
    assert "again" in caught.value.advice
    assert caught.value.output == ("one line", said)
    assert told.mounts == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_our_own_writing_meets_the_same(number: int) -> None:
    def write() -> None:
        raise OSError(number, "unused text")

    reason = "was full before" if number == errno.ENOSPC else "cannot be read or written"
    with pytest.raises(StepError, match=f"/dev/sdz {reason}"), explained("/dev/sdz"):
        write()
    with pytest.raises(PermissionError, match="unused text"), explained("/dev/sdz"):
        raise PermissionError(errno.EACCES, "unused text")


@pytest.mark.parametrize("said", DAMAGE)
def test_a_medium_that_is_pulled_while_it_is_copied_is_not_taken_for_the_disk(
    said: str, tmp_path: Path
) -> None:
    told = failing("unsquashfs", said)
    with pytest.raises(StepError, match=r"^The medium cannot be read$") as caught:
        installation(tmp_path).run(told)
    assert "install again" in caught.value.advice
    assert told.mounts == []


@pytest.mark.parametrize("printed", ["6" * 64 + "  it\n", ""])
def test_an_image_that_is_not_what_was_built_is_found_before_anything_is_written(
    printed: str, tmp_path: Path
) -> None:
    told = machine()
    told.printed["sha256sum"] = printed
    with pytest.raises(StepError, match=r"^The medium cannot be read$"):
        installation(tmp_path).run(told)
    assert not [did for did in told.did if did.startswith(WRITING)]


@pytest.mark.parametrize("program", ["du", "sha256sum"])
def test_a_medium_that_is_pulled_before_is_told_and_nothing_is_written(
    program: str, tmp_path: Path
) -> None:
    told = failing(program, "Input/output error")
    with pytest.raises(StepError, match=r"^The medium cannot be read$"):
        installation(tmp_path).run(told)
    assert not [did for did in told.did if did.startswith(WRITING)]


def test_our_own_reading_of_it_is_told_as_well() -> None:
    image = Path("/image")
    with pytest.raises(StepError, match=r"^The medium cannot be read$"), read_from_medium(image):
        raise OSError(errno.EIO, "unused text")
    with pytest.raises(FileNotFoundError), read_from_medium(image):
        raise FileNotFoundError(errno.ENOENT, "unused text")


def test_what_seems_not_to_be_there_may_be_a_pulled_medium(tmp_path: Path) -> None:
    gone = Path("/proc/self/mem")  # of which the start cannot be read: EIO
    with pytest.raises(StepError, match=r"^The medium cannot be read$"), read_from_medium(gone):
        raise UsageError("The system has no kernel")
    whole = put(tmp_path, "image", bytes(100_000))
    for image in (whole, tmp_path / "none"):
        with pytest.raises(UsageError, match="The system has no kernel"), read_from_medium(image):
            raise UsageError("The system has no kernel")


def test_a_medium_without_sums_says_that_nothing_was_compared(tmp_path: Path) -> None:
    told, whole = machine(), installation(tmp_path)
    (tmp_path / "medium/sha256sum.txt").unlink()
    whole.run(told)
    put(tmp_path / "medium", "sha256sum.txt", f"{SUM}  ./live/vmlinuz\n")
    whole.run(told)
    said = [line for line in told.said if line.startswith("The medium has no sum of the system")]
    assert len(said) == 2
    assert not any(did.startswith("sha256sum") for did in told.did)


def real(tmp_path: Path) -> RealMachine:
    return RealMachine(Log(tmp_path / "log", lambda _line: None))


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["sh", "-c", "kill -BUS $$"], "^The medium cannot be read$"),
        (["/no/such/tool"], "^/no/such/tool cannot be started: No such file or directory$"),
        (["sh", "-c", "exit 3"], "^sh failed with exit code 3$"),
    ],
)
def test_a_program_of_the_medium_that_cannot_run_says_why(
    argv: Sequence[str], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(StepError, match=reason) as caught:
        real(tmp_path).run(argv)
    assert caught.value.advice


def test_programs_find_all_folders_and_nobody_to_ask(tmp_path: Path) -> None:
    asked = real(tmp_path).run(["sh", "-c", 'read -r line; echo "$PATH:$line:$?"'])
    *folders, line, code = asked.strip().split(":")
    wanted = {f"{top}{name}" for top in ("/usr/local/", "/usr/", "/") for name in ("bin", "sbin")}
    assert set(folders) == wanted
    assert (line, code) == ("", "1")


def members(fstype: str, label: str | None = None) -> Disk:
    part = node("/dev/sda1", "part", fstype=fstype, label=label)
    return found(node("/dev/sda", serial="1", children=[part]))[0]


@pytest.mark.parametrize(
    "kind", ["LVM2_member", "linux_raid_member", "zfs_member", "isw_raid_member", "bcache"]
)
def test_a_member_that_nobody_assembled_is_erased_only_by_its_name(kind: str) -> None:
    disk = members(kind, label="nas:0")
    assert "part of something that may be on other disks as well" in str(disk)
    if kind == "zfs_member":  # while some pool is imported, as in these lists of mounts
        disk = replace(disk, uses=())
    reason = rf"nas:0.* is part of something that may be on other disks as well: {kind}"
    for name in (DiskName(serial="1"), DiskName(serial="1", holds=("ext4",))):
        with pytest.raises(UsageError, match=reason) as caught:
            choose_disk([disk], name, needed=GIB)
        assert f"`holds: {kind}`" in caught.value.advice
    named = DiskName(serial="1", holds=(kind,))
    assert choose_disk([disk], named, needed=GIB) is disk


def test_a_btrfs_is_a_member_where_another_disk_has_it_as_well() -> None:
    def half(path: str, uuid: str) -> dict[str, object]:
        return node(path, children=[node(f"{path}1", "part", fstype="btrfs", uuid=uuid)])

    one, two, alone = found(half("/dev/sdi", "u1"), half("/dev/sdj", "u1"), half("/dev/sdk", "u2"))
    assert (one.members, two.members, alone.members) == (("btrfs",), ("btrfs",), ())


@pytest.mark.parametrize("kind", ["ext4", "crypto_LUKS", "swap", "ntfs"])
def test_what_is_on_one_disk_only_is_erased_with_it(kind: str) -> None:
    disk = members(kind)
    assert disk.members == ()
    assert choose_disk([disk], DiskName(serial="1"), needed=GIB) is disk


def test_nothing_is_written_to_a_member(tmp_path: Path) -> None:
    told = machine()
    (disk,) = json.loads(LSBLK)["blockdevices"]
    told.printed["lsblk"] = json.dumps({"blockdevices": [{**disk, "fstype": "LVM2_member"}]})
    whole = installation(tmp_path)
    with pytest.raises(BuilderError, match="may be on other disks as well: LVM2_member"):
        whole.run(told)
    assert not [did for did in told.did if did.startswith(WRITING)]
    held = DiskName(serial="1", holds=("LVM2_member",))
    replace(whole, answers=replace(ANSWERS, disk=held)).run(told)
    assert "wipefs --all --force /dev/sda" in told.did


@pytest.mark.parametrize(("width", "small"), [(b"32\n", True), (b"64\n", False), (b"", False)])
def test_a_machine_whose_uefi_has_32_bits_gets_a_loader_for_it(
    width: bytes, small: bool, tmp_path: Path
) -> None:
    told = machine(files={"fw_platform_size": width})
    assert has_small_uefi(told) is small
    installation(tmp_path).run(told)
    made = [did for did in told.did if did.startswith("grub-install --target=i386-efi")]
    assert [did.split()[-2:] for did in made] == ([["--removable", "--no-nvram"]] if small else [])
