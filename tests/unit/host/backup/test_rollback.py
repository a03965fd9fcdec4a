"""A rollback from the host's side: what its containers see, and what is saved before."""

from dataclasses import replace
from typing import Any

import pytest

from builder.basics.errors import HostError, SourceError, StepError, UsageError
from builder.border import paths
from builder.border.jobs import BACKUP, BACKUP_STATE, LOOK_BACK, ROLL_BACK
from builder.border.whole_systems import LookedBack, Paths, RolledBack
from builder.formats.rollback_mark import Goal, put_mark
from builder.host.backup.rollback import (
    Rollback,
    RollbackPlan,
    carry_back,
    own_folders,
    planned_rollback,
)
from builder.host.backup.rollback_words import done_text, plan_text
from tests.support.fake_engine import FakeEngine, answering
from tests.support.stored import backed_up, state, stored
from tests.unit.host.backup.test_target_disk import CACHE, OURS, Place, place

__all__ = ["place"]

SYSTEM = "3 1 8:19 / {target} rw - ext4 /dev/sdb3 rw\n"
NONE = Paths(count=0, some=())
LOOKED = LookedBack(
    system="Debian GNU/Linux 13 (trixie)", hostname="kiosk", kernels=("6.12",), size=3 << 20,
    added=Paths(count=12, some=tuple(f"/etc/{number}" for number in range(12))),
    changed=Paths(count=1, some=("/etc/hosts",)), deleted=NONE,
    protected=("/etc/fstab",), leaving=(),
)  # fmt: skip


def engine(**more: object) -> FakeEngine:
    answers: dict[str, Any] = {
        BACKUP_STATE.name: answering(state(stored("1"), stored("2", complete=False))),
        BACKUP.name: answering(backed_up(*map(stored, map(str, range(1, 20))))),
        LOOK_BACK.name: answering(LOOKED),
        ROLL_BACK.name: answering(RolledBack(copied=13, deleted=2)),
    }
    answers |= {name.replace("_", "-"): answering(value) for name, value in more.items()}
    return FakeEngine(answers=answers)


def part(kind: str, device: str, path: str, *, root: str = "/", number: str = "8:33") -> str:
    return f"9 3 {number} {root} {{target}}/{path} rw - {kind} {device} rw\n"


@pytest.fixture
def system(place: Place) -> Place:
    """A system that is mounted, and a cache on another disk."""
    return place.with_mounts(OURS, CACHE, SYSTEM)


def planned(place: Place, told: FakeEngine, selector: str = "latest", **more: Any) -> RollbackPlan:
    asked = Rollback(cache=place.cache, selector=selector, root=place.target, **more)
    return planned_rollback(asked, told, on_event=lambda _event: None, machine=place.machine)


def carried(place: Place, told: FakeEngine, plan: RollbackPlan) -> Any:
    return carry_back(plan, told, on_event=lambda _event: None, machine=place.machine)


def jobs(told: FakeEngine) -> list[str]:
    return [each.job.name for each in told.specs]


def test_a_plan_changes_nothing(system: Place) -> None:
    told = engine()
    plan = planned(system, told)
    assert jobs(told) == ["backup-state", "look-back"]
    assert all(each.read_only for spec in told.specs for each in spec.binds)
    assert plan.request.snapshot == "uuid-1"
    assert "- /home/*" in plan.request.filters
    assert plan.request.kernel == ""  # another system does not run


def test_what_is_there_is_backed_up_first_and_no_snapshot_goes_for_it(system: Place) -> None:
    told = engine()
    done = carried(system, told, planned(system, told, exclude=("/srv/large",)))
    assert jobs(told)[2:] == ["backup", "roll-back"]
    assert done.saved == "19"
    backup, back = told.specs[-2:]
    assert backup.request.filters == back.request.filters  # nothing goes that was not saved
    assert back.request.filters[0] == "- /srv/large"
    assert {each.target: each.read_only for each in back.binds} == {
        paths.SOURCE: True, paths.TARGET: False,
    }  # fmt: skip
    assert all(each.alone for each in back.binds if each.target != paths.SOURCE)


def test_without_a_backup_nothing_is_rolled_back_unless_that_is_asked_for(system: Place) -> None:
    told = engine(backup=HostError("The cache's volume is full", hint="Free space."))
    with pytest.raises(HostError, match="volume is full") as caught:
        carried(system, told, planned(system, told))
    assert "Nothing was rolled back" in str(caught.value.__notes__)
    assert "roll-back" not in jobs(told)
    assert carried(system, told, planned(system, told, saves=False)).saved is None


def test_the_same_command_goes_on_with_the_same_snapshot(system: Place) -> None:
    """By then, the newest one is what was there before."""
    put_mark(system.target, Goal(snapshot="uuid-1", asked="latest"))
    told = engine(backup_state=state(stored("1"), stored("2")))
    plan = planned(system, told)
    assert (plan.snapshot.selector, plan.continued, plan.saves) == ("1", True, False)
    assert "did not finish" in plan_text(plan)
    carried(system, told, plan)
    assert "backup" not in jobs(told)
    assert planned(system, told, "2").snapshot.selector == "2"  # to undo it


def test_a_snapshot_that_is_gone_is_not_another_one(system: Place) -> None:
    put_mark(system.target, Goal(snapshot="uuid-9", asked="latest"))
    with pytest.raises(SourceError, match="was being rolled back to is not in this cache"):
        planned(system, engine())


def test_the_only_copy_of_a_cache_is_not_replaced_by_what_is_broken(system: Place) -> None:
    told = engine(backup_state=state(replace(stored("cache"), uuid="")))
    with pytest.raises(UsageError, match="would replace what you go back to"):
        planned(system, told)
    plan = planned(system, told, saves=False)
    assert plan.request.snapshot == str(plan.snapshot.taken)
    put_mark(system.target, Goal(snapshot=plan.request.snapshot, asked="latest"))
    assert planned(system, told).continued


def test_an_incomplete_snapshot_is_refused(system: Place) -> None:
    told = engine()
    with pytest.raises(SourceError, match="Snapshot 2 is not complete"):
        planned(system, told, "2")
    assert jobs(told) == ["backup-state"]


def test_parts_of_the_system_go_with_it_and_all_else_that_is_mounted_stays(place: Place) -> None:
    place.with_mounts(
        OURS, CACHE, SYSTEM,
        part("ext4", "/dev/sda4", "boot", number="8:4"),
        part("xfs", "/dev/sdc3", "var", number="8:35"),
        part("vfat", "/dev/sda1", "boot/efi", number="8:1"),
        part("ext4", "/dev/sdc4", "data", number="8:36"),
        part("ext4", "/dev/sdc5", "home", number="8:37"),
        part("proc", "proc", "proc", number="0:5"),
    )  # fmt: skip
    told = engine()
    plan = planned(place, told)
    assert plan.request.parts == ("boot", "var")
    assert set(plan.request.others) == {"boot/efi", "data", "home", "proc"}
    assert plan.others == (f"{place.target}/data",)
    assert not plan.request.keeps_boot
    seen = {each.target for each in told.specs[-1].binds}
    assert seen == {paths.SOURCE, paths.TARGET, paths.TARGET / "boot", paths.TARGET / "var"}
    carried(place, told, plan)
    assert not any(each.read_only for each in told.specs[-1].binds[1:])


@pytest.mark.parametrize(
    ("line", "exclude"),
    [(part("vfat", "/dev/sda1", "boot", number="8:1"), ()), ("", ("/boot/*",))],
    ids=["on a FAT", "left out"],
)
def test_kernels_that_stay_are_told_to_the_container(
    place: Place, line: str, exclude: tuple[str, ...]
) -> None:
    place.with_mounts(OURS, CACHE, SYSTEM, line)
    plan = planned(place, engine(), exclude=exclude)
    assert plan.request.keeps_boot


@pytest.mark.parametrize(
    ("prefix", "module", "own"),
    [
        ("/opt/dcb", "/opt/dcb/lib/builder/host/backup/x.py", ("/opt/dcb", "/opt/dcb/lib/builder")),
        ("/usr", "/usr/lib/python3/dist-packages/builder/host/backup/x.py", ()),
        ("/usr", "/usr/local/lib/builder/host/backup/x.py", ("/usr/local/lib/builder",)),
    ],
)
def test_this_program_stays_unless_it_is_one_of_the_systems_packages(
    prefix: str, module: str, own: tuple[str, ...]
) -> None:
    assert own_folders(prefix=prefix, base="/usr", module=module) == own


def test_a_usr_on_a_share_cannot_be_rolled_back(place: Place) -> None:
    place.with_mounts(OURS, CACHE, SYSTEM, part("nfs4", "server:/usr", "usr", number="0:77"))
    with pytest.raises(UsageError, match="/usr of the system is on a file system that cannot be"):
        planned(place, engine())


def test_what_was_mounted_meanwhile_is_not_rolled_back(system: Place) -> None:
    told = engine()
    plan = planned(system, told)
    system.with_mounts(OURS, CACHE, SYSTEM, part("ext4", "/dev/sda4", "boot", number="8:4"))
    with pytest.raises(UsageError, match="changed meanwhile, so nothing was rolled back"):
        carried(system, told, plan)
    assert "roll-back" not in jobs(told)


def test_containers_that_come_and_go_do_not_matter(system: Place) -> None:
    told = engine()
    plan = planned(system, told)
    overlay = part("overlay", "overlay", "var/lib/docker/overlay2/1/merged", number="0:99")
    system.with_mounts(OURS, CACHE, SYSTEM, overlay)
    carried(system, told, plan)
    assert told.specs[-1].request.others == ("var/lib/docker/overlay2/1/merged",)


@pytest.mark.parametrize(
    "mounts",
    [
        ("1 0 8:2 / / rw - btrfs /dev/sda2 rw\n",),  # the whole machine is one file system
        (
            "1 0 0:9 /@ / rw - btrfs /dev/sda2 rw\n",
            "2 1 0:9 /@{target}/a {cache} rw - btrfs /dev/sda2 rw\n",
        ),
    ],
    ids=["in it", "mounted from it"],
)  # fmt: skip
def test_a_cache_in_what_is_rolled_back_is_refused(place: Place, mounts: tuple[str, ...]) -> None:
    place.with_mounts(*mounts)
    root = place.cache.parent if len(mounts) == 1 else place.target
    inside = Rollback(cache=place.cache, selector="latest", root=root)
    with pytest.raises(UsageError, match="is in the system that would be rolled back"):
        planned_rollback(inside, engine(), on_event=lambda _event: None, machine=place.machine)


def test_a_cache_in_a_subvolume_beside_it_is_none_of_it(place: Place) -> None:
    place.with_mounts(
        "1 0 0:9 /@ / rw - btrfs /dev/sda2 rw\n",
        "2 1 0:9 /@cache {cache} rw - btrfs /dev/sda2 rw\n",
    )
    assert planned(place, engine()).request.snapshot == "uuid-1"


def test_a_system_that_cannot_be_written_to_is_refused(place: Place) -> None:
    place.with_mounts(OURS, CACHE, SYSTEM.replace(" rw - ", " ro - "))
    with pytest.raises(HostError, match="is mounted read-only"):
        planned(place, engine())


def test_the_plan_is_for_people_to_look_at(system: Place) -> None:
    text = plan_text(planned(system, engine()))
    for words in (
        f"To be rolled back: {system.target}", "Come back: 12", "  /etc/0", "Change: 1",
        "  /etc/hosts", "Go: 0", "Stay as they are:", "  /home", "  /etc/fstab", "stop databases",
    ):  # fmt: skip
        assert words in text
    assert "/etc/11" not in text
    assert "not backed up" not in text
    assert "not backed up first" in plan_text(planned(system, engine(), saves=False))


def test_what_was_done_says_how_to_undo_it(system: Place) -> None:
    told = engine()
    plan = planned(system, told)
    text = done_text(plan, carried(system, told, plan))
    assert "Rolled back to snapshot 1: 13 files copied, 2 entries deleted" in text
    assert "What was there before is snapshot 19" in text
    assert "Start the machine anew now" in text


def test_an_error_inside_comes_out_as_it_is(system: Place) -> None:
    told = engine(roll_back=StepError("The system was not rolled back completely", hint="Again."))
    with pytest.raises(StepError, match="The system was not rolled back completely"):
        carried(system, told, planned(system, told))
