"""A restored system gets tables, initramfs and GRUB of its new disk, and stays who it was."""

from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import SourceError, StepError
from builder.border.whole_systems import DiskRead, MadeStart, MakeStartRequest, Part, TargetDisk
from builder.inside.onto_disk.making_start import make_start
from builder.inside.onto_disk.marking import MARK, mark
from tests.support.installing import RecordingMachine
from tests.support.killed_backup import request_for
from tests.support.trees import KERNEL, put
from tests.unit.inside.installing.test_installation import OLDER, make_target

ROOT = Part(place="/", kind="ext4", device="/dev/sdb3")
ESP = Part(place="/boot/efi", kind="vfat", device="/dev/sdb2")
BOTH = ("i386-pc", "x86_64-efi")


def request(
    target: Path, *parts: Part, platforms: tuple[str, ...] = ("i386-pc",)
) -> MakeStartRequest:
    parts = parts or (ROOT,)
    disk = TargetDisk(
        folder=request_for(target).system, parts=parts, disk="/dev/sdb", snapshot="uuid-1"
    )
    uuids = tuple(f"of-{Path(each.device).name}" for each in parts)
    return MakeStartRequest(target=disk, read=DiskRead(uuids=uuids, platforms=platforms))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    made = make_target(tmp_path / "target")
    put(made, "etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    put(made, "etc/ssh/ssh_host_ed25519_key", "key")
    put(made, "etc/initramfs-tools/conf.d/resume", "RESUME=UUID=old\n")
    put(made, "boot/grub/device.map", "(hd0) /dev/sda\n")
    put(made, "etc/default/grub",
        'GRUB_CMDLINE_LINUX_DEFAULT="quiet resume=UUID=old ip=dhcp"\nX="resume=UUID=old"\n',
    )  # fmt: skip
    mark(made, "uuid-1")
    return made


def started(
    asked: MakeStartRequest, target: Path, told: RecordingMachine, *, there: bool = True
) -> MadeStart:
    return make_start(
        asked,
        machine=told,
        target=target,
        by_uuid=target.parent / "by-uuid",
        is_device=lambda _place, _device: there,
    )


def test_it_starts_on_bios_with_an_initramfs_for_each_kernel(target: Path) -> None:
    told = RecordingMachine()
    done = started(request(target), target, told)
    tools = [did for did in told.did if not did.startswith("mount")]
    assert tools == [
        f"in update-initramfs -c -k {KERNEL}",
        f"in update-initramfs -c -k {OLDER}",
        f"grub-install --target=i386-pc --boot-directory={target}/boot /dev/sdb",
    ]
    assert told.mounts == []
    assert done.kernels == (KERNEL, OLDER)
    assert "UUID=of-sdb3" in (target / "etc/fstab").read_text()
    assert "UUID=of-sdb3" in (target / "boot/grub/grub.cfg").read_text()
    assert not (target / MARK).exists()


def test_it_gets_grub_for_uefi_where_there_is_a_place_for_it(target: Path) -> None:
    told = RecordingMachine()
    started(request(target, ROOT, ESP, platforms=BOTH), target, told)
    assert [did.split()[1] for did in told.did if did.startswith("grub-install")] == [
        "--target=i386-pc", "--target=x86_64-efi",
    ]  # fmt: skip
    assert told.did[-1].endswith("--removable --no-nvram")


def test_it_stays_who_it_was(target: Path) -> None:
    kept = ("etc/machine-id", "etc/ssh/ssh_host_ed25519_key", "etc/hostname", "etc/passwd")
    before = {path: (target / path).read_bytes() for path in kept}
    started(request(target), target, RecordingMachine())
    assert {path: (target / path).read_bytes() for path in kept} == before


def test_the_old_table_stays_beside_and_other_disks_are_optional(target: Path) -> None:
    old = (target / "etc/fstab").read_text()
    put(target, "etc/crypttab", "swap /dev/sda9 /dev/urandom swap\n")
    done = started(request(target), target, RecordingMachine())
    assert (target / "etc/fstab.before-restore").read_text() == old
    assert done.optional == ("/data",)
    assert done.switched_off == ("swap /dev/sda9 /dev/urandom swap",)


def test_nothing_waits_for_swap_of_the_old_disk(target: Path) -> None:
    started(request(target), target, RecordingMachine())
    assert not (target / "etc/initramfs-tools/conf.d/resume").exists()
    assert not (target / "boot/grub/device.map").exists()
    assert (target / "etc/default/grub").read_text() == (
        'GRUB_CMDLINE_LINUX_DEFAULT="quiet ip=dhcp"\nX="resume=UUID=old"\n'
    )


def test_grubs_programs_find_the_devices_by_their_ids(target: Path) -> None:
    started(request(target, ROOT, ESP, platforms=BOTH), target, RecordingMachine())
    links = {each.name: str(each.readlink()) for each in (target.parent / "by-uuid").iterdir()}
    assert links == {"of-sdb3": "/dev/sdb3", "of-sdb2": "/dev/sdb2"}


def test_a_menu_for_a_separate_boot_names_the_kernels_as_grub_sees_them(target: Path) -> None:
    boot = Part(place="/boot", kind="ext4", device="/dev/sdb4")
    mark(target / "boot", "uuid-1")
    started(request(target, ROOT, boot), target, RecordingMachine())
    menu = (target / "boot/grub/grub.cfg").read_text()
    assert "--set=root of-sdb4\n" in menu
    assert "for kernel in /vmlinuz-*; do" in menu
    assert "root=UUID=of-sdb3" in menu


def test_after_a_failure_the_mark_stays_so_that_the_next_run_goes_on(target: Path) -> None:
    told = RecordingMachine(failing="grub-install")
    with pytest.raises(StepError, match="grub-install failed"):
        started(request(target), target, told)
    assert (target / MARK).read_text() == "uuid-1\n"
    assert told.mounts == []


def test_what_was_not_restored_there_is_not_touched(target: Path) -> None:
    before = (target / "etc/fstab").read_bytes()
    mark(target, "uuid-2")
    with pytest.raises(SourceError, match="not what was restored there"):
        started(request(target), target, RecordingMachine())
    mark(target, "uuid-1")
    with pytest.raises(StepError, match="/dev/sdb3 is not what is mounted at /"):
        started(request(target), target, RecordingMachine(), there=False)
    assert (target / "etc/fstab").read_bytes() == before


def test_folders_for_the_kernels_file_systems_are_made(target: Path) -> None:
    for name in ("dev", "tmp"):
        (target / name).rmdir()
    started(request(target), target, RecordingMachine())
    assert (target / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert (target / "dev").is_dir()


def test_a_subvolume_as_root_is_known_to_kernel_and_table(target: Path) -> None:
    root = replace(ROOT, kind="btrfs", subvolume="@")
    started(request(target, root), target, RecordingMachine())
    assert "rootflags=subvol=@" in (target / "boot/grub/grub.cfg").read_text()
    assert "subvol=@" in (target / "etc/fstab").read_text()
