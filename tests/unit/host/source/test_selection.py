"""A selector means one tree that can be built, or a clear error."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from builder.basics.errors import SourceError, UsageError
from builder.border.cache_report import CacheReport, Candidate, Problem, Skipped
from builder.formats.snapshot import SnapshotKind
from builder.host.source.selection import choose, is_cache_newer, label, local_time
from tests.support.reports import cache_report, tree_candidate

ROME = ZoneInfo("Europe/Rome")
CHICAGO = ZoneInfo("America/Chicago")
EMPTY = Problem(message="it is empty", hint="Choose a later one.")
NO_KERNEL = Problem(
    message="no kernel in {place}", hint="Install {what}.", values=(("place", "/b"), ("what", "it"))
)


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def candidate(selector: str, taken: str, *problems: Problem, read_only: bool = True) -> Candidate:
    kind = SnapshotKind.CACHE if selector == "cache" else SnapshotKind.SNAPPER
    return Candidate(
        selector=selector,
        kind=SnapshotKind.RAW if selector.startswith("@") else kind,
        path=selector,
        taken=seconds(taken),
        description="",
        size="",
        read_only=read_only and selector != "cache",
        subvolume=True,
        uuid="",
        system=None,
        problems=problems,
    )


def report(
    *candidates: Candidate, date: str = "2026-06-17 14:30:05", skipped: tuple[Skipped, ...] = ()
) -> CacheReport:
    return CacheReport(
        base=".", filesystem="btrfs", date=date, distro="SysLinuxOS", size="8.2G",
        candidates=candidates, skipped=skipped,
    )  # fmt: skip


CACHE = candidate("cache", "2026-06-17 14:30:05")
REAL = report(
    candidate("1", "2026-06-10 22:30", EMPTY),
    candidate("2", "2026-06-11 21:00"),
    candidate("3", "2026-06-11 22:30"),
    candidate("@2026-06-12_08:00", "2026-06-12 08:00"),
    candidate("5", "2026-06-13 10:00", read_only=False),
    candidate("6", "2026-06-14 10:00", NO_KERNEL),
    CACHE,
)


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("latest", "@2026-06-12_08:00"),
        ("cache", "cache"),
        ("2", "2"),
        ("5", "5"),
        ("@2026-06-12_08:00", "@2026-06-12_08:00"),
        ("2026-06-13", "5"),
        ("2026-06-17", "cache"),
    ],
)
def test_each_selector_finds_its_tree(selector: str, chosen: str) -> None:
    assert choose(REAL, selector, zone=UTC).selector == chosen


def test_a_day_is_the_users_day() -> None:
    assert choose(REAL, "2026-06-11", zone=UTC).selector == "3"
    assert choose(REAL, "2026-06-11", zone=ROME).selector == "2"
    assert choose(REAL, "2026-06-12", zone=ROME).selector == "@2026-06-12_08:00"


def test_a_raw_snapshot_belongs_to_the_day_in_its_name_everywhere() -> None:
    raw = report(candidate("@2026-06-12_01:00", "2026-06-12 01:00"), CACHE)
    assert choose(raw, "2026-06-12", zone=CHICAGO).selector == "@2026-06-12_01:00"


def test_latest_is_the_cache_where_no_snapshots_can_be() -> None:
    assert choose(report(CACHE), "latest", zone=UTC) == CACHE


def test_latest_never_falls_back_silently_from_snapshots_to_the_cache() -> None:
    first_only = report(candidate("1", "2026-06-10 22:30", EMPTY), CACHE)
    with pytest.raises(SourceError, match="no complete read-only snapshot") as caught:
        choose(first_only, "latest", zone=UTC)
    assert caught.value.advice == "You can build: cache."
    assert caught.value.exit_code == 4


def test_latest_does_not_take_unreadable_snapshots_for_none() -> None:
    unreadable = Skipped(path=".snapshots", reason=Problem(message="it cannot be read"))
    with pytest.raises(SourceError, match="no complete read-only snapshot"):
        choose(report(CACHE, skipped=(unreadable,)), "latest", zone=UTC)


@pytest.mark.parametrize(("selector", "told"), [("1", "it is empty"), ("2026-06-14", "in /b")])
def test_a_tree_with_problems_is_refused_with_reason_remedy_and_choices(
    selector: str, told: str
) -> None:
    with pytest.raises(SourceError) as caught:
        choose(REAL, selector, zone=UTC)
    assert told in str(caught.value)
    assert caught.value.advice.endswith("You can build: 2, 3, @2026-06-12_08:00, 5, cache.")
    assert caught.value.advice.startswith(("Choose a later one.", "Install it."))


def test_nothing_to_build_is_said_so() -> None:
    with pytest.raises(SourceError) as caught:
        choose(report(candidate("cache", "2026-06-17 14:30", NO_KERNEL)), "latest", zone=UTC)
    assert "Nothing here can be built." in caught.value.advice


@pytest.mark.parametrize(
    ("selector", "near"),
    [
        ("lates", "latest"),
        ("@2026-06-12_08:01", "@2026-06-12_08:00"),
        ("Cache", "cache"),
        ("42", None),
        ("02", None),
        ("2020-01-01", None),
        ("{x} {0}", None),
        ("", None),
    ],
)
def test_an_unknown_selector_is_a_usage_error_with_choices(selector: str, near: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        choose(REAL, selector, zone=UTC)
    message = f"The cache has no snapshot {selector}"
    assert str(caught.value) == (f"{message}; did you mean {near}?" if near else message)
    assert "latest, 1, 2, 3, @2026-06-12_08:00, 5, 6, cache" in caught.value.advice
    assert caught.value.exit_code == 2


def test_braces_in_problems_stay_text() -> None:
    odd = Problem(message="it says {what}", values=(("what", "{oops}"),))
    with pytest.raises(SourceError, match=r"it says \{oops\}"):
        choose(report(candidate("cache", "2026-06-17 14:30", odd)), "cache", zone=UTC)


def test_the_label_is_the_guides() -> None:
    assert label(REAL) == "2026-06-17 14:30 | SysLinuxOS | 8.2G"


def test_the_label_goes_without_what_is_not_known() -> None:
    bare = CacheReport(
        base=".", filesystem="ext4", date="", distro="", size="", candidates=(CACHE,)
    )
    assert label(bare) == "2026-06-17 14:30"


def test_the_cache_is_newer_than_a_snapshot_in_whatever_zone_it_was_made() -> None:
    # The backup began at 19:20 UTC and ended at 14:30 in Chicago, which is 19:30 UTC.
    snapshot = candidate("4", "2026-06-17 19:20")
    assert is_cache_newer(report(snapshot, CACHE), snapshot, zone=CHICAGO)
    assert not is_cache_newer(report(snapshot, CACHE), snapshot, zone=UTC)
    assert not is_cache_newer(REAL, CACHE, zone=UTC)


def test_times_are_shown_as_the_users_clock_showed_them() -> None:
    snapshot, raw = (
        candidate("4", "2026-06-17 19:20"),
        candidate("@2026-06-17_19:20", "2026-06-17 19:20"),
    )
    shown = [local_time(REAL, each, zone=ROME) for each in (snapshot, raw, CACHE)]
    assert [f"{each:%H:%M}" for each in shown] == ["21:20", "19:20", "14:30"]
    undated = report(CACHE, date="soon")
    assert f"{local_time(undated, CACHE, zone=ROME):%H:%M}" == "16:30"


TREE = tree_candidate(taken=seconds("2026-06-17 14:30:05"))
OF_A_TREE = cache_report(TREE, filesystem="ext2/ext3")


@pytest.mark.parametrize("selector", ["latest", "tree", "2026-06-17"])
def test_a_tree_has_only_itself_to_choose(selector: str) -> None:
    assert choose(OF_A_TREE, selector, zone=UTC) == TREE


@pytest.mark.parametrize("selector", ["3", "cache", "Tree", "2026-06-18", "@2026-06-17_14:30", ""])
def test_a_tree_has_no_snapshots_and_says_so(selector: str) -> None:
    with pytest.raises(UsageError, match="A tree has no snapshots") as caught:
        choose(OF_A_TREE, selector, zone=UTC)
    assert f"so the selector {selector} does not apply" in str(caught.value)
    assert "only the tree itself" in caught.value.advice


def test_a_cache_has_no_tree() -> None:
    with pytest.raises(UsageError, match="The cache has no snapshot tree"):
        choose(REAL, "tree", zone=UTC)


@pytest.mark.parametrize("selector", ["latest", "tree"])
def test_a_tree_with_problems_is_refused_with_them(selector: str) -> None:
    broken = cache_report(replace(TREE, problems=(NO_KERNEL,)))
    with pytest.raises(SourceError, match="tree cannot be built: no kernel in /b") as caught:
        choose(broken, selector, zone=UTC)
    assert caught.value.advice == "Install it. Nothing here can be built."


def test_a_tree_on_btrfs_is_no_cache_whose_snapshots_are_missing() -> None:
    skipped = Skipped(path=".snapshots", reason=Problem(message="it is a symlink"))
    on_btrfs = cache_report(TREE, filesystem="btrfs")
    assert choose(on_btrfs, "latest", zone=UTC) == TREE
    assert is_cache_newer(replace(on_btrfs, skipped=(skipped,)), TREE, zone=UTC) is False


def test_a_tree_is_labelled_by_its_date_and_its_system() -> None:
    assert label(OF_A_TREE) == "2026-06-17 14:30 | Debian GNU/Linux 13 (trixie)"
    unknown = cache_report(replace(TREE, system=None, problems=(NO_KERNEL,)))
    assert label(unknown) == "2026-06-17 14:30"


def test_a_trees_date_is_that_of_a_file_and_shown_on_the_users_clock() -> None:
    assert f"{local_time(OF_A_TREE, TREE, zone=ROME):%H:%M}" == "16:30"
    assert is_cache_newer(OF_A_TREE, TREE, zone=ROME) is False
