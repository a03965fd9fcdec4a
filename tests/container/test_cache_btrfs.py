"""Scan, freeze and thaw on a real btrfs; needs root, loop devices and btrfs-progs."""

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from builder.basics.errors import SourceError, StepError
from builder.border.cache_report import CacheReport, Candidate
from builder.border.labels import frozen_name
from builder.border.requests import FreezeRequest, ThawRequest
from builder.host.source.selection import choose
from builder.inside.linux.btrfs import filesystem_id, subvolume
from builder.inside.source import cache_image
from builder.inside.source.fingerprint import fingerprint
from builder.inside.source.freeze import freeze, list_frozen, thaw
from builder.inside.source.scan import find_base, scan_cache
from builder.inside.source.unfinished import mark, unmark
from builder.inside.system.real_system import RealSystem
from builder.inside.tree.tree import Tree
from tests.support.systems import RecordingSystem
from tests.support.trees import META, make_system, put

pytestmark = pytest.mark.container

NAME = frozen_name("0123456789ab")
INFO = """<?xml version="1.0"?>
<snapshot>
  <type>single</type>
  <num>{number}</num>
  <date>2026-06-{day} 12:30:05</date>
  <description>distroclone-backup</description>
</snapshot>
"""


def btrfs(*words: object) -> None:
    run("btrfs", *words)


def run(*words: object) -> str:
    argv = [str(word) for word in words]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


def loop_devices(image: Path) -> list[str]:
    return [each["name"] for each in _loops() if each["back-file"] == str(image)]


def _loops() -> list[dict[str, str]]:
    listed = run("losetup", "--list", "--json")
    return list(json.loads(listed)["loopdevices"]) if listed else []


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A mounted btrfs volume of 256 MiB that is gone again afterwards."""
    place = tmp_path_factory.mktemp("btrfs")
    image, mount = place / "volume.img", place / "mnt"
    mount.mkdir()
    with image.open("wb") as stream:
        stream.truncate(256 << 20)
    run("mkfs.btrfs", "--quiet", image)
    run("mount", "-o", "loop", image, mount)
    try:
        yield mount
    finally:
        run("umount", mount)  # the kernel frees the loop device with the last unmount
    assert loop_devices(image) == []
    image.unlink()


@pytest.fixture
def base(volume: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A cache as the backup and snapper leave it, in a subvolume that is deleted afterwards."""
    place = volume / "SysLinuxOS_backup"
    place.mkdir()
    try:
        fill_cache(place)
        yield place
    finally:
        remove_with_subvolumes(place)


def fill_cache(base: Path) -> None:
    rootfs = base / ".rootfs_cache"
    btrfs("subvolume", "create", rootfs)
    btrfs("subvolume", "create", rootfs / ".snapshots")
    (rootfs / ".snapshots").chmod(0o750)
    snapper_snapshot(rootfs, 1, day=10)  # before the first backup: empty
    make_system(rootfs)
    put(base, ".backup_meta", META)
    snapper_snapshot(rootfs, 2, day=11)
    put(rootfs, "etc/state", "third")
    snapper_snapshot(rootfs, 4, day=13)
    put(rootfs, "etc/state", "now")


def snapper_snapshot(rootfs: Path, number: int, *, day: int) -> None:
    folder = rootfs / f".snapshots/{number}"
    folder.mkdir()
    btrfs("subvolume", "snapshot", "-r", rootfs, folder / "snapshot")
    put(folder, "info.xml", INFO.format(number=number, day=day))


def remove_with_subvolumes(top: Path) -> None:
    for path, directories, _files in os.walk(top, topdown=False):
        for name in directories:
            place = Path(path) / name
            if subvolume(place) is not None:
                btrfs("subvolume", "delete", place)
    shutil.rmtree(top)


def pick(report: CacheReport, selector: str) -> Candidate:
    (found,) = [each for each in report.candidates if each.selector == selector]
    return found


def request_for(candidate: Candidate) -> FreezeRequest:
    return FreezeRequest(path=candidate.path, name=NAME, uuid=candidate.uuid)


def shown_by_btrfs(path: Path) -> dict[str, str]:
    lines = run("btrfs", "subvolume", "show", path).splitlines()[1:]
    pairs = (line.strip().partition(":") for line in lines)
    return {name: value.strip() for name, _colon, value in pairs}


def test_the_ioctl_says_what_the_tool_says(base: Path) -> None:
    for path in (base / ".rootfs_cache", base / ".rootfs_cache/.snapshots/2/snapshot"):
        found, shown = subvolume(path), shown_by_btrfs(path)
        assert found is not None
        assert found.uuid == shown["UUID"]
        assert found.read_only is ("readonly" in shown["Flags"])


def test_only_a_subvolume_is_one(base: Path) -> None:
    (base / "link").symlink_to(".rootfs_cache")
    rootfs = base / ".rootfs_cache"
    stub = rootfs / ".snapshots/2/snapshot/.snapshots"
    assert stub.is_dir()
    for path in (base / "link", rootfs / "etc", stub, base / ".backup_meta", base / "none"):
        assert subvolume(path) is None


def test_the_scan_lists_snappers_snapshots_and_the_cache(base: Path, volume: Path) -> None:
    report = scan_cache(find_base(volume), volume=volume)
    assert (report.base, report.filesystem) == ("SysLinuxOS_backup", "btrfs")
    listed = [(each.selector, each.complete, each.read_only) for each in report.candidates]
    assert listed == [
        ("1", False, True),
        ("2", True, True),
        ("4", True, True),
        ("cache", True, False),
    ]
    assert pick(report, "1").system is None
    assert pick(report, "2").path == ".rootfs_cache/.snapshots/2/snapshot"
    assert pick(report, "2").taken == 1781181005
    assert len({each.uuid for each in report.candidates} - {""}) == 4
    assert choose(report, "latest", zone=UTC).selector == "4"
    assert report.skipped == ()


def test_raw_snapshots_are_found_in_both_places_among_snappers(base: Path) -> None:
    rootfs = base / ".rootfs_cache"
    (base / ".snapshots").mkdir()
    inner, outer = "@2026-06-12_08:00", "@2026-06-01_08:00"
    for folder, name in ((rootfs / ".snapshots", inner), (base / ".snapshots", outer)):
        btrfs("subvolume", "snapshot", "-r", rootfs, folder / name)
        put(folder, f"{name}.meta", 'SNAP_SIZE="7G"\nSNAP_DISTRO="$(reboot)"\n')
    btrfs("subvolume", "snapshot", "-r", rootfs, base / ".snapshots" / inner)
    report = scan_cache(base)
    assert [each.selector for each in report.candidates] == [outer, "1", "2", inner, "4", "cache"]
    assert (pick(report, inner).size, pick(report, inner).description) == ("7G", "$(reboot)")
    assert [each.path for each in report.skipped] == [f".snapshots/{inner}"]


def test_half_made_and_malformed_snapshots_are_skipped_and_the_rest_is_listed(base: Path) -> None:
    rootfs = base / ".rootfs_cache"
    for number in (5, 6, 7, 8):
        snapper_snapshot(rootfs, number, day=14)
    snapshots = rootfs / ".snapshots"
    (snapshots / "5/info.xml").unlink()
    btrfs("subvolume", "delete", snapshots / "6/snapshot")
    put(snapshots, "7/info.xml", INFO.format(number=2, day=14))
    put(snapshots, "8/info.xml", '<!DOCTYPE x [<!ENTITY a "b">]>' + INFO.format(number=8, day=14))
    (snapshots / "9").mkdir()
    report = scan_cache(base)
    assert [each.selector for each in report.candidates] == ["1", "2", "4", "cache"]
    assert [each.path.rpartition("/")[2] for each in report.skipped] == ["5", "6", "7", "8", "9"]
    assert len({each.reason.message for each in report.skipped}) == 5


def test_latest_passes_over_a_writable_snapshot(base: Path) -> None:
    btrfs("property", "set", base / ".rootfs_cache/.snapshots/4/snapshot", "ro", "false")
    report = scan_cache(base)
    assert not pick(report, "4").read_only
    assert choose(report, "latest", zone=UTC).selector == "2"
    assert choose(report, "4", zone=UTC).selector == "4"


def test_a_plain_directory_on_btrfs_is_no_subvolume(base: Path) -> None:
    shutil.copytree(base / ".rootfs_cache/etc", base / "plain/.rootfs_cache/etc", symlinks=True)
    put(base, "plain/.backup_meta", META)
    cache = pick(scan_cache(base / "plain"), "cache")
    assert (cache.subvolume, cache.uuid) == (False, "")
    with pytest.raises(SourceError, match="not a btrfs subvolume"):
        freeze(request_for(cache), system=RecordingSystem(real=True), base=base / "plain")


@pytest.mark.parametrize("selector", ["cache", "4"])
def test_a_frozen_tree_outlives_change_and_deletion_of_its_source(
    base: Path, selector: str
) -> None:
    system = RecordingSystem(real=True)
    chosen = pick(scan_cache(base), selector)
    assert freeze(request_for(chosen), system=system, base=base)
    assert list_frozen(base) == [NAME]
    before = fingerprint(base / NAME)
    if selector == "cache":
        put(base / ".rootfs_cache", "etc/state", "changed by a backup")
    else:
        btrfs("subvolume", "delete", base / chosen.path)
    assert fingerprint(base / NAME) == before
    assert (base / NAME / "etc/state").read_text() == ("now" if selector == "cache" else "third")
    with pytest.raises(OSError, match="Read-only") as caught:
        (base / NAME / "etc/new").touch()
    assert caught.value.errno == errno.EROFS
    thaw(ThawRequest(names=(NAME,)), system=system, base=base)
    thaw(ThawRequest(names=(NAME,)), system=system, base=base)
    assert list_frozen(base) == []
    assert not (base / NAME).exists()


def test_another_subvolume_at_the_chosen_place_is_refused(base: Path) -> None:
    chosen = pick(scan_cache(base), "4")
    btrfs("subvolume", "delete", base / chosen.path)
    btrfs("subvolume", "snapshot", "-r", base / ".rootfs_cache", base / chosen.path)
    with pytest.raises(SourceError, match="no longer the subvolume"):
        freeze(request_for(chosen), system=RecordingSystem(real=True), base=base)
    btrfs("subvolume", "delete", base / chosen.path)
    with pytest.raises(SourceError, match="is gone, or"):
        freeze(request_for(chosen), system=RecordingSystem(real=True), base=base)
    assert list_frozen(base) == []


def test_a_backup_that_began_after_the_scan_is_never_built_from_half(base: Path) -> None:
    rootfs = base / ".rootfs_cache"
    report = scan_cache(base)
    mark(rootfs, now=1)
    with pytest.raises(SourceError, match="A backup is being written into"):
        freeze(request_for(pick(report, "cache")), system=RecordingSystem(real=True), base=base)
    assert list_frozen(base) == []
    snapper_snapshot(rootfs, 5, day=14)  # of a half-written tree, by whomever
    again = scan_cache(base)
    assert [each.selector for each in again.candidates if each.complete] == ["2", "4"]
    unmark(rootfs)
    assert pick(scan_cache(base), "cache").complete


def test_a_frozen_snapshot_is_never_put_into_an_older_one(base: Path) -> None:
    system = RecordingSystem(real=True)
    request = request_for(pick(scan_cache(base), "cache"))
    freeze(request, system=system, base=base)
    with pytest.raises(StepError, match="already exists"):
        freeze(request, system=system, base=base)


def test_a_frozen_snapshot_is_not_mistaken_for_a_candidate(base: Path) -> None:
    freeze(
        request_for(pick(scan_cache(base), "cache")), system=RecordingSystem(real=True), base=base
    )
    report = scan_cache(base)
    assert [each.selector for each in report.candidates] == ["1", "2", "4", "cache"]
    assert report.skipped == ()


def test_a_read_only_medium_is_told_and_not_frozen(base: Path, tmp_path: Path) -> None:
    run("mount", "--bind", base, tmp_path)
    try:
        run("mount", "-o", "remount,bind,ro", tmp_path)
        system = RecordingSystem(real=True)
        chosen = pick(scan_cache(tmp_path), "cache")
        assert chosen.subvolume
        assert not freeze(request_for(chosen), system=system, base=tmp_path)
        assert system.commands == []
        assert "read-only" in system.notes[0]
    finally:
        run("umount", tmp_path)


def test_a_base_on_another_filesystem_is_told_and_not_frozen(base: Path, tmp_path: Path) -> None:
    (tmp_path / ".rootfs_cache").mkdir()
    put(tmp_path, ".backup_meta", META)
    run("mount", "--bind", base / ".rootfs_cache", tmp_path / ".rootfs_cache")
    try:
        system = RecordingSystem(real=True)
        chosen = pick(scan_cache(tmp_path), "cache")
        assert filesystem_id(tmp_path) == ""
        assert not freeze(request_for(chosen), system=system, base=tmp_path)
        assert system.commands == []
        assert "another filesystem" in system.notes[0]
    finally:
        run("umount", tmp_path / ".rootfs_cache")


def test_a_bind_mount_inside_a_tree_is_never_emptied(tmp_path: Path) -> None:
    precious = put(tmp_path, "precious/file", "precious")
    root = make_system(tmp_path / "root")
    (root / "mnt").mkdir()
    run("mount", "--bind", precious.parent, root / "mnt")
    try:
        tree = Tree(root, clock=0)
        for path in ("/mnt", "/"):
            with pytest.raises(OSError, match="something else is mounted here"):
                tree.empty(path)
        with pytest.raises(OSError, match="something else is mounted here"):
            tree.remove("/mnt")
        assert precious.read_text() == "precious"
        assert (root / "etc").exists()
    finally:
        run("umount", root / "mnt")


def test_another_filesystem_inside_a_tree_is_never_written(tmp_path: Path) -> None:
    root = make_system(tmp_path / "root")
    (root / "dev").mkdir()
    (root / "etc/machine-id").symlink_to("/dev/machine-id")
    (root / "etc/odd").symlink_to("/dev")
    run("mount", "-t", "tmpfs", "none", root / "dev")
    try:
        put(root, "dev/file", "host")
        tree = Tree(root, clock=0)
        with pytest.raises(OSError, match="something else is mounted here"):
            tree.write("/etc/odd/new", b"", mode=0o644)
        with pytest.raises(OSError, match="something else is mounted here"):
            tree.remove("/dev/file")
        tree.write("/etc/machine-id", b"", mode=0o444)
        assert [entry.name for entry in (root / "dev").iterdir()] == ["file"]
    finally:
        run("umount", root / "dev")


@pytest.mark.parametrize("name", ["a,b", "a b", "a\\b", "x,rw,subvolid=5"])
def test_a_subvolume_of_an_image_is_found_whatever_its_base_is_called(
    tmp_path: Path, name: str
) -> None:
    image, mount, source = tmp_path / "cache.img", tmp_path / "mnt", tmp_path / "source"
    mount.mkdir()
    with image.open("wb") as stream:
        stream.truncate(256 << 20)
    run("mkfs.btrfs", "--quiet", image)
    run("mount", "-o", "loop", image, mount)
    try:
        (mount / name).mkdir()
        btrfs("subvolume", "create", mount / name / ".rootfs_cache")
        put(mount / name / ".rootfs_cache", "etc/hostname", "ours")
    finally:
        run("umount", mount)
    system = RealSystem(lambda _event: None, source_date_epoch=0)
    with cache_image.mounted(image, source, system=system, subvolume=f"/{name}/.rootfs_cache"):
        assert (source / "etc/hostname").read_text() == "ours"
        found = subvolume(source)
        assert found is not None
        assert found.id > 5
        with pytest.raises(OSError, match="Read-only"):
            (source / "new").touch()
        assert len(loop_devices(image)) == 1
    assert loop_devices(image) == []
