"""Each kind of source is seen, frozen and named in its own way."""

from pathlib import Path
from typing import Any

import pytest

from builder.basics.errors import SourceError
from builder.border import paths
from builder.border.cache_report import Candidate
from builder.border.events import Event
from builder.border.jobs import (
    BUILD,
    DIGEST,
    FREEZE,
    INVENTORY,
    JOBS,
    SCAN,
    SCAN_TREE,
    THAW,
    Job,
    on_image,
)
from builder.border.labels import LABEL_CACHE, frozen_name
from builder.border.requests import Frozen, Nothing
from builder.border.source import SourceKind, TreePlace
from builder.formats.identities import TreeName
from builder.host.engine import Bind
from builder.host.engine.faults import BindMissingError, EngineRefusedError
from builder.host.source.frozen import ChosenTree, seen_tree, tree_job, work_volume
from builder.host.source.kinds import CacheFolder, CacheImage, PlainTree, Source, source_of
from builder.host.source.scanning import scan
from tests.support.fake_engine import FakeEngine, answering
from tests.support.reports import cache_report, candidate, tree_candidate

PLACE = Path("/srv/my cache: 1")
RUN = "0123456789abcdef"
FOLDER, IMAGE, TREE = CacheFolder(PLACE), CacheImage(PLACE), PlainTree(PLACE)
SOURCES: tuple[Source, ...] = (FOLDER, IMAGE, TREE)
SNAPSHOT, CACHE = candidate("3"), candidate("cache")
REPORT = cache_report(SNAPSHOT, CACHE)
every_kind = pytest.mark.parametrize("source", SOURCES, ids=lambda each: str(each.kind))


def engine(*, can_freeze: bool = True, **refusals: EngineRefusedError) -> FakeEngine:
    name = TreeName(digest="sha256:0", format=1, files=1, bytes=1)
    return FakeEngine(
        answers={
            "scan": answering(REPORT),
            "freeze": answering(Frozen(frozen=can_freeze)),
            "thaw": answering(Nothing()),
            "digest": answering(name),
        },
        refusals=refusals,
    )


def chosen(fake: FakeEngine, source: Source, tree: Candidate) -> ChosenTree:
    return ChosenTree(
        engine=fake,
        image="image",
        source=source,
        report=REPORT,
        candidate=tree,
        run=RUN,
        on_event=ignore,
    )


def ignore(_event: Event) -> None:
    """An event that nobody waits for."""


@pytest.mark.parametrize("kind", SourceKind)
def test_every_kind_has_its_value(kind: SourceKind) -> None:
    source = source_of(kind, PLACE)
    assert (source.kind, source.path) == (kind, PLACE)
    assert source in SOURCES


@pytest.mark.parametrize(
    ("source", "target", "row"),
    [
        (FOLDER, paths.CACHE, SCAN),
        (IMAGE, paths.CACHE_IMAGE, on_image(SCAN)),
        (TREE, paths.SOURCE, SCAN_TREE),
    ],
    ids=["cache", "cache_image", "tree"],
)
def test_a_scan_sees_the_whole_source_and_may_not_write_it(
    source: Source, target: Path, row: Job[Any, Any]
) -> None:
    assert source.bind() == Bind(source=str(PLACE), target=target, read_only=True)
    assert source.scan == row
    fake = engine()
    assert scan(fake, "image", source, run=RUN, on_event=ignore) == REPORT
    (spec,) = fake.specs
    assert (spec.job, spec.binds, spec.image) == (row, (source.bind(),), "image")
    assert [request.kind for request in fake.asked(SCAN)] == [source.kind]


@pytest.mark.parametrize(
    ("source", "seen", "target"),
    [
        (FOLDER, f"{PLACE}/trees/3", paths.SOURCE),
        (IMAGE, str(PLACE), paths.CACHE_IMAGE),
        (TREE, str(PLACE), paths.SOURCE),
    ],
    ids=["cache", "cache_image", "tree"],
)
def test_a_tree_is_seen_read_only(source: Source, seen: str, target: Path) -> None:
    assert source.bind_tree("trees/3") == Bind(source=seen, target=target, read_only=True)


@every_kind
def test_the_rows_of_a_kind_are_of_the_catalogue(source: Source) -> None:
    rows: tuple[Job[Any, Any], ...] = JOBS
    reading: tuple[Job[Any, Any], ...] = (BUILD, DIGEST, INVENTORY)
    for job in reading:
        assert source.row(job) in rows
        assert source.row(job).on_image is (source is IMAGE)
        assert source.bind_tree("x").target in [each.target for each in source.row(job).sees]


def test_only_a_subvolume_in_a_cache_folder_is_frozen_and_beside_the_cache() -> None:
    assert FOLDER.freezes_in(CACHE) == PLACE
    assert FOLDER.freezes_in(candidate("cache", subvolume=False)) is None
    assert IMAGE.freezes_in(CACHE) is None
    assert TREE.freezes_in(tree_candidate(subvolume=True)) is None


@pytest.mark.parametrize(
    ("source", "subvolume"),
    [(FOLDER, ""), (IMAGE, "/SysLinuxOS_backup/trees/3"), (TREE, "")],
    ids=["cache", "cache_image", "tree"],
)
@pytest.mark.parametrize("frozen", [True, False])
def test_a_container_is_told_where_the_tree_is(
    source: Source, subvolume: str, frozen: bool
) -> None:
    expected = TreePlace(kind=source.kind, subvolume=subvolume, frozen=frozen)
    assert source.place(REPORT, SNAPSHOT, frozen=frozen) == expected


def test_at_the_top_of_an_image_the_path_is_absolute_too() -> None:
    report = cache_report(SNAPSHOT, CACHE, base=".")
    assert IMAGE.place(report, SNAPSHOT, frozen=False).subvolume == "/trees/3"


@every_kind
def test_a_source_that_is_not_there_is_named_with_what_to_give(source: Source) -> None:
    fake = engine(scan=BindMissingError("bind source path does not exist"))
    with pytest.raises(SourceError, match=str(PLACE)) as caught:
        scan(fake, "image", source, run=RUN, on_event=ignore)
    assert str(caught.value) == str(source.missing())
    assert caught.value.advice == source.missing().advice
    assert caught.value.advice.startswith("Use --")


@every_kind
def test_another_refusal_is_not_called_a_missing_source(source: Source) -> None:
    with pytest.raises(EngineRefusedError, match="something else"):
        scan(engine(scan=EngineRefusedError("something else")), "image", source, run=RUN,
             on_event=ignore)  # fmt: skip


@every_kind
def test_a_source_that_cannot_be_read_is_named_beside_the_reason(source: Source) -> None:
    fake = FakeEngine(answers={"scan": answering(SourceError("There is no cache"))})
    with pytest.raises(SourceError, match="There is no cache") as caught:
        scan(fake, "image", source, run=RUN, on_event=ignore)
    assert caught.value.__notes__ == [f"The source is {PLACE}"]


@pytest.mark.parametrize("can_freeze", [True, False])
def test_a_build_freezes_what_it_can_and_thaws_it_before_its_volume_goes(can_freeze: bool) -> None:
    fake = engine(can_freeze=can_freeze)
    tree = chosen(fake, FOLDER, CACHE)
    with work_volume(tree) as volume:
        seen = seen_tree(tree)
        assert fake.volumes[volume.name][LABEL_CACHE] == str(PLACE)
        assert (volume.target, volume.read_only) == (paths.WORK, False)
        assert fake.jobs == ["freeze"]
    name = frozen_name(RUN)
    assert seen.bind.source == f"{PLACE}/{name if can_freeze else CACHE.path}"
    assert seen.place.frozen is can_freeze
    (request,) = fake.asked(FREEZE)
    assert (request.path, request.name, request.uuid) == (CACHE.path, name, CACHE.uuid)
    assert [each.names for each in fake.asked(THAW)] == [(name,)]
    assert [bind.read_only for spec in fake.specs for bind in spec.binds] == [False, False]
    assert fake.volumes == {}


@pytest.mark.parametrize(
    ("source", "tree"),
    [(IMAGE, CACHE), (TREE, tree_candidate()), (FOLDER, candidate("cache", subvolume=False))],
    ids=["cache_image", "tree", "plain cache"],
)
def test_what_cannot_be_frozen_is_only_watched(source: Source, tree: Candidate) -> None:
    fake = engine()
    with work_volume(chosen(fake, source, tree)) as volume:
        seen = seen_tree(chosen(fake, source, tree))
        assert LABEL_CACHE not in fake.volumes[volume.name]
    assert (seen.place.frozen, fake.jobs) == (False, [])
    assert seen.bind == source.bind_tree(tree.path)


@pytest.mark.parametrize(
    ("source", "tree", "jobs", "frozen"),
    [
        (FOLDER, SNAPSHOT, ["digest"], True),
        (FOLDER, CACHE, ["freeze", "digest", "thaw"], True),
        (FOLDER, candidate("cache", subvolume=False), ["digest"], False),
        (IMAGE, CACHE, ["digest"], False),
        (IMAGE, SNAPSHOT, ["digest"], False),
        (TREE, tree_candidate(), ["digest"], False),
    ],
)
def test_a_job_that_reads_a_tree_freezes_what_could_change(
    source: Source, tree: Candidate, jobs: list[str], frozen: bool
) -> None:
    fake = engine()
    with tree_job(DIGEST, chosen(fake, source, tree), exclude=("/x",), keep=("/y",)) as spec:
        fake.run(spec, ignore)
    assert fake.jobs == jobs
    (request,) = fake.asked(DIGEST)
    assert (request.tree.frozen, request.exclude, request.keep) == (frozen, ("/x",), ("/y",))
    assert request.tree.kind is source.kind
    assert spec.job == source.row(DIGEST)
    assert spec.run != RUN  # its own: it may be one of several of a command
    assert fake.volumes == {}
