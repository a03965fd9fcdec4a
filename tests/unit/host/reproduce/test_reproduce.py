"""`reproduce` from the command line down to the engine, which is a fake: the verdict."""

import json
from pathlib import Path

import pytest

from builder.border.differences import Difference, Explanation
from builder.border.jobs import DIGEST
from builder.host.engine.faults import BindMissingError
from tests.support.fake_engine import IMAGE
from tests.support.rebuilding import (
    TREE,
    manifest_bytes,
    plan_of,
    rebuilding_engine,
    results_of,
    whole_results,
)
from tests.support.reproducing import Workplace
from tests.support.results import (
    CONTENT,
    ISO,
    MANIFEST,
    PRIVATE,
    SUMS,
    as_json,
    digest,
    private_data,
    private_identity,
    row,
)

ONE = Explanation(
    differences=(Difference(place=("x",), attribute="mode", original="1", rebuilt="2"),)
)
NO_ENGINE = BindMissingError("creating the explain container: bind source path does not exist: /x")
OTHER = CONTENT[:5000] + b"!" + CONTENT[5001:]


@pytest.fixture
def place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Workplace:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return Workplace(folder=tmp_path, capsys=capsys, monkeypatch=monkeypatch)


def test_the_same_bytes_are_said_to_be_the_same(place: Workplace) -> None:
    engine = rebuilding_engine()
    told = place.reproduce(engine, place.originals(whole_results()))
    assert told.code == 0
    assert f"Reproduced: {ISO} is identical, byte for byte" in told.out
    for name in whole_results():
        assert f"✔ {name}: the same" in told.out
    assert engine.jobs == ["scan", "digest", "freeze", "build", "thaw"]
    assert list((place.folder / "tmp").iterdir()) == []


def test_the_manifest_alone_is_enough(place: Workplace) -> None:
    manifest = place.originals({MANIFEST: manifest_bytes()})
    renamed = manifest.rename(manifest.with_name("some file"))
    told = place.reproduce(rebuilding_engine(), renamed)
    assert told.code == 0
    assert f"- {SUMS}: rebuilt, with nothing to compare it to" in told.out
    assert f"✔ {ISO}: the same" in told.out
    assert f"✔ {MANIFEST}: the same" in told.out


PATTERNS = {"settings": {"exclude": ["/srv/acme"]}}


def with_patterns() -> dict[str, bytes]:
    """Return results of a build that left something out, without the private file."""
    identity = private_identity(private_data(**PATTERNS)["record"])
    return results_of({ISO: CONTENT, MANIFEST: manifest_bytes(private=identity)})


def test_patterns_come_from_the_private_file_beside_the_iso(place: Workplace) -> None:
    private = {PRIVATE: as_json(private_data(**PATTERNS))}
    engine = rebuilding_engine(made=with_patterns() | private)
    told = place.reproduce(engine, place.originals(with_patterns() | private))
    assert told.code == 0, told.err
    assert plan_of(engine).recipe.exclude == ("/srv/acme",)
    assert [request.exclude for request in engine.asked(DIGEST)] == [("/srv/acme",)]
    assert PRIVATE not in told.out, "it is not compared, since it is no result for others"


def test_patterns_come_from_the_file_that_the_user_names(place: Workplace) -> None:
    mine = place.folder / "mine.json"
    mine.write_bytes(as_json(private_data(**PATTERNS)))
    engine = rebuilding_engine(made=with_patterns())
    told = place.reproduce(engine, place.originals(with_patterns()), "--private", mine)
    assert told.code == 0, told.err
    assert plan_of(engine).recipe.exclude == ("/srv/acme",)


def test_without_it_what_is_missing_is_said_before_any_work(place: Workplace) -> None:
    engine = rebuilding_engine(made=with_patterns())
    told = place.reproduce(engine, place.originals(with_patterns()))
    assert (told.code, engine.jobs) == (2, [])
    assert "built with settings that its manifest does not name: exclude" in told.err
    assert f"Give the file {PRIVATE} with --private" in " ".join(told.err.split())


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({}, "does not belong to this ISO"),
        ({"settings": {"exclude": ["/srv/other"]}}, "does not belong to this ISO"),
    ],
)
def test_one_of_another_build_is_refused_before_any_work(
    place: Workplace, record: dict[str, object], reason: str
) -> None:
    engine = rebuilding_engine(made=with_patterns())
    files = with_patterns() | {PRIVATE: as_json(private_data(**record))}
    told = place.reproduce(engine, place.originals(files))
    assert (told.code, engine.jobs) == (6, [])
    assert reason in told.err


def test_a_build_without_patterns_needs_none_whatever_lies_there(place: Workplace) -> None:
    files = whole_results() | {PRIVATE: b"not JSON"}
    told = place.reproduce(rebuilding_engine(), place.originals(files))
    assert told.code == 0, told.err


def test_nothing_is_taken_from_the_block_cache(place: Workplace) -> None:
    engine = rebuilding_engine()
    place.reproduce(engine, place.originals(whole_results()))
    (build,) = [spec for spec in engine.specs if spec.job.name == "build"]
    assert [each.target for each in build.volumes] == [Path("/work")]
    assert [bind.target for bind in build.binds if not bind.read_only] == [Path("/delivery")]


def test_the_rebuild_is_kept_where_the_user_wants_it(place: Workplace) -> None:
    again = place.folder / "again"
    told = place.reproduce(rebuilding_engine(), place.originals(whole_results()), "--output", again)
    assert told.code == 0
    assert {path.name for path in again.iterdir()} >= set(whole_results())
    assert f"The rebuild is in {again}" in told.out


def test_the_originals_are_never_replaced(place: Workplace) -> None:
    manifest = place.originals(whole_results())
    before = {path.name: path.stat().st_mtime_ns for path in manifest.parent.iterdir()}
    for folder in (manifest.parent, manifest.parent / ".." / "iso"):
        engine = rebuilding_engine()
        told = place.reproduce(engine, manifest, "--output", folder)
        assert (told.code, engine.jobs) == (2, [])
        assert "is where the manifest is" in told.err
    assert before == {path.name: path.stat().st_mtime_ns for path in manifest.parent.iterdir()}


def test_what_is_not_the_same_is_explained_from_the_top_down(place: Workplace) -> None:
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
    engine = rebuilding_engine(explanation=explanation)
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
    (spec,) = [spec for spec in engine.specs if spec.job.name == "explain"]
    assert all(bind.read_only for bind in spec.binds)
    assert [bind.target for bind in spec.binds] == [Path("/original.iso"), Path("/rebuilt.iso")]
    assert spec.binds[0].source == str(manifest.parent / ISO)
    assert (spec.image, spec.job.network) == (IMAGE, False)
    assert spec.job.capabilities == ("DAC_READ_SEARCH",)
    assert list((place.folder / "tmp").iterdir()) == []


def test_programs_get_the_verdict_and_every_difference(place: Workplace) -> None:
    manifest = place.originals({**whole_results(), ISO: OTHER})
    many = tuple(
        Difference(place=(f"/{n}",), attribute="mode", original="1", rebuilt="2")
        for n in range(200)
    )
    engine = rebuilding_engine(explanation=Explanation(differences=many, more=7))
    told = place.reproduce(engine, manifest, "--json")
    last = json.loads(told.out.splitlines()[-1])
    assert (told.code, last["event"], last["data"]["same"]) == (6, "result", False)
    data = last["data"]
    assert (len(data["differences"]), data["more_differences"]) == (200, 7)
    verdicts = {each["name"]: each["verdict"] for each in data["artefacts"]}
    assert verdicts == {**dict.fromkeys(whole_results(), "same"), ISO: "different"}
    assert data["source"] == {"selector": "3", "digest": TREE.digest}
    assert data["image"] == IMAGE
    shown = place.reproduce(engine, manifest)
    assert "… and 147 more differences" in shown.out


def rebuilt_otherwise() -> dict[str, bytes]:
    parts = [row("live/filesystem.squashfs", b"other"), row("live/new", b"")]
    changed = manifest_bytes(artefacts=[row(ISO, OTHER)], contents=parts)
    return results_of({ISO: OTHER, MANIFEST: changed})


def test_without_the_original_iso_the_manifests_tell_which_files_differ(place: Workplace) -> None:
    engine = rebuilding_engine(made=rebuilt_otherwise())
    told = place.reproduce(engine, place.originals({MANIFEST: manifest_bytes()}))
    assert told.code == 6
    assert "explain" not in engine.jobs
    assert "  live/filesystem.squashfs\n    · size: 3072, rebuilt 5\n" in told.out
    assert "  live/new\n    · only in the rebuild\n" in told.out
    assert "  live/vmlinuz-6.12\n    · only in the original\n" in told.out
    assert "The original ISO is not next to the manifest" in told.out


def test_where_all_files_are_the_same_the_rest_is_blamed(place: Workplace) -> None:
    made = results_of({ISO: OTHER, MANIFEST: manifest_bytes(artefacts=[row(ISO, OTHER)])})
    told = place.reproduce(
        rebuilding_engine(made=made), place.originals({MANIFEST: manifest_bytes()})
    )
    assert told.code == 6
    assert "Every file in both ISOs is the same" in told.out
    assert f"artefacts[{ISO}].sha256" in told.out


def test_an_engine_that_does_not_see_the_original_still_gives_a_verdict(place: Workplace) -> None:
    engine = rebuilding_engine(refusals={"explain": NO_ENGINE})
    told = place.reproduce(engine, place.originals({**whole_results(), ISO: OTHER}))
    assert told.code == 6
    assert "Could not find out what differs in the ISO: creating" in told.out
    engine = rebuilding_engine()  # of another machine: it finds nothing that differs
    told = place.reproduce(engine, place.folder / "iso" / MANIFEST)
    assert told.code == 6
    assert "the engine sees identical ISOs" in told.out


def test_a_manifest_that_was_edited_contradicts_its_sums_or_its_rebuild(place: Workplace) -> None:
    edited = manifest_bytes(volume_id="DEBIAN_12_XFCE")
    told = place.reproduce(
        rebuilding_engine(), place.originals({**whole_results(), MANIFEST: edited})
    )
    assert told.code == 6
    assert "  volume_id\n    · value: DEBIAN_12_XFCE, rebuilt DEBIAN_13_XFCE" in told.out
    assert f"✔ {ISO}: the same" in told.out


def test_sums_that_list_something_else_are_no_proof(place: Workplace) -> None:
    files = whole_results()
    files[SUMS] = files[SUMS].replace(digest(CONTENT).encode(), b"f" * 64)
    told = place.reproduce(rebuilding_engine(), place.originals(files))
    assert told.code == 6
    assert f"SHA256SUMS says {'f' * 64}" in told.out
    assert "The ISO next to the manifest is identical to the rebuild" in told.out


def test_a_result_that_the_rebuild_does_not_make_is_a_difference(place: Workplace) -> None:
    files = results_of({ISO: CONTENT, MANIFEST: manifest_bytes(), "more.json": b"{}"})
    told = place.reproduce(rebuilding_engine(), place.originals(files))
    assert told.code == 6
    assert "✘ more.json: not rebuilt" in told.out
    assert "  more.json\n    · " not in told.out
    assert "more.json\n  · only in the original" in told.out


def test_sums_of_another_build_are_of_no_interest(place: Workplace) -> None:
    files = {**whole_results(), SUMS: b"0" * 64 + b"  Other.iso\n"}
    told = place.reproduce(rebuilding_engine(), place.originals(files))
    assert told.code == 0
    assert f"- {SUMS}: rebuilt, with nothing to compare it to" in told.out


# --- the tree ---------------------------------------------------------------------------------


def test_diffoscope_is_offered_where_it_is_installed(place: Workplace) -> None:
    tools = place.folder / "bin"
    tools.mkdir()
    (tools / "diffoscope").write_text("#!/bin/sh\n")
    (tools / "diffoscope").chmod(0o755)
    place.monkeypatch.setenv("PATH", str(tools))
    manifest = place.originals({**whole_results(), ISO: OTHER})
    told = place.reproduce(rebuilding_engine(explanation=ONE), manifest)
    assert "reproduce again with --output DIR" in told.out
    again = place.folder / "again"
    told = place.reproduce(rebuilding_engine(explanation=ONE), manifest, "--output", again)
    assert f"diffoscope {manifest.parent / ISO} {again / ISO}" in told.out
    place.monkeypatch.setenv("PATH", "/nonexistent")
    assert "diffoscope" not in place.reproduce(rebuilding_engine(explanation=ONE), manifest).out
