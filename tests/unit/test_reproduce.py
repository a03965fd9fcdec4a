"""`reproduce` from the command line down to the engine, which is a fake."""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builder.differences import Difference, Explanation
from builder.errors import Interrupted, StepError
from builder.host import main
from builder.host.engine.images import ImageFacts
from builder.host.image import builder_tag
from builder.names import LABEL_LOCKED
from tests.support.rebuilding import (
    IMAGE,
    OTHER_TREE,
    TAKEN,
    TREE,
    FakeEngine,
    candidate,
    manifest_bytes,
    no_engine,
    results_of,
    whole_results,
    write,
)
from tests.support.results import CONTENT, ISO, MANIFEST, SUMS, digest, row

ONE = Explanation(
    differences=(Difference(place=("x",), attribute="mode", original="1", rebuilt="2"),)
)
OTHER = CONTENT[:5000] + b"!" + CONTENT[5001:]


@dataclass
class Told:
    code: int
    out: str
    err: str


@dataclass
class Place:
    """A folder for everything, and the command in it."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def originals(self, files: Mapping[str, bytes]) -> Path:
        return write(self.folder / "iso", files)

    def reproduce(self, engine: FakeEngine, manifest: Path, *more: object) -> Told:
        self.monkeypatch.setattr("builder.host.commands.reproduce.connect", lambda: engine)
        self.capsys.readouterr()
        words = ["reproduce", manifest, "--cache", self.folder / "cache", *more]
        code = main.run([str(word) for word in words])
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        assert "\x1b" not in out + err
        return Told(code=code, out=out, err=err)

    @property
    def temporary(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "tmp").rglob("*") if path.is_file())


@pytest.fixture
def place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Place:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return Place(folder=tmp_path, capsys=capsys, monkeypatch=monkeypatch)


def test_the_same_bytes_are_said_to_be_the_same(place: Place) -> None:
    engine = FakeEngine()
    told = place.reproduce(engine, place.originals(whole_results()))
    assert told.code == 0
    assert f"Reproduced: {ISO} is the same, byte for byte" in told.out
    for name in whole_results():
        assert f"✔ {name}: the same" in told.out
    assert engine.jobs == ["scan", "digest", "freeze", "build", "thaw"]
    assert list((place.folder / "tmp").iterdir()) == []


def test_the_manifest_alone_is_enough(place: Place) -> None:
    manifest = place.originals({MANIFEST: manifest_bytes()})
    renamed = manifest.rename(manifest.with_name("some file"))
    told = place.reproduce(FakeEngine(), renamed)
    assert told.code == 0
    assert f"- {SUMS}: rebuilt; nobody says what it was" in told.out
    assert f"✔ {ISO}: the same" in told.out
    assert f"✔ {MANIFEST}: the same" in told.out


def test_nothing_is_taken_from_the_block_cache(place: Place) -> None:
    engine = FakeEngine()
    place.reproduce(engine, place.originals(whole_results()))
    (build,) = [spec for spec in engine.specs if spec.job == "build"]
    assert build.stores == ()
    assert [bind.target for bind in build.binds if not bind.read_only] == ["/delivery"]


def test_the_rebuild_is_kept_where_the_user_wants_it(place: Place) -> None:
    again = place.folder / "again"
    told = place.reproduce(FakeEngine(), place.originals(whole_results()), "--output", again)
    assert told.code == 0
    assert {path.name for path in again.iterdir()} >= set(whole_results())
    assert f"The rebuild is in {again}" in told.out


def test_the_originals_are_never_replaced(place: Place) -> None:
    manifest = place.originals(whole_results())
    before = {path.name: path.stat().st_mtime_ns for path in manifest.parent.iterdir()}
    for folder in (manifest.parent, manifest.parent / ".." / "iso"):
        engine = FakeEngine()
        told = place.reproduce(engine, manifest, "--output", folder)
        assert (told.code, engine.jobs) == (2, [])
        assert "the manifest's own" in told.err
    assert before == {path.name: path.stat().st_mtime_ns for path in manifest.parent.iterdir()}


def test_what_is_not_the_same_is_explained_from_the_top_down(place: Place) -> None:
    explanation = Explanation(
        differences=(
            Difference(
                place=("live/filesystem.squashfs",), attribute="content", original="0x21",
                rebuilt="0x88", offset=3976,
            ),
            Difference(
                place=("live/filesystem.squashfs", "/etc/motd"), attribute="mode",
                original="0644", rebuilt="0600",
            ),
            Difference(
                place=("live/filesystem.squashfs", "/etc/\x1b[2Jevil"), attribute="presence",
                original="yes", rebuilt="no",
            ),
        )
    )  # fmt: skip
    engine = FakeEngine(explanation=explanation)
    manifest = place.originals({**whole_results(), ISO: OTHER})
    told = place.reproduce(engine, manifest)
    assert told.code == 6
    assert f"NOT reproduced: {ISO}" in told.out
    assert f"the file beside the manifest has {digest(OTHER)}" in told.out
    lines = told.out.split(f"\n{ISO}\n", 1)[1].splitlines()
    assert lines[:6] == [
        "  live/filesystem.squashfs",
        "    · first differs at byte 3976: 0x21, rebuilt 0x88",
        "    /etc/motd",
        "      · mode: 0644, rebuilt 0600",
        "    /etc/evil",
        "      · only in the original",
    ]
    (spec,) = [spec for spec in engine.specs if spec.job == "explain"]
    assert all(bind.read_only for bind in spec.binds)
    assert [bind.target for bind in spec.binds] == ["/original.iso", "/rebuilt.iso"]
    assert spec.binds[0].source == str(manifest.parent / ISO)
    assert (spec.image, spec.capabilities, spec.network) == (IMAGE, ("DAC_READ_SEARCH",), False)
    assert list((place.folder / "tmp").iterdir()) == []


def test_programs_get_the_verdict_and_every_difference(place: Place) -> None:
    manifest = place.originals({**whole_results(), ISO: OTHER})
    many = tuple(
        Difference(place=(f"/{n}",), attribute="mode", original="1", rebuilt="2")
        for n in range(200)
    )
    engine = FakeEngine(explanation=Explanation(differences=many, more=7))
    told = place.reproduce(engine, manifest, "--json")
    last = json.loads(told.out.splitlines()[-1])
    assert (told.code, last["event"], last["data"]["same"]) == (6, "result", False)
    data = last["data"]
    assert (len(data["differences"]), data["more_differences"]) == (200, 7)
    verdicts = {each["name"]: each["verdict"] for each in data["artefacts"]}
    assert verdicts == {ISO: "different", MANIFEST: "same", SUMS: "same"}
    assert data["source"] == {"selector": "3", "digest": TREE.digest}
    assert data["image"] == IMAGE
    shown = place.reproduce(engine, manifest)
    assert "… and 147 more differences" in shown.out


def rebuilt_otherwise() -> dict[str, bytes]:
    parts = [row("live/filesystem.squashfs", b"other"), row("live/new", b"")]
    changed = manifest_bytes(artefacts=[row(ISO, OTHER)], contents=parts)
    return results_of({ISO: OTHER, MANIFEST: changed})


def test_without_the_original_iso_the_manifests_tell_which_files_differ(place: Place) -> None:
    engine = FakeEngine(made=rebuilt_otherwise())
    told = place.reproduce(engine, place.originals({MANIFEST: manifest_bytes()}))
    assert told.code == 6
    assert "explain" not in engine.jobs
    assert "  live/filesystem.squashfs\n    · size: 3072, rebuilt 5\n" in told.out
    assert "  live/new\n    · only in the rebuild\n" in told.out
    assert "  live/vmlinuz-6.12\n    · only in the original\n" in told.out
    assert "The original ISO is not beside the manifest" in told.out


def test_where_all_files_are_the_same_the_rest_is_blamed(place: Place) -> None:
    made = results_of({ISO: OTHER, MANIFEST: manifest_bytes(artefacts=[row(ISO, OTHER)])})
    told = place.reproduce(FakeEngine(made=made), place.originals({MANIFEST: manifest_bytes()}))
    assert told.code == 6
    assert "Every file in both ISOs is the same" in told.out
    assert f"artefacts[{ISO}].sha256" in told.out


def test_an_engine_that_does_not_see_the_original_still_gives_a_verdict(place: Place) -> None:
    engine = FakeEngine(explanation=no_engine())
    told = place.reproduce(engine, place.originals({**whole_results(), ISO: OTHER}))
    assert told.code == 6
    assert "What differs in the ISO could not be found out: creating" in told.out
    engine = FakeEngine()  # of another machine: it finds nothing that differs
    told = place.reproduce(engine, place.folder / "iso" / MANIFEST)
    assert told.code == 6
    assert "the engine reads two ISOs that are the same" in told.out


def test_a_manifest_that_was_edited_contradicts_its_sums_or_its_rebuild(place: Place) -> None:
    edited = manifest_bytes(volume_id="DEBIAN_12_XFCE")
    told = place.reproduce(FakeEngine(), place.originals({**whole_results(), MANIFEST: edited}))
    assert told.code == 6
    assert "  volume_id\n    · value: DEBIAN_12_XFCE, rebuilt DEBIAN_13_XFCE" in told.out
    assert f"✔ {ISO}: the same" in told.out


def test_sums_that_list_something_else_are_no_proof(place: Place) -> None:
    files = whole_results()
    files[SUMS] = files[SUMS].replace(digest(CONTENT).encode(), b"f" * 64)
    told = place.reproduce(FakeEngine(), place.originals(files))
    assert told.code == 6
    assert f"SHA256SUMS says {'f' * 64}" in told.out
    assert "The ISO beside the manifest is the rebuilt one" in told.out


def test_a_result_that_the_rebuild_does_not_make_is_a_difference(place: Place) -> None:
    files = results_of({ISO: CONTENT, MANIFEST: manifest_bytes(), "more.json": b"{}"})
    told = place.reproduce(FakeEngine(), place.originals(files))
    assert told.code == 6
    assert "✘ more.json: was not rebuilt" in told.out
    assert "  more.json\n    · " not in told.out
    assert "more.json\n  · only in the original" in told.out


def test_sums_of_another_build_are_of_no_interest(place: Place) -> None:
    files = {**whole_results(), SUMS: b"0" * 64 + b"  Other.iso\n"}
    told = place.reproduce(FakeEngine(), place.originals(files))
    assert told.code == 0
    assert f"- {SUMS}: rebuilt; nobody says what it was" in told.out


# --- the tree ---------------------------------------------------------------------------------


def test_the_snapshot_of_that_name_comes_first_and_others_only_if_it_is_not_the_one(
    place: Place,
) -> None:
    manifest = place.originals(whole_results())
    trees = {"2": TREE, "3": TREE, "7": TREE, "cache": TREE}
    candidates = (
        candidate("2"), candidate("3"), candidate("7", taken=TAKEN + 9),
        candidate("cache", taken=TAKEN + 99, read_only=False),
    )  # fmt: skip
    engine = FakeEngine(candidates=candidates, trees=trees)
    assert place.reproduce(engine, manifest).code == 0
    assert engine.jobs.count("digest") == 1
    assert engine.plan.candidate.path == "trees/3"
    engine = FakeEngine(candidates=candidates, trees={**trees, "3": OTHER_TREE, "2": OTHER_TREE})
    told = place.reproduce(engine, manifest)
    assert told.code == 0
    assert engine.plan.candidate == replace(
        candidates[3], selector="3", kind=candidates[1].kind, taken=TAKEN
    )
    assert "although the manifest calls it 3" in told.err


def test_a_tree_that_may_change_is_frozen_while_it_is_digested(place: Place) -> None:
    engine = FakeEngine(candidates=(candidate("cache", read_only=False),), trees={"cache": TREE})
    assert place.reproduce(engine, place.originals(whole_results())).code == 0
    assert engine.jobs == ["scan", "freeze", "digest", "thaw", "freeze", "build", "thaw"]


def test_a_deleted_snapshot_is_named_before_any_work(place: Place) -> None:
    broken = StepError("/etc/x in the source cannot be read: {reason}", reason="Input/output error")
    engine = FakeEngine(
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


def test_a_tree_of_the_same_digest_in_another_format_is_another_one(place: Place) -> None:
    engine = FakeEngine(trees={"3": replace(TREE, format=2)})
    assert place.reproduce(engine, place.originals(whole_results())).code == 4


# --- the image --------------------------------------------------------------------------------


def image(name: str, *, locked: bool = True) -> Mapping[str, ImageFacts]:
    label = {LABEL_LOCKED: "yes" if locked else "no"}
    return {builder_tag(locked=locked): ImageFacts(id=name, labels=label, size=1)}


@pytest.mark.parametrize(
    ("changed", "present", "words"),
    [
        ({}, image("sha256:other"), ["is not to be had", "here is sha256:other", "image build"]),
        (
            {},
            {**image("sha256:other"), IMAGE: ImageFacts(id=IMAGE, labels={}, size=1)},
            ["made from other code than this"],
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
    place: Place, changed: dict[str, object], present: Mapping[str, ImageFacts], words: list[str]
) -> None:
    engine = FakeEngine(present=present)
    told = place.reproduce(engine, place.originals({MANIFEST: manifest_bytes(**changed)}))
    assert (told.code, engine.jobs) == (3, [])
    for word in (IMAGE, *words):
        assert word in told.err


def test_an_image_that_cannot_be_built_is_named_with_the_reason(place: Place) -> None:
    place.monkeypatch.setenv("PATH", "/nonexistent")  # nothing that could make a base image
    engine = FakeEngine(present={})
    told = place.reproduce(engine, place.originals(whole_results()))
    assert (told.code, engine.jobs) == (3, [])
    assert f"The manifest needs the builder image {IMAGE}" in told.err


def test_an_unlocked_image_that_is_here_beside_the_locked_one_is_taken(place: Place) -> None:
    changed = {"image": {"id": IMAGE, "locked": False}}
    files = results_of({ISO: CONTENT, MANIFEST: manifest_bytes(**changed)})
    engine = FakeEngine(present={**image("sha256:other"), **image(IMAGE, locked=False)}, made=files)
    assert place.reproduce(engine, place.originals(files)).code == 0
    assert engine.plan.image.locked is False


# --- bad input and faults -----------------------------------------------------------------------


def test_what_is_no_manifest_is_a_mistake_in_the_command(place: Place) -> None:
    for path in (place.folder / "none.json", place.folder, place.folder / ("x" * 5000)):
        engine = FakeEngine()
        told = place.reproduce(engine, path)
        assert (told.code, engine.jobs) == (2, []), path
        assert "There is no manifest at" in told.err


@pytest.mark.parametrize("name", [ISO, MANIFEST, SUMS])
def test_what_is_no_file_beside_it_is_told_before_any_work(place: Place, name: str) -> None:
    manifest = place.originals(whole_results())
    target = manifest.with_name("elsewhere")
    (manifest.parent / name).rename(target)
    for make in (lambda path: path.symlink_to(target), os.mkfifo):
        make(manifest.parent / name)
        engine = FakeEngine()
        told = place.reproduce(engine, manifest)
        assert (told.code, engine.jobs) == (6, []), name
        assert name in told.err
        (manifest.parent / name).unlink()


def test_a_text_without_end_is_not_read_into_memory(place: Place) -> None:
    manifest = place.originals(whole_results())
    with manifest.open("ab") as file:
        file.truncate(1 << 30)  # sparse
    engine = FakeEngine()
    told = place.reproduce(engine, manifest)
    assert (told.code, engine.jobs) == (6, [])
    assert "is larger than" in told.err


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({MANIFEST: manifest_bytes()[:-9]}, "is not JSON"),
        ({MANIFEST: manifest_bytes(format=9)}, "made by a newer version"),
        ({MANIFEST: manifest_bytes(artefacts=[row("../../x.iso", b"")])}, "point outside"),
        ({MANIFEST: manifest_bytes(recipe={"live": {"user": "root"}})}, "belongs to the system"),
        ({**whole_results(), SUMS: b"../x"}, "SHA256SUMS is cut off"),
    ],
    ids=["cut off", "newer", "climbs", "hostile recipe", "bad sums"],
)
def test_what_cannot_be_relied_on_is_told_before_any_work(
    place: Place, files: Mapping[str, bytes], reason: str
) -> None:
    engine = FakeEngine()
    told = place.reproduce(engine, place.originals(files))
    assert (told.code, engine.jobs) == (6, [])
    assert reason in told.err


def test_the_log_of_a_rebuild_that_failed_stays(place: Place) -> None:
    engine = FakeEngine(made=StepError("The tool failed"))
    told = place.reproduce(engine, place.originals(whole_results()))
    assert told.code == 5
    assert place.temporary == ["Debian-13-xfce.log"]
    (log,) = (place.folder / "tmp").rglob("*.log")
    assert str(log) in told.err


def test_a_place_for_the_rebuild_that_is_not_there_is_named(place: Place) -> None:
    place.monkeypatch.setenv("TMPDIR", str(place.folder / "none"))
    engine = FakeEngine()
    told = place.reproduce(engine, place.originals(whole_results()))
    assert (told.code, engine.jobs) == (3, [])
    assert str(place.folder / "none") in told.err


def test_what_a_killed_rebuild_left_goes_with_the_next_one_and_nothing_else(place: Place) -> None:
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
        assert place.reproduce(FakeEngine(), place.originals(whole_results())).code == 0
    finally:
        os.close(descriptor)
    left = sorted(
        each.name.removeprefix("distroclone-builder-reproduce-") for each in base.iterdir()
    )
    assert left == ["at-work", "elsewhere", "failed", "link"]
    assert (base / "elsewhere" / "file").exists()


def test_an_interrupted_rebuild_leaves_nothing(place: Place) -> None:
    engine = FakeEngine(made=Interrupted("Interrupted"))
    told = place.reproduce(engine, place.originals(whole_results()))
    assert told.code == 130
    assert list((place.folder / "tmp").iterdir()) == []


def test_diffoscope_is_offered_where_it_is_installed(place: Place) -> None:
    tools = place.folder / "bin"
    tools.mkdir()
    (tools / "diffoscope").write_text("#!/bin/sh\n")
    (tools / "diffoscope").chmod(0o755)
    place.monkeypatch.setenv("PATH", str(tools))
    manifest = place.originals({**whole_results(), ISO: OTHER})
    told = place.reproduce(FakeEngine(explanation=ONE), manifest)
    assert "reproduce again with --output DIR" in told.out
    again = place.folder / "again"
    told = place.reproduce(FakeEngine(explanation=ONE), manifest, "--output", again)
    assert f"diffoscope {manifest.parent / ISO} {again / ISO}" in told.out
    place.monkeypatch.setenv("PATH", "/nonexistent")
    assert "diffoscope" not in place.reproduce(FakeEngine(explanation=ONE), manifest).out
