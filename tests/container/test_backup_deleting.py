"""Snapshots and whole caches are deleted from a real btrfs, and nothing else; needs root."""

import pytest

from builder.basics.errors import SourceError
from builder.inside.backup.deleting import delete_cache, delete_snapshots
from builder.inside.system.real_system import RealSystem
from tests.support.backed_up import Volume
from tests.support.caches import command
from tests.support.killed_backup import deletion_of, deletion_of_all
from tests.support.trees import put

pytestmark = pytest.mark.container


@pytest.mark.full
def test_old_snapshots_go_with_all_that_snapper_keeps_of_them(volume: Volume) -> None:
    volume.backup(new=True)
    volume.backup()
    put(volume.rootfs, ".snapshots/1/filelist-2.txt.gz")
    delete_snapshots(deletion_of(volume.base, "1"), system=RealSystem(print), base=volume.base)
    assert [each.name for each in (volume.rootfs / ".snapshots").iterdir()] == ["2"]
    assert volume.backup().selector == "3"


@pytest.mark.full
def test_another_snapshot_of_that_number_is_not_deleted(volume: Volume) -> None:
    volume.backup(new=True)
    volume.backup()
    asked = deletion_of(volume.base, "1")
    folder = volume.rootfs / ".snapshots/1"
    command("btrfs", "subvolume", "delete", folder / "snapshot")
    command("btrfs", "subvolume", "snapshot", "-r", volume.rootfs, folder / "snapshot")
    with pytest.raises(SourceError, match="no longer the snapshot that was chosen"):
        delete_snapshots(asked, system=RealSystem(print), base=volume.base)
    assert (folder / "snapshot/etc").is_dir()


@pytest.mark.full
def test_a_whole_cache_goes_and_what_lies_beside_it_stays(volume: Volume) -> None:
    volume.backup(new=True)
    volume.backup()
    snapshot = ("btrfs", "subvolume", "snapshot")
    command(*snapshot, "-r", volume.rootfs, volume.rootfs / ".snapshots/@x")
    (volume.base / ".snapshots").mkdir()
    raw = volume.base / ".snapshots/@2026-06-01_14:30"
    command(*snapshot, "-r", volume.rootfs, raw)
    put(volume.base, ".snapshots/@2026-06-01_14:30.meta")
    half_made = volume.rootfs / ".snapshots/9"
    half_made.mkdir()
    command(*snapshot, volume.rootfs, half_made / "snapshot")
    put(volume.base, "notes.txt", "mine")
    assert [each.path for each in volume.state().others] == [
        ".rootfs_cache/.snapshots/9/snapshot", ".rootfs_cache/.snapshots/@x",
    ]  # fmt: skip
    delete_cache(deletion_of_all(volume.base), system=RealSystem(print), base=volume.base)
    assert [each.name for each in volume.base.iterdir()] == ["notes.txt"]
    assert volume.backup(new=True).selector == "1"


@pytest.mark.full
@pytest.mark.parametrize(
    "place",
    ["srv", ".snapshots/later", ".snapshots/mine/deep", ".snapshots/1/snapshot/inside",
     "opt/.snapshots"],
)  # fmt: skip
def test_a_cache_with_somebodys_subvolume_in_it_is_not_deleted_around_it(
    volume: Volume, place: str
) -> None:
    volume.backup(new=True)
    command("btrfs", "property", "set", volume.rootfs / ".snapshots/1/snapshot", "ro", "false")
    asked = deletion_of_all(volume.base)
    (volume.rootfs / place).parent.mkdir(parents=True, exist_ok=True)
    command("btrfs", "subvolume", "create", volume.rootfs / place)
    put(volume.rootfs, f"{place}/mine", "mine")
    with pytest.raises(SourceError, match=f"that are no snapshots: .*{place}"):
        delete_cache(asked, system=RealSystem(print), base=volume.base)
    assert (volume.rootfs / place / "mine").read_text() == "mine"
    assert [each.selector for each in volume.state().snapshots] == ["1"]
    assert (volume.base / ".backup_meta").exists()
