"""What `diff` asks of the engine: it reads what cannot change, or freezes it, and nothing more."""

from pathlib import Path
from typing import Any

import pytest

from builder.basics.errors import BuilderError, HostError, SourceError, StepError, VerificationError
from builder.border.cache_report import CacheReport, Problem
from builder.border.events import Event, StepStarted
from builder.border.iso_contents import BootFile
from builder.border.jobs import INVENTORY
from builder.border.labels import LABEL_CACHE
from builder.border.source import SourceKind
from builder.formats.inventory import Row
from builder.host.diff.compare import find_difference
from builder.host.diff.model import LiveDifference, SystemDifference
from builder.host.diff.report import sections
from builder.host.engine.faults import BindMissingError
from builder.host.source.kinds import CacheFolder, CacheImage, Source
from tests.support.comparisons import file, package
from tests.support.fake_engine import FakeEngine
from tests.support.listing import listing_engine
from tests.support.reports import cache_report, candidate
from tests.support.results import (
    ISO,
    PRIVATE,
    as_json,
    fit,
    format_one_data,
    manifest_data,
    private_data,
    private_identity,
    recipe_data,
    write_manifest,
    write_results,
    write_with_stack,
)

CACHE = CacheFolder(Path("/srv/cache"))
IMAGE = CacheImage(Path("/srv/cache.img"))
TREES: dict[str, list[Row]] = {
    "2": [package("less", "1"), file("/etc/motd", "two\n")],
    "3": [package("less", "2"), file("/etc/motd", "three\n")],
    "cache": [package("less", "2"), file("/etc/motd", "now\n")],
}


REPORT = cache_report(candidate("2"), candidate("3"), candidate("cache"))


def engine(report: CacheReport = REPORT, **changed: Any) -> FakeEngine:
    return listing_engine(report, trees=TREES, **changed)


def found(
    fake: FakeEngine,
    first: object,
    second: object,
    *,
    source: Source = CACHE,
    events: list[Event] | None = None,
) -> SystemDifference:
    return find_difference(
        str(first),
        str(second),
        source=source,
        open_engine=lambda: fake,
        on_event=([] if events is None else events).append,
    )


def trees_of(fake: FakeEngine) -> list[tuple[str, bool, SourceKind]]:
    places = [request.tree for request in fake.asked(INVENTORY)]
    return [(each.subvolume, each.frozen, each.kind) for each in places]


def test_read_only_snapshots_are_read_where_they_are() -> None:
    fake = engine()
    difference = found(fake, "2", "3")
    assert [each.after for each in difference.packages.upgraded] == ["2"]
    assert fake.jobs == ["scan", "inventory", "inventory"]
    for spec, name in zip(fake.specs[1:], ("2", "3"), strict=True):
        assert [(bind.source, bind.target) for bind in spec.binds] == [
            (f"/srv/cache/trees/{name}", Path("/source"))
        ]
        assert all(bind.read_only for bind in spec.binds)
        assert spec.job.capabilities == ("DAC_READ_SEARCH",)
        assert (spec.volumes, spec.job.network, spec.job.loop_devices) == ((), False, False)
    assert [frozen for _path, frozen, _image in trees_of(fake)] == [True, True]
    assert difference.before.taken == "2026-06-17 14:29 UTC"


def test_the_cache_as_it_is_now_is_frozen_and_thawed() -> None:
    fake = engine()
    difference = found(fake, "3", "cache")
    assert [each.path for each in difference.config] == ["/etc/motd"]
    assert fake.jobs == ["scan", "inventory", "freeze", "inventory", "thaw"]
    assert fake.specs[3].binds[0].source.startswith("/srv/cache/.distroclone-builder-")
    assert [spec.volumes for spec in fake.specs] == [()] * 5
    assert [labels[LABEL_CACHE] for labels in fake.made_volumes.values()] == ["/srv/cache"]
    assert fake.volumes == {}


def test_what_cannot_be_frozen_is_watched_instead() -> None:
    fake = engine(can_freeze=False)
    found(fake, "cache", "cache")
    assert [frozen for _path, frozen, _image in trees_of(fake)] == [False, False]
    plain = candidate("2", subvolume=False, read_only=False)
    fake = engine(report=cache_report(plain, candidate("cache")))
    found(fake, "2", "2")
    assert "freeze" not in fake.jobs
    assert [frozen for _path, frozen, _image in trees_of(fake)] == [False, False]


def test_a_cache_image_is_mounted_by_the_container() -> None:
    fake = engine()
    found(fake, "2", "cache", source=IMAGE)
    assert fake.jobs == ["scan", "inventory", "inventory"]
    for spec in fake.specs[1:]:
        assert [bind.source for bind in spec.binds] == ["/srv/cache.img"]
        assert spec.job.capabilities == ("DAC_READ_SEARCH", "MKNOD", "SYS_ADMIN")
        assert spec.job.loop_devices
    assert trees_of(fake)[0] == ("/SysLinuxOS_backup/trees/2", False, SourceKind.CACHE_IMAGE)


def test_of_two_isos_no_cache_is_read(tmp_path: Path) -> None:
    fake = engine(iso=TREES["2"])
    results = write_results(tmp_path / "iso")
    difference = found(fake, results, results / ISO)
    assert difference.same
    assert fake.jobs == ["iso-inventory", "iso-inventory"]
    for spec in fake.specs:
        assert [(bind.source, bind.target) for bind in spec.binds] == [
            (str(results / ISO), Path("/medium.iso"))
        ]
        assert spec.binds[0].read_only
        assert spec.job.capabilities == ("DAC_READ_SEARCH",)


def test_of_two_isos_the_layers_above_the_system_are_compared_too(tmp_path: Path) -> None:
    boots = (BootFile(path="live/vmlinuz-6", size=7, sha256="0" * 64),)
    live = {each: [file("/etc/live", each)] for each in ("one", "other")}
    fake = engine(iso=TREES["2"], live=live, boots=boots)
    first = write_with_stack(tmp_path / "one", "1")
    second = write_with_stack(tmp_path / "other", "2")
    difference = found(fake, first, second)
    assert not difference.files
    above = difference.live
    assert above is not None
    assert above.stack is not None
    assert [each.path for each in above.files or ()] == ["/etc/live"]
    assert [(each.before, each.after) for each in above.stack.upgraded] == [("1", "2")]
    assert above.boot_files == ()


def test_an_iso_of_the_time_before_the_layers_is_compared_without_them(tmp_path: Path) -> None:
    results = write_results(tmp_path / "iso")
    difference = found(engine(iso=TREES["2"]), results, results)
    assert difference.live == LiveDifference(files=None, stack=None, boot_files=())
    assert found(engine(iso=TREES["2"]), results, "2").live is None


def test_what_the_build_of_an_iso_left_out_is_left_out_of_the_snapshot_too(tmp_path: Path) -> None:
    fake = engine(iso=TREES["2"])
    results = write_with_private(tmp_path / "iso")
    difference = found(fake, results, "3")
    (request,) = fake.asked(INVENTORY)
    assert (request.exclude, request.keep) == (("/srv/*",), ("/var/lib/acme",))
    assert (difference.by_build, difference.config, difference.unnamed) == (1, (), 0)


def write_with_private(folder: Path) -> Path:
    """Write results of a build that left something out and changed something, all of them."""
    private = private_data(
        settings={"exclude": ["/srv/*"], "keep": ["/var/lib/acme"]},
        changes=[{"path": "/etc/motd", "change": "changed", "rule": "motd"}],
    )
    write_results(
        folder,
        changes=[{"change": "changed", "rule": "motd", "count": 1}],
        private=private_identity(private["record"]),
    )
    (folder / PRIVATE).write_bytes(as_json(private))
    return folder


def test_without_the_private_file_it_is_said_that_a_build_explains_some(tmp_path: Path) -> None:
    fake = engine(iso=TREES["2"])
    results = write_with_private(tmp_path / "iso")
    (results / PRIVATE).unlink()
    difference = found(fake, results, "3")
    (request,) = fake.asked(INVENTORY)
    assert request.exclude == ()
    assert (difference.by_build, len(difference.config), difference.unnamed) == (0, 1, 3)
    (files,) = [each for each in sections(difference) if each.name == "files"]
    assert "private file" in files.words
    assert found(engine(iso=TREES["2"]), results, results / ISO).unnamed == 0


def test_between_two_isos_no_private_word_is_told(tmp_path: Path) -> None:
    one = write_with_private(tmp_path / "one")
    other = write_results(tmp_path / "other")
    difference = found(engine(iso=TREES["2"]), one, other)
    assert [each.name for each in difference.settings] == [
        "changes.motd.changed",
        "private.digest",
        "private.settings.exclude",
        "private.settings.keep",
    ]
    assert "/srv" not in str(difference)
    assert "acme" not in str(difference)


def test_a_private_file_of_another_build_is_not_used(tmp_path: Path) -> None:
    results = write_with_private(tmp_path / "iso")
    (results / PRIVATE).write_bytes(as_json(private_data()))
    with pytest.raises(VerificationError, match="does not belong to this ISO"):
        found(engine(iso=TREES["2"]), results, "3")


def test_the_patterns_of_a_manifest_of_format_1_are_in_it(tmp_path: Path) -> None:
    fake = engine(iso=TREES["2"])
    recipe = recipe_data(exclude=["/srv/*"])
    results = write_results(tmp_path / "iso")
    write_manifest(results, as_json(format_one_data(recipe=recipe)))
    fit(results, externalParameters={"recipe": recipe, "selector": "3"})
    found(fake, results, "3")
    (request,) = fake.asked(INVENTORY)
    assert request.exclude == ("/srv/*",)


def test_the_two_listings_are_two_steps() -> None:
    events: list[Event] = []
    found(engine(), "2", "3", events=events)
    steps = [(each.position, each.total) for each in events if isinstance(each, StepStarted)]
    assert steps == [(1, 2), (2, 2)]


@pytest.mark.parametrize("selector", ["9", "2020-01-01", "@2020-01-01_10:00"])
def test_a_snapshot_that_is_gone_is_said_so(selector: str) -> None:
    with pytest.raises(BuilderError, match="The cache has no"):
        found(engine(), "3", selector)


def test_a_snapshot_that_is_no_whole_system_is_said_so() -> None:
    empty = candidate("1", problems=(Problem(message="it is empty"),))
    with pytest.raises(SourceError, match="it is empty"):
        found(engine(report=cache_report(empty, candidate("cache"))), "1", "cache")


def test_what_goes_wrong_in_a_container_is_passed_on(tmp_path: Path) -> None:
    results = write_results(tmp_path / "iso")
    unreadable = VerificationError("The ISO cannot be read: no squashfs")
    with pytest.raises(VerificationError, match="no squashfs"):
        found(engine(failure=unreadable), results, results)
    gone = BindMissingError('invalid mount config: "bind source path does not exist: /x"')
    with pytest.raises(HostError, match="The engine cannot see") as caught:
        found(engine(refusal=gone), results, results)
    assert str(results / ISO) in str(caught.value)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: whole[:300],
        lambda _whole: b"",
        lambda whole: whole.replace(b'"less"', b"less "),
    ],
)
def test_a_list_that_does_not_arrive_whole_is_refused(spoil: object) -> None:
    with pytest.raises(StepError, match="list of files"):
        found(engine(archive=spoil), "2", "3")


def test_a_manifest_with_strange_texts_is_compared_all_the_same(tmp_path: Path) -> None:
    fake = engine(iso=TREES["2"])
    system = manifest_data()["system"] | {"kernels": ["\x1b[31m"], "pretty_name": "\x1b[31m"}
    first = write_results(
        tmp_path / "a", tools={"xorriso": "\x1b[31m"}, system=system, weather=["\x1b[31m"]
    )
    second = write_results(tmp_path / "b")
    difference = found(fake, first, second)
    assert [each.name for each in difference.settings] == ["tools.xorriso"]
    assert "\x1b" not in str(difference)


@pytest.mark.parametrize(
    "changed", [{"tools": {"xorriso": ["\x1b[31m"]}}, {"tools": 7}, {"changes": ["\x1b"]}]
)
def test_a_manifest_with_values_of_other_types_is_not_compared(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    results = write_results(tmp_path / "a", **changed)
    with pytest.raises(VerificationError, match="The manifest cannot be read") as caught:
        found(engine(iso=TREES["2"]), results, results)
    assert "\x1b" not in str(caught.value)
