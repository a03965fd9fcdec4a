"""An installation as a whole: its order, what it leaves, and what it does when something fails."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import StepError, UsageError
from builder.formats.answers import Account, Answers, DiskName, FileSystem
from builder.inside.installing.clone import Clone
from builder.inside.installing.installation import Installation
from tests.support.installing import HASH, RecordingMachine
from tests.support.trees import KERNEL, make_kernel, make_system, put

GIB = 1 << 30
SUM = "5" * 64
OLDER = "6.1.0-9-amd64"
ANSWERS = Answers(
    disk=DiskName(serial="1"),
    user=Account(name="anna", password_hash=HASH, full_name="Anna"),
    hostname="kiosk",
)
LSBLK = json.dumps(
    {
        "blockdevices": [
            {"path": "/dev/sda", "type": "disk", "size": 64 * GIB, "serial": "1", "model": None,
             "wwn": None, "ro": False, "maj:min": "8:0"},
        ]
    }
)  # fmt: skip
WRITING = ("wipefs", "sfdisk", "mkfs", "mount", "unsquashfs", "in ", "grub-install")


def make_target(root: Path, *more: str) -> Path:
    """Make a system as it is after it was copied."""
    make_system(root)
    make_kernel(root, OLDER)
    for kernel in (KERNEL, OLDER):
        put(root, f"boot/vmlinuz-{kernel}", (root / f"boot/vmlinuz-{kernel}").read_bytes())
        put(root, f"boot/initrd.img-{kernel}", bytes(2 << 20))
    for name in ("dev", "proc", "sys", "run", "tmp"):
        (root / name).mkdir()
    put(root, "etc/passwd", "root:x:0:0::/root:/bin/sh\n")
    put(root, "etc/group", "root:x:0:\nsudo:x:27:\nvideo:x:44:\n")
    put(root, "etc/hostname", "live\n")
    put(root, "etc/fstab", "/dev/sdx1 /data ext4 defaults 0 2\n")
    put(root, "bin/bash")
    for path in ("usr/sbin/update-initramfs", "usr/sbin/fsck.ext4", *more):
        put(root, path)
    (root / "var/lib/systemd").mkdir()
    return root


def installation(tmp_path: Path, *more: str) -> Installation:
    log = tmp_path / "log"
    tmp_path.mkdir(exist_ok=True, parents=True)
    log.write_text("all of it\n")
    image = tmp_path / "medium/live/filesystem.squashfs"
    put(tmp_path / "medium", "sha256sum.txt", f"{SUM}  ./live/filesystem.squashfs\n")
    return Installation(
        clone=Clone(image=image, root=make_target(tmp_path / "clone", *more)),
        answers=ANSWERS,
        file_system=FileSystem.EXT4,
        target=make_target(tmp_path / "target", *more),
        log=log,
    )


def machine(*, failing: str = "", files: Mapping[str, bytes] | None = None) -> RecordingMachine:
    printed = {"lsblk": LSBLK, "du": f"{GIB}\t/clone\n", "sha256sum": f"{SUM}  it\n"}
    return RecordingMachine(printed, files=files, failing=failing)


def test_it_goes_from_the_disk_to_the_boot_loader_and_leaves_nothing_mounted(
    tmp_path: Path,
) -> None:
    told = machine()
    target = tmp_path / "target"
    disk = installation(tmp_path, "usr/bin/sudo").run(told)
    assert disk.path == "/dev/sda"
    order = [
        "wipefs --all --force /dev/sda",
        "sfdisk --wipe always --wipe-partitions always /dev/sda",
        "wait for /dev/sda2",
        "mkfs.ext4 ",
        f"mount ext4 - /dev/sda3 {target}",
        f"unsquashfs -f -n -q -d {target} {tmp_path}/medium/live/filesystem.squashfs",
        f"mount vfat umask=0077 /dev/sda2 {target}/boot/efi",
        "in useradd --create-home --shell /bin/bash --comment Anna --groups video,sudo anna",
        "in chpasswd --encrypted",
        f"in update-initramfs -c -k {KERNEL}",
        f"in update-initramfs -c -k {OLDER}",
        f"grub-install --target=i386-pc --boot-directory={target}/boot /dev/sda",
        (
            f"grub-install --target=x86_64-efi --boot-directory={target}/boot "
            f"--efi-directory={target}/boot/efi --removable --no-nvram"
        ),
    ]
    found = [next(i for i, did in enumerate(told.did) if did.startswith(each)) for each in order]
    assert found == sorted(found)
    assert f"mount vfat umask=0077 /dev/sda2 {target}/boot/efi" in told.did
    assert told.mounts == []
    assert told.typed["chpasswd"] == f"anna:{HASH}\n"
    assert not any(HASH in did for did in told.did)
    assert [line[:5] for line in told.said] == [f"[{phase}/7]" for phase in range(1, 8)]


def test_it_runs_nothing_that_changes_packages_or_asks_for_units(tmp_path: Path) -> None:
    told = machine()
    installation(tmp_path, "usr/bin/sudo", "usr/bin/apt-get", "usr/bin/systemctl").run(told)
    assert len(told.did) > 10
    assert not [did for did in told.did if re.search(r"\b(apt|apt-get|dpkg|systemctl)\b", did)]


def test_the_partitions_serve_both_kinds_of_firmware(tmp_path: Path) -> None:
    told = machine()
    installation(tmp_path).run(told)
    kinds = re.findall(r"type=([0-9A-F-]{36})", told.typed["sfdisk"])
    assert kinds == [
        "21686148-6449-6E6F-744E-656564454649",
        "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
        "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    ]


def test_the_system_gets_its_own_identity(tmp_path: Path) -> None:
    told = machine()
    installation(tmp_path).run(told)
    target = tmp_path / "target"
    (made,) = [did for did in told.did if did.startswith("mkfs.ext4")]
    uuid = re.search(r"-U (\S+)", made)
    assert uuid is not None
    lines = (target / "etc/fstab").read_text().splitlines()
    assert lines[1].split() == [f"UUID={uuid[1]}", "/", "ext4", "errors=remount-ro", "0", "1"]
    assert lines[2].split()[1:3] == ["/boot/efi", "vfat"]
    assert len(lines) == 3
    assert re.fullmatch(r"[0-9a-f]{32}\n", (target / "etc/machine-id").read_text())
    assert len((target / "var/lib/systemd/random-seed").read_bytes()) == 512
    assert (target / "etc/hostname").read_text() == "kiosk\n"
    assert (target / "var/log/distroclone-install.log").read_text() == "all of it\n"
    assert uuid[1] in (target / "boot/grub/grub.cfg").read_text()
    assert (target / "tmp/cmdline").read_text() == f"root=UUID={uuid[1]} ro quiet\n"


def test_the_units_that_make_keys_in_a_live_system_are_not_installed(tmp_path: Path) -> None:
    ours = "usr/lib/systemd/system/distroclone-builder-ssh-keys.service"
    told = machine()
    installed = installation(tmp_path, ours, "usr/sbin/sshd", "usr/bin/ssh-keygen")
    wanted = tmp_path / "target/etc/systemd/system/multi-user.target.wants"
    wanted.mkdir(parents=True)
    (wanted / "distroclone-builder-ssh-keys.service").symlink_to(f"/{ours}")
    installed.run(told)
    assert not (tmp_path / "target" / ours).exists()
    assert list(wanted.iterdir()) == []
    assert "in ssh-keygen -A" in told.did


def test_a_system_with_its_own_grub_uses_it(tmp_path: Path) -> None:
    told = machine()
    own = ("usr/sbin/grub-install", "usr/sbin/update-grub", "usr/lib/grub/i386-pc/modinfo.sh",
           "usr/lib/grub/x86_64-efi/modinfo.sh", "boot/grub/grub.cfg")  # fmt: skip
    installation(tmp_path, *own).run(told)
    loaders = [did for did in told.did if "grub" in did]
    assert loaders == [
        "in /usr/sbin/grub-install --target=i386-pc --recheck /dev/sda",
        (
            "in /usr/sbin/grub-install --target=x86_64-efi --recheck --efi-directory=/boot/efi "
            "--no-nvram --force-extra-removable"
        ),
        "in /usr/sbin/update-grub",
    ]


def test_without_sudo_root_has_the_password_too(tmp_path: Path) -> None:
    told = machine()
    installation(tmp_path).run(told)
    assert told.typed["chpasswd"] == f"anna:{HASH}\nroot:{HASH}\n"
    assert "The system has no sudo, so root has the password of anna" in told.said


def test_only_test_machines_get_a_report(tmp_path: Path) -> None:
    unit = "etc/systemd/system/distroclone-builder-install-report.service"
    installation(tmp_path / "a").run(machine(files={"product_name": b"ThinkPad\n"}))
    assert not (tmp_path / "a/target" / unit).exists()
    installation(tmp_path / "b").run(
        machine(files={"product_name": b"distroclone-builder-boot-test\n"})
    )
    assert (tmp_path / "b/target" / unit).exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"disk": DiskName(serial="2")}, "No disk of this machine is the one"),
        ({"user": Account(name="root", password_hash=HASH)}, 'cannot be called "root"'),
        ({"user": Account(name="sudo", password_hash=HASH)}, "/etc/group of the system has that"),
    ],
)
def test_nothing_is_written_before_all_is_checked(
    change: dict[str, object], reason: str, tmp_path: Path
) -> None:
    told = machine()
    whole = installation(tmp_path)
    with pytest.raises(UsageError, match=reason):
        replace(whole, answers=replace(ANSWERS, **change)).run(told)  # type: ignore[arg-type]
    assert not [did for did in told.did if did.startswith(WRITING)]


@pytest.mark.parametrize("kind", ["crypt", "lvm", "raid1"])
def test_a_disk_below_something_is_never_written_to(kind: str, tmp_path: Path) -> None:
    told = machine()
    above = {"path": "/dev/dm-0", "type": kind, "maj:min": "253:0"}
    (disk,) = json.loads(LSBLK)["blockdevices"]
    disk["children"] = [
        {"path": "/dev/sda1", "type": "part", "maj:min": "8:1", "children": [above]}
    ]
    told.printed["lsblk"] = json.dumps({"blockdevices": [disk]})
    with pytest.raises(UsageError, match="/dev/sda is in use: /dev/dm-0"):
        installation(tmp_path).run(told)
    assert not [did for did in told.did if did.startswith(WRITING)]


def test_a_disk_that_is_too_small_is_never_written_to(tmp_path: Path) -> None:
    told = machine()
    told.printed["du"] = f"{64 * GIB}\t/clone\n"
    with pytest.raises(UsageError, match="/dev/sda has 68719476736 bytes; the system needs"):
        installation(tmp_path).run(told)
    assert not [did for did in told.did if did.startswith(WRITING)]


def test_a_system_that_cannot_start_is_refused_first(tmp_path: Path) -> None:
    whole = installation(tmp_path)
    (tmp_path / "clone/usr/sbin/update-initramfs").unlink()
    told = machine()
    with pytest.raises(UsageError, match="neither initramfs-tools nor dracut"):
        whole.run(told)
    for kernel in (KERNEL, OLDER):
        (tmp_path / f"clone/boot/vmlinuz-{kernel}").unlink()
    with pytest.raises(UsageError, match="no kernel that a disk could start"):
        whole.run(told)
    assert told.did == []


def test_secure_boot_needs_loaders_of_the_system(tmp_path: Path) -> None:
    name = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    told = machine(files={name: b"\x06\x00\x00\x00\x01"})
    with pytest.raises(UsageError, match="Secure Boot is on, and the system has no loaders"):
        installation(tmp_path).run(told)
    assert not [did for did in told.did if did.startswith(WRITING)]
    signed = ("usr/sbin/grub-install", "usr/lib/shim/shimx64.efi.signed",
              "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed")  # fmt: skip
    installation(tmp_path / "signed", *signed).run(machine(files={name: b"\x06\x00\x00\x00\x01"}))


def test_an_initramfs_that_is_not_whole_ends_it(tmp_path: Path) -> None:
    whole = installation(tmp_path)
    put(tmp_path, f"target/boot/initrd.img-{OLDER}", b"half")
    with pytest.raises(StepError, match=f"initramfs of the kernel {OLDER} is missing or too small"):
        whole.run(machine())


def test_after_a_failure_nothing_is_mounted_and_the_log_is_kept(tmp_path: Path) -> None:
    told = machine(failing="unsquashfs")
    with pytest.raises(StepError, match="unsquashfs failed"):
        installation(tmp_path).run(told)
    assert told.mounts == []
    assert (tmp_path / "target/var/log/distroclone-install.log").read_text() == "all of it\n"
