"""What is mounted in a system, by /proc/self/mountinfo."""

from pathlib import Path

import pytest

from builder.host.backup import mount_points as module
from builder.host.backup.mount_points import freezes, mount_points, mounted_in, point_of

TEXT = r"""22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
24 22 8:1 / /boot rw,relatime - ext4 /dev/sda1 rw
25 24 8:3 / /boot/efi rw - vfat /dev/sda3 rw
26 22 8:4 / /home rw - xfs /dev/sda4 rw
27 22 8:5 / /var rw - ext4 /dev/sda5 rw
28 27 8:6 / /var/lib/my\040data rw - ext4 /dev/sda6 rw
29 22 8:5 /log /srv/log rw - ext4 /dev/sda5 rw
30 22 0:40 / /srv/share rw - nfs4 host:/export rw
31 22 8:7 / /media/stick rw - ext4 /dev/sdb1 rw
32 22 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
33 22 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro
34 22 0:60 / /tmp rw - tmpfs tmpfs rw
35 22 8:8 / /opt rw - ext4 /dev/sdc1 rw
36 35 0:61 / /opt rw - tmpfs tmpfs rw
"""
LEFT_OUT = (Path("/media"), Path("/home"), Path("/boot/efi"), Path("/run"))


def test_the_parts_of_a_system_on_other_disks_are_found_outermost_first() -> None:
    found = mounted_in(Path("/"), mount_points(TEXT), left_out=LEFT_OUT)
    assert [each.path for each in found.disks] == ["/boot", "/var", "/var/lib/my data"]
    assert [(each.path, each.kind) for each in found.elsewhere] == [("/srv/share", "nfs4")]


def test_what_is_not_taken_is_known_for_what_it_is() -> None:
    text = (
        "22 1 8:2 / / rw - ext4 /dev/sda2 rw\n"
        "23 22 8:3 / /boot/firmware rw - vfat /dev/sda3 rw\n"
        "24 22 8:4 / /windows rw - fuseblk /dev/sda4 rw\n"
        "25 22 8:5 / /efi rw - vfat /dev/sda5 rw\n"
        "26 22 0:70 / /srv/auto rw - autofs systemd-1 rw\n"
        "27 22 0:71 / /opt/portal rw - fuse.portal /dev/fuse rw\n"
        "28 22 7:1 / /opt/disc ro - iso9660 /dev/loop1 ro\n"
    )
    found = mounted_in(Path("/"), mount_points(text), left_out=())
    assert [each.path for each in found.disks] == ["/boot/firmware"]
    assert [each.path for each in found.foreign] == ["/efi", "/windows"]
    assert set(found.places) == {"/boot/firmware", "/windows", "/efi", "/opt/portal", "/opt/disc"}


def test_a_disk_that_is_left_out_with_its_folder_is_no_part() -> None:
    assert mounted_in(Path("/"), mount_points(TEXT), left_out=[Path("/")]).disks == ()
    only = mounted_in(Path("/var"), mount_points(TEXT), left_out=())
    assert [each.path for each in only.disks] == ["/var/lib/my data"]


def test_a_path_is_on_what_is_mounted_last_above_it() -> None:
    points = mount_points(TEXT)
    assert point_of(Path("/var/lib/dpkg"), points).device == "8:5"
    assert point_of(Path("/opt/x"), points).kind == "tmpfs"
    assert point_of(Path("/variety"), points).path == "/"


def test_in_a_chroot_without_a_mounted_root_nothing_is_known_and_nothing_fails() -> None:
    assert point_of(Path("/x"), ()).kind == ""
    assert not freezes(Path("/"), ())


SUBVOLUMES = """22 1 0:33 /@ / rw - btrfs /dev/sda2 rw,subvol=/@
23 22 0:33 /@home /home rw - btrfs /dev/sda2 rw,subvol=/@home
24 22 0:33 /@srv /srv rw - btrfs /dev/sda2 rw,subvol=/@srv
25 22 0:33 /@/opt/real /opt/shown rw - btrfs /dev/sda2 rw,subvol=/@
26 22 0:44 / /mnt ro - btrfs /dev/sdb rw
"""


def test_subvolumes_are_parts_and_folders_that_are_bound_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tops = {Path("/"), Path("/home"), Path("/srv"), Path("/mnt")}
    monkeypatch.setattr(module, "_is_subvolume", lambda path: path in tops)
    points = mount_points(SUBVOLUMES)
    found = mounted_in(Path("/"), points, left_out=[Path("/mnt")])
    assert [each.path for each in found.disks] == ["/home", "/srv"]
    assert freezes(Path("/"), points)
    assert not freezes(Path("/mnt"), points)  # mounted read-only
    assert not freezes(Path("/usr"), points)  # a folder


def test_what_is_no_btrfs_is_not_frozen() -> None:
    assert not freezes(Path("/"), mount_points(TEXT))
