"""Caches on file systems without snapshots: a copy, and what can be done with one."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from builder.border.backups import CheckRequest, Wholeness
from builder.formats.identities import ImageIdentity
from builder.inside.backup.checking import check
from builder.inside.source.unfinished import MARK, is_unfinished, mark
from builder.inside.system.real_system import RealSystem
from tests.support.backed_up import Volume, killed
from tests.support.caches import (
    ROOTFS,
    after_a_power_cut,
    command,
    mounted_ext4,
    mounted_xfs,
    small_tmpfs,
)
from tests.support.command_line import Ended, run
from tests.support.faithful import differences, facts
from tests.support.hard_tree import make_hard_tree
from tests.support.killed_backup import COPYING
from tests.support.trees import make_system, put

pytestmark = pytest.mark.container

SIZE = 320 << 20  # bytes
POINTS = (
    "with the lock only", "before the mark", "after the mark", "after the copy", "before the meta",
    "before the meta has its name", "after the meta", "after the mark is gone", "at the very end",
    COPYING,
)  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small system with all that is hard to copy."""
    system = make_system(tmp_path / "system")
    make_hard_tree(system / "opt/hard")
    return system


def backup(source: Path, cache: Path, *more: object) -> Ended:
    return run("backup", "--source", source, "--cache", cache, *more)


@pytest.mark.parametrize(
    "mounted",
    [mounted_ext4, pytest.param(mounted_xfs, marks=pytest.mark.full)],
)
def test_a_system_goes_into_a_plain_cache_and_comes_out_as_it_was(
    source: Path,
    mounted: Callable[[int], AbstractContextManager[Path]],
    builder_image: ImageIdentity,
) -> None:
    with mounted(SIZE) as mount:
        place = mount / "debian_backup"
        place.mkdir()
        refused = backup(source, place)
        assert (refused.code, [*place.iterdir()]) == (4, [])
        assert "no backup cache" in refused.error["message"]
        first = backup(source, place, "--new").data
        assert (first["selector"], first["deleted_snapshots"]) == ("cache", [])
        assert differences(facts(source), facts(place / ROOTFS)) == []

        put(source, "etc/new", "new")
        (source / "opt/hard/etc/motd").unlink()
        second = backup(source, place, "--keep-last", 1).data
        assert (second["copied"], second["deleted"]) == (1, 1)
        assert differences(facts(source), facts(place / ROOTFS)) == []
        assert sorted(each.name for each in place.iterdir()) == [".backup_meta", ROOTFS]

        found = run("backup", "status", "--cache", place, "--max-age", "1h").data
        assert (found["troubles"], found["plain"]) == ([], True)
        assert [each["selector"] for each in found["snapshots"]] == ["cache"]
        listed = run("snapshots", "--cache", place).data["candidates"]
        assert [each["selector"] for each in listed] == ["cache"]
        checked = run("check", "--read-data", "--cache", place).data
        assert [each["wholeness"] for each in checked["snapshots"]] == ["whole"]
        assert checked["troubles"] == []

        target = mount / "restored"
        restored = run("restore", "latest", "--cache", place, "--to", target).data
        assert restored["selector"] == "cache"
        assert differences(facts(source), facts(target)) == []
        refused = run("delete", "--snapshot", "cache", "--cache", place, "--yes")
        assert refused.code == 2
        assert "no snapshots that could be deleted" in refused.error["message"]
        assert run("delete", "--all", "--cache", place, "--yes").data["all"]
        assert [*place.iterdir()] == []


@pytest.mark.full
def test_who_changes_a_plain_cache_or_breaks_a_backup_off_is_found_out(
    source: Path, builder_image: ImageIdentity
) -> None:
    with mounted_ext4(SIZE) as mount:
        place = mount / "debian_backup"
        place.mkdir()
        backup(source, place, "--new")
        put(place / ROOTFS, "etc/planted", "by somebody")
        checked = run("check", "--cache", place)
        assert checked.code == 8
        (found,) = checked.events[-1]["data"]["snapshots"]
        assert found["wholeness"] == "changed"
        assert backup(source, place).data["deleted"] == 1
        assert run("check", "--cache", place).code == 0

        mark(place / ROOTFS, now=1_800_000_000)
        unfinished = run("backup", "status", "--cache", place)
        assert unfinished.code == 8
        assert any("did not finish" in each for each in unfinished.events[-1]["data"]["troubles"])
        refused = run("build", "cache", "--cache", place, "--dry-run")
        assert "did not finish" in refused.error["message"]
        target = mount / "restored"
        run("restore", "cache", "--cache", place, "--to", target)  # with a warning: it may be all
        assert not (target / MARK).exists()
        backup(source, place)
        assert not os.path.lexists(place / ROOTFS / MARK)
        assert run("backup", "status", "--cache", place).code == 0


@pytest.mark.full
def test_a_place_that_cannot_keep_a_system_is_refused(
    source: Path, builder_image: ImageIdentity
) -> None:
    with small_tmpfs("64m") as place:
        refused = backup(source, place, "--new")
        assert refused.code == 4
        assert "in memory" in refused.error["message"]
        assert [*place.iterdir()] == []
    with mounted_ext4(SIZE) as place:
        command("mount", "-o", "remount,ro", place)
        refused = backup(source, place, "--new")
        assert refused.code == 3
        assert "read-only" in refused.error["message"]


@pytest.mark.full
def test_the_demo_system_is_built_from_a_plain_cache(
    cache: Path, builder_image: ImageIdentity
) -> None:
    with mounted_ext4() as mount:
        backup(cache / ROOTFS, mount, "--new")
        plan = run("build", "latest", "--cache", mount, "--dry-run").data["plan"]
        assert plan["candidate"]["selector"] == "cache"


@pytest.mark.full
@pytest.mark.parametrize("has_power", [True, False])
@pytest.mark.parametrize("point", POINTS)
def test_a_plain_cache_never_claims_to_be_whole_when_it_is_not(
    tmp_path: Path, point: str, *, has_power: bool
) -> None:
    source = make_system(tmp_path / "system")
    with mounted_ext4(SIZE) as mount:
        volume = Volume(mount=mount, base=mount, source=source)
        first = facts(source)
        volume.backup(new=True)
        put(source, "etc/state-2", "second")
        put(source, "opt/large", os.urandom(24 << 20))
        second = facts(source)
        killed(volume, point)
        with nullcontext(mount) if has_power else after_a_power_cut(mount) as mounted:
            again = Volume(mount=mounted, base=mounted, source=source)
            (copy,) = again.state().snapshots
            there = facts(again.rootfs)
            if copy.complete:
                assert [] in (differences(first, there), differences(second, there))
            else:
                assert is_unfinished(again.rootfs)
            again.backup()
            assert differences(second, facts(again.rootfs)) == []
            assert sorted(each.name for each in mounted.iterdir()) == [
                ".backup_meta", ROOTFS, "lost+found",
            ]  # fmt: skip
            system = RealSystem(lambda _event: None)
            checked = check(CheckRequest(read_data=False), system=system, base=mounted)
            assert [each.wholeness for each in checked.snapshots] == [Wholeness.WHOLE]
