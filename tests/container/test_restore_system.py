"""A whole system on a disk of its own: copied by a real engine, made to start, and gone on with."""

from pathlib import Path

import docker
import pytest

from builder.basics.errors import HostError, UsageError
from builder.border.whole_systems import CopySystemRequest, Part, TargetDisk
from builder.formats.identities import ImageIdentity
from builder.inside.onto_disk.copying import copy_system
from builder.inside.onto_disk.marking import MARK
from builder.inside.system.real_system import RealSystem
from tests.support.backed_up import OURS, Volume
from tests.support.caches import command, small_tmpfs
from tests.support.command_line import run, running, wait_until
from tests.support.faithful import Facts, differences, facts
from tests.support.hard_tree import make_hard_tree
from tests.support.killed_backup import request_for
from tests.support.target_disks import made_disk
from tests.support.trees import put

pytestmark = pytest.mark.container

GIB = 1 << 30


# What a new disk has of its own, and the folders that it was made in.
_ITS_OWN = ("/boot", "/etc/fstab", "/etc/crypttab", "/etc/initramfs-tools/conf.d", "/lost+found")
_CHANGED_FOLDERS = (b"", b"/etc", b"/var/tmp")


def unlike(source: Facts, restored: Facts) -> list[str]:
    """Return what differs beyond that."""
    own = tuple(each.encode() for each in _ITS_OWN)
    both = (source, restored)
    return differences(*(
        {path: each for path, each in tree.items()
         if not path.startswith(own) and path not in _CHANGED_FOLDERS}
        for tree in both
    ))  # fmt: skip


def test_a_whole_system_comes_back_and_has_what_starts_it(cache: Path) -> None:
    with made_disk(3 * GIB) as disk:
        words = ("restore", "latest", "--system", disk.mount, "--cache", cache)
        look = run(*words, "--dry-run")
        assert look.code == 0, look.errors
        assert look.data["done"] is None
        assert [each.name for each in disk.mount.iterdir()] == ["lost+found"]
        done = run(*words, "--yes")
        assert done.code == 0, done.errors
        assert done.data["done"]["started"]["platforms"] == ["i386-pc"]
        source = cache / done.data["snapshot"]["path"]
        assert unlike(facts(source, without=OURS), facts(disk.mount)) == []
        uuid = command("blkid", "-o", "value", "-s", "UUID", disk.partition(3)).strip()
        assert f"UUID={uuid}  /  ext4" in (disk.mount / "etc/fstab").read_text()
        assert uuid in (disk.mount / "boot/grub/grub.cfg").read_text()
        (image,) = (disk.mount / "boot").glob("initrd.img-*")
        assert image.stat().st_size > 10 << 20
        with open(disk.device, "rb") as device:  # noqa: PTH123
            assert b"GRUB" in device.read(512)
        again = run(*words, "--yes")
        assert again.code == 2
        assert "The target is not empty" in str(again.error)


@pytest.mark.full
def test_a_restore_that_was_killed_goes_on_and_ends_as_it_would_have(
    cache: Path, client: docker.DockerClient
) -> None:
    with made_disk(3 * GIB) as disk:
        words = ("restore", "latest", "--system", disk.mount, "--cache", cache)
        with running(*words, "--yes") as killed:
            wait_until((disk.mount / "usr/share").is_dir)
            for each in client.containers.list(filters={"label": "distroclone-builder.role"}):
                if each.labels["distroclone-builder.role"] == "copy-system":
                    each.kill()
            assert killed.end().code != 0
        assert (disk.mount / MARK).exists()
        assert run(*words, "--dry-run").data["looked"]["continued"] is True
        done = run(*words, "--yes")
        assert done.code == 0, done.errors
        assert not (disk.mount / MARK).exists()
        source = facts(cache / done.data["snapshot"]["path"], without=OURS)
        assert unlike(source, facts(disk.mount)) == []


def target(folder: Path, *, parts: tuple[Part, ...] = ()) -> TargetDisk:
    """Return a target for functions that look at no device."""
    return TargetDisk(
        folder=request_for(folder).system,
        parts=(Part(place="/", kind="ext4", device="/dev/none"), *parts),
        disk="/dev/none",
        snapshot="uuid-1",
    )


def copied(
    snapshot: Path, folder: Path, *, continued: bool = False, parts: tuple[Part, ...] = ()
) -> None:
    copy_system(
        CopySystemRequest(target=target(folder, parts=parts), continued=continued),
        system=RealSystem(lambda _event: None),
        source=snapshot,
        target=folder,
    )


def test_all_comes_back_as_it_was_also_after_a_run_that_was_killed(
    volume: Volume, tmp_path: Path
) -> None:
    make_hard_tree(volume.source / "opt/hard")
    before = facts(volume.source)
    volume.backup(new=True)
    snapshot, folder = volume.rootfs / ".snapshots/1/snapshot", tmp_path / "target"
    folder.mkdir()
    copied(snapshot, folder)
    own = (MARK.encode(),)
    assert differences(before, facts(folder, without=own)) == []
    # As SIGKILL leaves it: files that are missing, or half there, under rsync's name for a time.
    (folder / "usr/lib/os-release").unlink()
    put(folder, "usr/lib/.os-release.Xy3a9Q", "half")
    put(folder, "etc/state", "other")
    copied(snapshot, folder, continued=True)
    assert differences(before, facts(folder, without=own)) == []
    assert volume.snapshot(1) == before


def test_where_something_is_mounted_nothing_is_deleted_when_a_run_goes_on(
    volume: Volume, tmp_path: Path
) -> None:
    """A backup need not have the folder of an EFI partition, and an empty one looks superfluous."""
    volume.backup(new=True)
    snapshot, folder = volume.rootfs / ".snapshots/1/snapshot", tmp_path / "target"
    esp = folder / "boot/efi"
    esp.mkdir(parents=True)
    parts = (Part(place="/boot/efi", kind="vfat", device="/dev/none"),)
    command("mount", "-t", "tmpfs", "none", esp)
    try:
        copied(snapshot, folder, parts=parts)
        copied(snapshot, folder, continued=True, parts=parts)
        assert esp.is_mount()
    finally:
        command("umount", esp)


def test_a_disk_that_is_full_is_said_to_be_and_more_room_is_enough_to_go_on(
    volume: Volume,
) -> None:
    put(volume.source, "opt/large", b"x" * (6 << 20))
    before = facts(volume.source)
    volume.backup(new=True)
    snapshot = volume.rootfs / ".snapshots/1/snapshot"
    with small_tmpfs("4m") as folder:
        with pytest.raises(HostError, match="The target is full") as caught:
            copied(snapshot, folder)
        assert "run the same command again" in caught.value.advice
        assert (folder / MARK).exists()
        command("mount", "-o", "remount,size=64m", folder)
        copied(snapshot, folder, continued=True)
        assert differences(before, facts(folder, without=(MARK.encode(),))) == []


def test_what_came_to_the_target_meanwhile_is_not_overwritten(
    volume: Volume, tmp_path: Path
) -> None:
    volume.backup(new=True)
    put(tmp_path / "target", "etc/fstab", "mine")
    with pytest.raises(UsageError, match="The target is not empty: /etc"):
        copied(volume.rootfs / ".snapshots/1/snapshot", tmp_path / "target")
    assert (tmp_path / "target/etc/fstab").read_text() == "mine"


def test_a_disk_without_a_place_for_a_boot_loader_gets_no_files(
    cache: Path, builder_image: ImageIdentity
) -> None:
    """What a disk has no place for is found before anything is copied."""
    with made_disk(3 * GIB, bios=False) as disk:
        done = run("restore", "latest", "--system", disk.mount, "--cache", cache, "--yes")
        assert done.code == 2
        assert "no place for a boot loader" in str(done.error)
        assert [each.name for each in disk.mount.iterdir()] == ["lost+found"]
