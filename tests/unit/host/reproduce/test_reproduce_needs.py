"""`reproduce` from the command line down to a fake engine: what a rebuild needs, and leaves."""

import fcntl
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import Interrupted, StepError
from builder.border.differences import Difference, Explanation
from builder.border.labels import LABEL_LOCKED
from builder.host.engine import ImageFacts
from builder.host.image.builder_image import builder_tag
from tests.support.fake_engine import IMAGE
from tests.support.rebuilding import (
    OTHER_TREE,
    TREE,
    manifest_bytes,
    plan_of,
    rebuilding_engine,
    results_of,
    whole_results,
)
from tests.support.reports import TAKEN, candidate
from tests.support.reproducing import Workplace
from tests.support.results import CONTENT, ISO, MANIFEST, SUMS, recipe_data, row

ONE = Explanation(
    differences=(Difference(place=("x",), attribute="mode", original="1", rebuilt="2"),)
)
HOSTILE = recipe_data()["live"] | {"user": "root"}
OTHER = CONTENT[:5000] + b"!" + CONTENT[5001:]


@pytest.fixture
def place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Workplace:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return Workplace(folder=tmp_path, capsys=capsys, monkeypatch=monkeypatch)


def test_the_snapshot_of_that_name_comes_first_and_others_only_if_it_is_not_the_one(
    place: Workplace,
) -> None:
    manifest = place.originals(whole_results())
    trees = {"2": TREE, "3": TREE, "7": TREE, "cache": TREE}
    candidates = (
        candidate("2"), candidate("3"), candidate("7", taken=TAKEN + 9),
        candidate("cache", taken=TAKEN + 99, read_only=False),
    )  # fmt: skip
    engine = rebuilding_engine(candidates=candidates, trees=trees)
    assert place.reproduce(engine, manifest).code == 0
    assert engine.jobs.count("digest") == 1
    assert plan_of(engine).candidate.path == "trees/3"
    engine = rebuilding_engine(
        candidates=candidates, trees={**trees, "3": OTHER_TREE, "2": OTHER_TREE}
    )
    told = place.reproduce(engine, manifest)
    assert told.code == 0
    assert plan_of(engine).candidate == replace(
        candidates[3], selector="3", kind=candidates[1].kind, taken=TAKEN
    )
    assert "although the manifest calls it 3" in told.err


def test_a_tree_that_may_change_is_frozen_while_it_is_digested(place: Workplace) -> None:
    engine = rebuilding_engine(
        candidates=(candidate("cache", read_only=False),), trees={"cache": TREE}
    )
    assert place.reproduce(engine, place.originals(whole_results())).code == 0
    assert engine.jobs == ["scan", "freeze", "digest", "thaw", "freeze", "build", "thaw"]


def test_a_deleted_snapshot_is_named_before_any_work(place: Workplace) -> None:
    broken = StepError("/etc/x in the source cannot be read: {reason}", reason="Input/output error")
    engine = rebuilding_engine(
        candidates=(candidate("4"), candidate("5"), replace(candidate("6"), system=None)),
        trees={"4": OTHER_TREE, "5": broken, "6": OTHER_TREE},
    )
    told = place.reproduce(engine, place.originals(whole_results()))
    assert told.code == 4
    assert "build" not in engine.jobs
    assert TREE.digest in told.err
    assert f"4: {OTHER_TREE.digest}" in told.err
    assert "5: /etc/x in the source cannot be read: Input/output error" in told.err
    assert place.temporary == []


def test_a_tree_of_the_same_digest_in_another_format_is_another_one(place: Workplace) -> None:
    engine = rebuilding_engine(trees={"3": replace(TREE, format=2)})
    told = place.reproduce(engine, place.originals(whole_results()))
    assert told.code == 4
    assert "The snapshot was deleted or changed" in told.err


# --- the image --------------------------------------------------------------------------------


def image(name: str, *, locked: bool = True) -> Mapping[str, ImageFacts]:
    label = {LABEL_LOCKED: "yes" if locked else "no"}
    return {builder_tag(locked=locked): ImageFacts(id=name, labels=label, size=1)}


@pytest.mark.parametrize(
    ("changed", "present", "words"),
    [
        (
            {},
            image("sha256:other"),
            ["is not available", "this engine has sha256:other", "image build"],
        ),
        (
            {},
            {**image("sha256:other"), IMAGE: ImageFacts(id=IMAGE, labels={}, size=1)},
            ["built by other code", "this program has sha256:other"],
        ),
        ({"builder": "0.0.9"}, image("sha256:other"), ["of distroclone-builder 0.0.9; this is"]),
        (
            {"image": {"id": IMAGE, "locked": False}},
            image("sha256:other", locked=False),
            ["--unlocked", "docker save"],
        ),
    ],
    ids=["another one", "other code", "another version", "unlocked"],
)
def test_another_image_is_named_before_any_work(
    place: Workplace,
    changed: dict[str, object],
    present: Mapping[str, ImageFacts],
    words: list[str],
) -> None:
    engine = rebuilding_engine(present=present)
    told = place.reproduce(engine, place.originals({MANIFEST: manifest_bytes(**changed)}))
    assert (told.code, engine.jobs) == (3, [])
    for word in (IMAGE, *words):
        assert word in told.err


def test_an_image_that_cannot_be_built_is_named_with_the_reason(place: Workplace) -> None:
    place.monkeypatch.setenv("PATH", "/nonexistent")  # nothing that could make a base image
    engine = rebuilding_engine(present={})
    told = place.reproduce(engine, place.originals(whole_results()))
    assert (told.code, engine.jobs) == (3, [])
    assert f"The manifest needs the builder image {IMAGE}" in told.err


def test_an_unlocked_image_that_is_here_beside_the_locked_one_is_taken(place: Workplace) -> None:
    changed = {"image": {"id": IMAGE, "locked": False}}
    files = results_of({ISO: CONTENT, MANIFEST: manifest_bytes(**changed)})
    engine = rebuilding_engine(
        present={**image("sha256:other"), **image(IMAGE, locked=False)}, made=files
    )
    assert place.reproduce(engine, place.originals(files)).code == 0
    assert plan_of(engine).image.locked is False


# --- bad input and faults -----------------------------------------------------------------------


def test_what_is_no_manifest_is_a_mistake_in_the_command(place: Workplace) -> None:
    iso = place.folder / "x.iso"
    iso.touch()
    for path in (place.folder / "none.json", place.folder, iso, place.folder / ("x" * 5000)):
        engine = rebuilding_engine()
        told = place.reproduce(engine, path)
        assert (told.code, engine.jobs) == (2, []), path
        assert "There is no manifest at" in told.err


@pytest.mark.parametrize("name", [ISO, MANIFEST, SUMS])
def test_what_is_no_file_beside_it_is_told_before_any_work(place: Workplace, name: str) -> None:
    manifest = place.originals(whole_results())
    target = manifest.with_name("elsewhere")
    (manifest.parent / name).rename(target)
    for make in (lambda path: path.symlink_to(target), os.mkfifo):
        make(manifest.parent / name)
        engine = rebuilding_engine()
        told = place.reproduce(engine, manifest)
        assert (told.code, engine.jobs) == (6, []), name
        assert name in told.err
        (manifest.parent / name).unlink()


def test_a_text_without_end_is_not_read_into_memory(place: Workplace) -> None:
    manifest = place.originals(whole_results())
    with manifest.open("ab") as file:
        file.truncate(1 << 30)  # sparse
    engine = rebuilding_engine()
    told = place.reproduce(engine, manifest)
    assert (told.code, engine.jobs) == (6, [])
    assert "is larger than" in told.err


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({MANIFEST: manifest_bytes()[:-9]}, "is not JSON"),
        ({MANIFEST: manifest_bytes(format=9)}, "made by a newer version"),
        ({MANIFEST: manifest_bytes(artefacts=[row("../../x.iso", b"")])}, "has an invalid path"),
        ({MANIFEST: manifest_bytes(recipe=recipe_data(live=HOSTILE))}, "belongs to the system"),
        ({**whole_results(), SUMS: b"../x"}, "SHA256SUMS is cut off"),
    ],
    ids=["cut off", "newer", "climbs", "hostile recipe", "bad sums"],
)
def test_what_cannot_be_relied_on_is_told_before_any_work(
    place: Workplace, files: Mapping[str, bytes], reason: str
) -> None:
    engine = rebuilding_engine()
    told = place.reproduce(engine, place.originals(files))
    assert (told.code, engine.jobs) == (6, [])
    assert reason in told.err


def test_the_log_of_a_rebuild_that_failed_stays(place: Workplace) -> None:
    engine = rebuilding_engine(made=StepError("The tool failed"))
    told = place.reproduce(engine, place.originals(whole_results()))
    assert told.code == 5
    assert place.temporary == ["Debian-13-xfce.log"]
    (log,) = (place.folder / "tmp").rglob("*.log")
    assert str(log) in told.err


def test_a_place_for_the_rebuild_that_is_not_there_is_named(place: Workplace) -> None:
    place.monkeypatch.setenv("TMPDIR", str(place.folder / "none"))
    engine = rebuilding_engine()
    told = place.reproduce(engine, place.originals(whole_results()))
    assert (told.code, engine.jobs) == (3, [])
    assert str(place.folder / "none") in told.err


def test_what_a_killed_rebuild_left_goes_with_the_next_one_and_nothing_else(
    place: Workplace,
) -> None:
    base = place.folder / "tmp"
    kinds = {
        "killed": {"rebuilt/.x.partial/big.iso": b"x", "rebuilt/x.log": b"x"},
        "failed": {"rebuilt/x.log": b"x"},
        "at-work": {"rebuilt/big.iso": b"x"},
    }
    for name, files in kinds.items():
        for path, content in files.items():
            target = base / f"distroclone-builder-reproduce-{name}" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    (base / "elsewhere").mkdir()
    (base / "elsewhere" / "file").write_text("x")
    (base / "distroclone-builder-reproduce-link").symlink_to(base / "elsewhere")
    descriptor = os.open(base / "distroclone-builder-reproduce-at-work", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert place.reproduce(rebuilding_engine(), place.originals(whole_results())).code == 0
    finally:
        os.close(descriptor)
    left = sorted(
        each.name.removeprefix("distroclone-builder-reproduce-") for each in base.iterdir()
    )
    assert left == ["at-work", "elsewhere", "failed", "link"]
    assert (base / "elsewhere" / "file").exists()


def test_an_interrupted_rebuild_leaves_nothing(place: Workplace) -> None:
    engine = rebuilding_engine(made=Interrupted("Interrupted"))
    told = place.reproduce(engine, place.originals(whole_results()))
    assert told.code == 130
    assert list((place.folder / "tmp").iterdir()) == []
