"""What a backup leaves out, and how it sees the system."""

import os
from pathlib import Path

import pytest

from builder.basics.errors import SourceError, UsageError
from builder.host.backup.planning import BackupPlan, Seen, seen_system
from builder.inside.tree.filter_rules import FilterRules

NOWHERE = Path("/var/lib/engine")


def seen(tmp_path: Path, mounts: str = "", **plan: object) -> Seen:
    (tmp_path / "system").mkdir(exist_ok=True)
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(f"1 0 8:2 / / rw - ext4 /dev/sda2 rw\n{mounts}")
    given = {"cache": Path("/mnt/x"), "source": tmp_path / "system"} | plan
    return seen_system(BackupPlan(**given), engine_root=NOWHERE, mountinfo=mountinfo)  # type: ignore[arg-type]


def copies(found: Seen, path: str, *, folder: bool = False) -> bool:
    return FilterRules(found.filters).copies(path.encode(), directory=folder)


@pytest.mark.parametrize(
    "path",
    ["/proc/1", "/home/alice", "/root/.ssh", "/var/log/syslog", "/swapfile", "/boot/efi/EFI",
     "/etc/NetworkManager/system-connections/wifi", "/snap", "/.snapshots", "/mnt/x",
     "/data/debian_backup/.rootfs_cache", "/.distroclone-builder-0123456789abcdef"],
)  # fmt: skip
def test_what_is_never_backed_up(tmp_path: Path, path: str) -> None:
    assert not copies(seen(tmp_path), path, folder=True)


@pytest.mark.parametrize("path", ["/etc/fstab", "/boot/vmlinuz", "/opt/home/x", "/var/lib/dpkg"])
def test_the_system_is(tmp_path: Path, path: str) -> None:
    assert copies(seen(tmp_path), path)


@pytest.mark.parametrize("path", ["/home", "/root", "/var/log", "/proc", "/boot/efi"])
def test_folders_that_must_be_there_are_kept_empty(tmp_path: Path, path: str) -> None:
    assert copies(seen(tmp_path), path, folder=True)


def test_homes_are_taken_when_they_are_wanted(tmp_path: Path) -> None:
    assert copies(seen(tmp_path, include_home=True), "/home/alice")
    assert not copies(seen(tmp_path, include_home=True, exclude=("/home/bob",)), "/home/bob")


def test_a_cache_in_the_system_is_not_backed_up_into_itself(tmp_path: Path) -> None:
    cache = tmp_path / "system/srv/my [cache]"
    found = seen(tmp_path, cache=cache)
    assert not copies(found, "/srv/my [cache]", folder=True)
    assert copies(found, "/srv/my c", folder=True)


def test_a_system_in_the_cache_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="copied into itself"):
        seen(tmp_path, cache=tmp_path)


def test_a_system_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There is no folder at"):
        seen(tmp_path, source=tmp_path / "gone")


def test_parts_of_the_system_are_seen_unless_they_are_left_out(tmp_path: Path) -> None:
    top = tmp_path / "system"
    mounts = "".join(
        f"{number} 1 8:{number} / {top}/{name} rw - ext4 /dev/sdb{number} rw\n"
        for number, name in enumerate(("boot", "home", "srv", "mnt/x", "var/log"), start=3)
    )
    assert seen(tmp_path, mounts).parts == ("boot", "srv")
    assert seen(tmp_path, mounts, include_home=True).parts == ("boot", "home", "srv")
    assert seen(tmp_path, mounts, exclude=("/srv/**",)).parts == ("boot",)
    assert seen(tmp_path, mounts, exclude=("/srv/a*",)).parts == ("boot", "srv")


def test_no_name_of_a_mount_point_ends_its_line(tmp_path: Path) -> None:
    """Users mount with FUSE where they like; the kernel escapes blanks and the ends of lines."""
    mounts = (
        f"2 1 0:9 / {tmp_path}/system/home/a\rb rw - fuse.x x rw\n"
        f"3 1 8:3 / {tmp_path}/system/boot rw - ext4 /dev/sda3 rw\n"
    )
    assert seen(tmp_path, mounts).parts == ("boot",)


def test_a_boot_disk_that_is_mounted_when_it_is_looked_at_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a share that may not answer is not."""
    top, usual, looked = tmp_path / "system", os.listdir, []

    def woken(path: str) -> list[str]:
        looked.append(path)
        with (tmp_path / "mountinfo").open("a") as stream:
            stream.write(f"9 2 8:1 / {path} rw - ext4 /dev/sda1 rw\n")
        return usual(tmp_path)

    monkeypatch.setattr(os, "listdir", woken)
    mounts = (
        f"2 1 0:9 / {top}/boot rw - autofs systemd-1 rw\n"
        f"3 1 0:9 / {top}/srv/share rw - autofs systemd-1 rw\n"
    )
    found = seen(tmp_path, mounts)
    assert looked == [f"{top}/boot"]
    assert (found.parts, found.mounted) == (("boot",), ("boot",))
