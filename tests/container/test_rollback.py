"""A system that is rolled back is what the snapshot is, but for what has a reason to stay."""

from collections.abc import Callable
from pathlib import Path

import pytest

from builder.basics.errors import HostError, StepError
from builder.formats.rollback_mark import MARK, goal_of
from builder.inside.onto_disk.rolling_back import roll_back
from builder.inside.system.real_system import RealSystem
from tests.support.backed_up import Volume
from tests.support.caches import command, small_tmpfs
from tests.support.command_line import run
from tests.support.faithful import Facts, differences, facts
from tests.support.rolled import (
    KEPT,
    MANY,
    Killing,
    change,
    furnish,
    rollback_request,
    rolled_back,
)
from tests.support.trees import put

pytestmark = pytest.mark.container


def compared(root: Path) -> Facts:
    """Return the facts of a system without what stays, and without the times of folders."""
    found = facts(root, without=(b".snapshots",))
    stays = tuple(f"/{each}".encode() for each in KEPT)
    return {path: each for path, each in found.items() if not path.startswith(stays)}


def texts(root: Path) -> dict[str, str]:
    return {name: (root / name).read_text() for name in KEPT}


def test_what_is_rolled_back_is_as_it_was_but_for_what_stays(volume: Volume) -> None:
    furnish(volume.source)
    before = compared(volume.source)
    volume.backup(new=True)
    change(volume.source)
    rolled_back(volume)
    assert differences(before, compared(volume.source)) == []
    assert texts(volume.source) == KEPT
    assert not (volume.source / MARK).exists()


@pytest.mark.usefixtures("builder_image")
def test_a_system_goes_back_and_forth(volume: Volume) -> None:
    """As people do it: a backup, an upgrade that goes wrong, back, and then forward again."""
    furnish(volume.source)
    cache = ("--cache", volume.base)
    assert run("backup", "--source", volume.source, "--new", *cache).code == 0
    before = compared(volume.source)
    change(volume.source)
    later = compared(volume.source)
    words = ("restore", "latest", "--rollback", "--root", volume.source, *cache)
    look = run(*words, "--dry-run")
    assert look.code == 0, look.errors
    assert compared(volume.source) == later
    told = {kind: look.data["looked"][kind]["some"] for kind in ("added", "changed", "deleted")}
    assert {"/etc/changed", "/etc/same-size-and-second", "/usr/bin/dash"} <= {*told["changed"]}
    assert "/usr/lib/libold.so.1.2.2" in told["added"]
    assert {"/opt/new/", "/usr/lib/modules/9.9.9-new/"} <= {*told["deleted"]}
    done = run(*words, "--yes")
    assert done.code == 0, done.errors
    assert differences(before, compared(volume.source)) == []
    assert texts(volume.source) == KEPT
    saved = done.data["done"]["saved"]
    assert saved == "2"
    again = run("restore", saved, "--rollback", "--root", volume.source, "--yes", *cache)
    assert again.code == 0, again.errors
    assert differences(later, compared(volume.source)) == []


def adding(root: Path) -> bool:
    return (root / "srv/added/7").exists()


def added(root: Path) -> bool:
    return (root / f"srv/added/{MANY - 1}").exists() and (root / "usr/lib/libold.so.1.2.2").exists()


def copying_beside(root: Path) -> bool:
    return (root / "srv/changed/.~tmp~").is_dir()


def giving_names(root: Path) -> bool:
    return (root / "srv/changed/7").read_text() == "old"


def deleting(root: Path) -> bool:
    folder = root / "srv/deleted"
    return not folder.is_dir() or len([*folder.iterdir()]) < MANY


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(adding, marks=pytest.mark.full),
        pytest.param(added, marks=pytest.mark.full),
        pytest.param(copying_beside, marks=pytest.mark.full),
        giving_names,
        pytest.param(deleting, marks=pytest.mark.full),
    ],
)
def test_what_was_killed_is_gone_on_with_by_the_same_command(
    volume: Volume, moment: Callable[[Path], bool]
) -> None:
    furnish(volume.source)
    before = compared(volume.source)
    volume.backup(new=True)
    change(volume.source)
    with pytest.raises(StepError, match="The system was not rolled back completely"):
        rolled_back(volume, system=Killing(volume.source, moment))
    assert moment(volume.source)
    assert goal_of(volume.source) is not None
    (link,) = (volume.source / "usr/lib").glob("libold.so.1")
    assert link.exists()  # what programs need is there at any moment
    rolled_back(volume)
    assert differences(before, compared(volume.source)) == []
    assert texts(volume.source) == KEPT


def test_on_a_full_disk_nothing_that_is_used_is_touched(volume: Volume) -> None:
    put(volume.source, "opt/large", b"x" * (6 << 20))
    before = facts(volume.source)
    volume.backup(new=True)
    (volume.source / "opt/large").unlink()
    put(volume.source, "etc/state", "new and longer")
    snapshot = volume.rootfs / ".snapshots/1/snapshot"
    with small_tmpfs("4m") as root:
        command("cp", "-a", "--no-target-directory", volume.source, root)

        def back() -> None:
            roll_back(
                rollback_request(root),
                system=RealSystem(lambda _event: None),
                source=snapshot,
                target=root,
            )

        with pytest.raises(HostError, match="The system's disk is full"):
            back()
        assert (root / "etc/state").read_text() == "new and longer"
        assert goal_of(root) is not None
        command("mount", "-o", "remount,size=64m", root)
        back()
        assert differences(before, facts(root)) == []
