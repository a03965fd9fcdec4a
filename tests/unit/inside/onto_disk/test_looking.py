"""What speaks against a restore of a whole system is said before anything is written."""

import os
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from builder.basics.errors import HostError, SourceError, UsageError
from builder.border.whole_systems import Looked, LookRequest, Part, TargetDisk
from builder.inside.onto_disk.looking import look
from builder.inside.onto_disk.marking import MARK, mark
from tests.support.killed_backup import request_for
from tests.support.trees import KERNEL, make_system, put

ROOT = Part(place="/", kind="ext4", device="/dev/sdb3")
BOOT = Part(place="/boot", kind="ext4", device="/dev/sdb4")
ESP = Part(place="/boot/efi", kind="vfat", device="/dev/sdb2")


def make_source(root: Path) -> Path:
    make_system(root)
    put(root, "etc/hostname", "kiosk\n")
    put(root, "usr/sbin/update-initramfs")
    put(
        root,
        "etc/passwd",
        "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/bash\n"
        "build:x:1001:1001::/nowhere:/usr/sbin/nologin\nbob:x:1002:1002::/home/bob:/bin/sh\n",
    )
    put(root, "home/bob/letter", "x")
    put(root, ".snapshots/1/snapshot/etc/huge", bytes(1 << 20))
    return root


def request(target: Path, *parts: Part, snapshot: str = "uuid-1") -> LookRequest:
    disk = TargetDisk(
        folder=request_for(target).system,
        parts=parts or (ROOT,),
        disk="/dev/sdb",
        snapshot=snapshot,
    )
    return LookRequest(target=disk, secure_boot=False)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    made = tmp_path / "target"
    (made / "lost+found").mkdir(parents=True)
    return made


def looked(tmp_path: Path, target: Path, *parts: Part) -> Looked:
    source = tmp_path / "source"
    if not source.exists():
        make_source(source)
    return look(request(target, *parts), source=source, target=target)


def test_it_says_what_would_come_and_who_would_have_no_home(tmp_path: Path, target: Path) -> None:
    before = sorted(target.rglob("*"))
    found = looked(tmp_path, target)
    assert (found.system, found.hostname) == ("Debian GNU/Linux 13 (trixie)", "kiosk")
    assert (found.kernels, found.homeless, found.continued) == ((KERNEL,), ("anna",), False)
    # without the snapshots
    assert found.entries == sum(len(dirs) + len(files) for folder, dirs, files
                                in os.walk(tmp_path / "source")
                                if "/.snapshots" not in folder) - 1  # fmt: skip
    assert found.size < 1 << 20
    assert sorted(target.rglob("*")) == before


def test_folders_that_lead_to_other_file_systems_are_no_contents(
    tmp_path: Path, target: Path
) -> None:
    put(target, "boot/efi/EFI/BOOT/BOOTX64.EFI", "somebody's")
    assert looked(tmp_path, target, ROOT, BOOT, ESP).continued is False
    put(target, "boot/vmlinuz", "x")
    with pytest.raises(UsageError, match="The target is not empty: /boot/vmlinuz"):
        looked(tmp_path, target, ROOT, BOOT, ESP)


def test_what_another_restore_left_there_is_not_mixed_with_this(
    tmp_path: Path, target: Path
) -> None:
    mark(target, "uuid-1")
    put(target, "etc/half")
    assert looked(tmp_path, target).continued is True
    mark(target, "uuid-2")
    with pytest.raises(UsageError, match="Another snapshot was being restored to the target"):
        looked(tmp_path, target)
    (target / MARK).unlink()
    with pytest.raises(UsageError, match="The target is not empty: /etc"):
        looked(tmp_path, target)


def test_a_file_system_that_is_mounted_later_is_not_taken_for_ours(
    tmp_path: Path, target: Path
) -> None:
    """A run that goes on deletes what is not in the snapshot."""
    mark(target, "uuid-1")
    put(target, "home/anna/years of work")
    home = Part(place="/home", kind="ext4", device="/dev/sdb5")
    with pytest.raises(UsageError, match="The target is not empty: /home/anna"):
        looked(tmp_path, target, ROOT, home)


@pytest.mark.parametrize(
    ("gone", "reason"),
    [
        ("usr/lib/os-release", "There is no system in the snapshot"),
        (f"boot/vmlinuz-{KERNEL}", "no kernel that a disk could start"),
        ("usr/sbin/update-initramfs", "neither initramfs-tools nor dracut"),
    ],
)
def test_a_system_that_could_not_start_is_refused(
    tmp_path: Path, target: Path, gone: str, reason: str
) -> None:
    source = make_source(tmp_path / "source")
    (source / gone).unlink()
    with pytest.raises(SourceError, match=reason):
        looked(tmp_path, target)


def test_a_boot_that_is_a_link_is_refused(tmp_path: Path, target: Path) -> None:
    source = make_source(tmp_path / "source")
    (source / "boot").rename(source / "kernels")
    (source / "boot").symlink_to("kernels")
    with pytest.raises(SourceError, match="/boot of the system is a link"):
        looked(tmp_path, target)


def test_a_root_that_its_kernel_cannot_open_is_refused(tmp_path: Path, target: Path) -> None:
    with pytest.raises(
        UsageError, match=re.escape(f"kernel {KERNEL} of the system cannot open xfs")
    ):
        looked(tmp_path, target, replace(ROOT, kind="xfs"))


def test_secure_boot_needs_loaders_of_the_system(tmp_path: Path, target: Path) -> None:
    source = make_source(tmp_path / "source")
    asked = replace(request(target), secure_boot=True)
    with pytest.raises(UsageError, match="Secure Boot is on, and the system in the snapshot"):
        look(asked, source=source, target=target)
    for path in ("usr/sbin/grub-install", "usr/lib/shim/shimx64.efi.signed",
                 "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"):  # fmt: skip
        put(source, path)
    assert look(asked, source=source, target=target).kernels == (KERNEL,)


@pytest.mark.parametrize(
    ("room", "reason"),
    [
        ({"f_bavail": 1000}, "The target's / has 3.9 MiB free; the system needs 256"),
        ({"f_favail": 5}, "The target's / can have 5 files; the system has"),
    ],
)
def test_a_disk_that_is_too_small_is_refused(
    tmp_path: Path,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    room: dict[str, int],
    reason: str,
) -> None:
    facts = {"f_bavail": 1 << 30, "f_frsize": 4096, "f_files": 1 << 20, "f_favail": 1 << 20} | room
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(**facts))
    with pytest.raises(HostError, match=reason):
        looked(tmp_path, target)


def test_another_machines_folder_is_not_written_to(tmp_path: Path, target: Path) -> None:
    asked = request(target)
    elsewhere = replace(asked.target, folder=replace(asked.target.folder, boot="another"))
    with pytest.raises(HostError, match="engine runs on another machine"):
        look(replace(asked, target=elsewhere), source=tmp_path, target=target)
