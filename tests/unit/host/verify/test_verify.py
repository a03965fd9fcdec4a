"""Results that are not what they say get a verdict: never a traceback, never "verified"."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from builder.host.results.manifest_reader import LARGEST
from tests.support.fake_engine import without_engine
from tests.support.results import (
    CONTENT,
    CYCLONEDX,
    ISO,
    MANIFEST,
    PARTS,
    PROVENANCE,
    SPDX,
    SUMS,
    as_json,
    digest,
    flip_bit,
    manifest_data,
    provenance_data,
    recipe_data,
    row,
    write_manifest,
    write_provenance,
    write_results,
    write_sums,
)

Spoil = Callable[[Path], object]


SURROUNDINGS = Surroundings(open_engine=without_engine)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_results(tmp_path / "iso")


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Run `verify` and return its exit code and what it said."""
    capsys.readouterr()
    code = main.run(["verify", *map(str, arguments)], surroundings=SURROUNDINGS)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert "defect" not in out + err
    return code, out


def manifest(**changed: object) -> Spoil:
    """Return what writes a manifest with something else in it, and the sums that fit."""
    return lambda folder: write_manifest(folder, json.dumps(manifest_data(**changed)).encode())


def raw_manifest(content: bytes) -> Spoil:
    return lambda folder: write_manifest(folder, content)


def sums(content: bytes) -> Spoil:
    return lambda folder: (folder / SUMS).write_bytes(content)


def edited(name: str, old: bytes, new: bytes) -> Spoil:
    """Return what edits a file, which must hold what is looked for."""

    def spoil(folder: Path) -> None:
        content = (folder / name).read_bytes()
        assert old in content
        (folder / name).write_bytes(content.replace(old, new, 1))

    return spoil


def in_place_of(name: str, make: Callable[[Path], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return spoil


def linked_outside(path: Path) -> None:
    """Put the right content outside the folder, and a link to it in place of the file."""
    outside = path.parent.parent / f"outside-{path.name}"
    shutil.copy(path, outside)
    path.unlink()
    path.symlink_to(outside)


def without(name: str) -> Spoil:
    data = manifest_data()
    del data[name]
    return raw_manifest(json.dumps(data).encode())


def without_manifest(folder: Path) -> None:
    write_sums(folder, {ISO: digest(CONTENT)})


SPOILT: dict[str, tuple[Spoil, str]] = {
    # the ISO and the other files
    "the ISO is missing": (lambda folder: (folder / ISO).unlink(), f"{ISO} is missing"),
    "the manifest is missing": (lambda folder: (folder / MANIFEST).unlink(), "is missing"),
    "the sums are missing": (lambda folder: (folder / SUMS).unlink(), "SHA256SUMS is missing"),
    "the ISO is cut off": (lambda folder: os.truncate(folder / ISO, 100), "is not the file"),
    "the ISO is empty": (lambda folder: os.truncate(folder / ISO, 0), "is not the file"),
    "a FIFO for the ISO": (in_place_of(ISO, os.mkfifo), "not a regular file"),
    "a FIFO for the sums": (in_place_of(SUMS, os.mkfifo), "not a regular file"),
    "a FIFO for the manifest": (in_place_of(MANIFEST, os.mkfifo), "not a regular file"),
    "a folder for the ISO": (in_place_of(ISO, Path.mkdir), "not a regular file"),
    "a link for the ISO": (lambda folder: linked_outside(folder / ISO), "symbolic link"),
    "a link for the sums": (lambda folder: linked_outside(folder / SUMS), "symbolic link"),
    "a link for the manifest": (lambda folder: linked_outside(folder / MANIFEST), "symbolic link"),
    # SHA256SUMS
    "empty sums": (sums(b""), "is empty"),
    "sums with CRLF": (edited(SUMS, b"\n", b"\r\n"), "line endings"),
    "sums that are cut off": (
        lambda folder: os.truncate(folder / SUMS, (folder / SUMS).stat().st_size - 1),
        "cut off",
    ),
    "sums of one megabyte and more": (sums(b"0" * (1 << 20) + b"\n"), "larger than"),
    "sums with binary": (sums(b"\xff\x00" * 40 + b"\n"), "not a checksum line"),
    "capital digits": (sums(b"A" * 64 + b"  x.iso\n"), "not a checksum line"),
    "one space": (edited(SUMS, b"  ", b" "), "not a checksum line"),
    "a star": (edited(SUMS, b"  ", b" *"), "not a checksum line"),
    "a name that climbs": (edited(SUMS, ISO.encode(), b"../" + ISO.encode()), "file in this"),
    "an absolute name": (edited(SUMS, ISO.encode(), b"/etc/passwd"), "file in this folder"),
    "a name of a folder": (edited(SUMS, ISO.encode(), b".."), "file in this folder"),
    "a hidden name": (edited(SUMS, ISO.encode(), b".x.iso"), "file in this folder"),
    "a name with an escape": (edited(SUMS, ISO.encode(), b"\x1b[2Jx.iso"), "in this folder"),
    "a name listed twice": (
        lambda folder: (folder / SUMS).write_bytes((folder / SUMS).read_bytes() * 2),
        "twice",
    ),
    "sums without the manifest": (without_manifest, "does not list Debian-13-xfce.manifest"),
    "sums without the ISO": (
        lambda folder: write_sums(folder, {MANIFEST: digest((folder / MANIFEST).read_bytes())}),
        "0 ISOs",
    ),
    # the manifest
    "a manifest edited by one byte": (
        edited(MANIFEST, b"DEBIAN_13", b"DEBIAN_12"),
        "manifest: Debian-13-xfce.manifest.json is not the file that SHA256SUMS lists",
    ),
    "a manifest from a newer version": (manifest(format=3), "made by a newer version"),
    "a format far away": (manifest(format=10**30), "made by a newer version"),
    "a format that is no number": (manifest(format="1"), "invalid format number"),
    "a format that is true": (manifest(format=True), "invalid format number"),
    "a format of zero": (manifest(format=0), "invalid format number"),
    "no format": (without("format"), "invalid format number"),
    "a manifest that is cut off": (
        raw_manifest(json.dumps(manifest_data()).encode()[:-40]), "is not JSON"
    ),
    "an empty manifest": (raw_manifest(b""), "is not JSON"),
    "a manifest that is a list": (raw_manifest(b"[1]"), "not a JSON object"),
    "a manifest that is no UTF-8": (raw_manifest(b'{"format": "\xff"}'), "is not JSON"),
    "deep nesting": (raw_manifest(b"[" * 1_000_000), "nested too deeply"),
    "deep nesting of objects": (raw_manifest(b'{"a":' * 1_000_000), "nested too deeply"),
    "a huge number": (raw_manifest(b'{"format": ' + b"9" * 100_000 + b"}"), "is not JSON"),
    "not a number": (raw_manifest(b'{"format": NaN}'), "no JSON number"),
    "a key that comes twice": (raw_manifest(b'{"format": 1, "format": 1}'), "comes twice"),
    "a key missing": (without("recipe"), "recipe: missing"),
    "a key of another type": (manifest(contents={}), "contents: expected a list, found an object"),
    "a date that is a truth": (
        manifest(source_date_epoch=True), "source_date_epoch: expected a whole number, found true"
    ),
    "a row that is no object": (manifest(contents=["x"]), "contents[0]: expected an object"),
    "a row without a digest": (manifest(artefacts=[{"path": ISO}]), "artefacts[0].size: missing"),
    "a negative size": (manifest(contents=[row("x", b"") | {"size": -1}]), "row 1"),
    "a digest that is none": (manifest(contents=[row("x", b"") | {"sha256": "0"}]), "row 1"),
    "an artefact that climbs": (manifest(artefacts=[row("../../x", CONTENT)]), "an invalid path"),
    "an absolute artefact": (manifest(artefacts=[row("/etc/passwd", b"")]), "an invalid path"),
    "content that climbs": (manifest(contents=[row("live/../../../x", b"")]), "an invalid path"),
    "absolute content": (manifest(contents=[row("/live/x", b"")]), "an invalid path"),
    "content with an escape": (manifest(contents=[row("live/\x1b[2J", b"")]), "an invalid path"),
    "content named twice": (manifest(contents=[row("x", b""), row("x", b"")]), "x twice"),
    "a manifest of no ISO": (manifest(artefacts=[]), f"does not list {ISO}"),
    "a manifest of no SBOM": (
        manifest(artefacts=[row(ISO, CONTENT)]), f"does not list {CYCLONEDX}"
    ),
    "a manifest of another ISO": (manifest(artefacts=[row(ISO, CONTENT + b"x")]), "is not what"),
    "an artefact that no sum covers": (
        manifest(artefacts=[row(ISO, CONTENT), row("more.json", b"")]),
        "SHA256SUMS does not",
    ),
    "a package without a version": (manifest(packages=[{"name": "x"}]), "packages[0].arch"),
    "a system without a name": (manifest(system={}), "system.distro_id: missing"),
    "a snapshot without a selector": (manifest(snapshot={}), "snapshot.selector: missing"),
    "a source that is a text": (manifest(source="x"), "source: expected an object, found a string"),
    "a source of null": (manifest(source=None), "source: must be left out instead of null"),
    "changes of null": (manifest(changes=None), "changes: must be left out"),
    "changes of another kind": (manifest(changes=[{"rule": 7}]), "changes[0].rule: expected"),
    "changes as format 1 had them": (
        manifest(changes=[{"path": "/x", "change": "removed", "rule": "x"}]),
        "changes[0].count: missing",
    ),
    "patterns that are published": (
        manifest(recipe=recipe_data(exclude=["/srv/acme"])),
        "recipe.exclude: is never published",
    ),
    "no count of patterns": (manifest(private={"digest": None}), "private.settings: missing"),
    "a truth for an image": (manifest(image={"id": True}), "image.id: expected a string"),
    "kernels that are a number": (
        manifest(system=manifest_data()["system"] | {"kernels": 7}),
        "system.kernels: expected a list",
    ),
    "a tool with a list for a version": (
        manifest(tools={"\x1b[31m" + "x" * 10**6: ["\x1b[31m"]}), "tools.xxx"
    ),
    "a kind that is megabytes": (
        manifest(snapshot=manifest_data()["snapshot"] | {"kind": "\x1b" * 10**6}),
        "snapshot.kind: ",
    ),
    "a recipe without settings": (manifest(recipe={"name": None}), "recipe.compression: missing"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "reason"), SPOILT.values(), ids=SPOILT.keys())
def test_spoilt_results_are_not_verified(
    results: Path, spoil: Spoil, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(results)
    code, text = told(capsys, results)
    assert code == 6
    assert reason in text
    assert "NOT verified" in text
    assert "Do not use it before you know why" in text
    assert "\nVerified" not in text
    assert "\x1b" not in text


def test_whole_results_are_verified_and_what_was_not_looked_at_is_said(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "notes.txt").write_text("a file that nobody lists")
    for path in (results, results / ISO):
        code, text = told(capsys, path)
        assert code == 0
        assert f"Verified {ISO}: sums, manifest, sbom, provenance\n" in text
        assert "the ISO was not opened: No container engine answers" in text
        assert "2 packages of the manifest; the package database in the ISO was not read" in text
        assert "Not checked: content, signature" in text
        assert digest(CONTENT) in text


def test_verifying_writes_nothing(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def state() -> dict[str, tuple[int, int]]:
        found = {each.name: each.stat() for each in results.iterdir()}
        return {name: (each.st_mtime_ns, each.st_ctime_ns) for name, each in found.items()}

    before, above = state(), results.stat().st_mtime_ns
    told(capsys, results)
    assert state() == before
    assert results.stat().st_mtime_ns == above


@pytest.mark.parametrize("name", [ISO, MANIFEST, CYCLONEDX, SPDX, PROVENANCE])
def test_one_bit_anywhere_is_noticed(
    results: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    size = (results / name).stat().st_size
    for position in (0, 1, size // 3, size // 2, size - 1):
        for bit in (0, 5):
            flip_bit(results / name, position, bit)
            code, text = told(capsys, results)
            assert code == 6, (position, bit)
            assert f"sums: {name} is not the file that SHA256SUMS lists" in text
            flip_bit(results / name, position, bit)
    assert told(capsys, results)[0] == 0


def test_one_bit_anywhere_in_the_sums_is_noticed(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for position in range((results / SUMS).stat().st_size):
        flip_bit(results / SUMS, position, position % 8)
        assert told(capsys, results)[0] == 6, position
        flip_bit(results / SUMS, position, position % 8)


def test_a_text_without_end_is_not_read_into_memory(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = results / MANIFEST
    with huge.open("wb") as file:
        file.write(b'{"format": 1, "builder": "')
        file.truncate(LARGEST + 1)  # sparse
    write_sums(results, {ISO: digest(CONTENT), MANIFEST: "0" * 64})
    code, text = told(capsys, results)
    assert code == 6
    assert f"manifest: {MANIFEST} is larger than" in text


def test_an_iso_that_the_sums_do_not_list_is_not_verified(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "other.iso").write_bytes(CONTENT)
    code, text = told(capsys, results / "other.iso")
    assert (code, "lists no ISO other.iso" in text) == (6, True)


def test_an_iso_that_is_a_link_or_a_fifo_is_not_verified(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ISO).symlink_to(results / ISO)
    shutil.copy(results / SUMS, tmp_path)
    shutil.copy(results / MANIFEST, tmp_path)
    code, text = told(capsys, tmp_path / ISO)
    assert (code, f"{ISO} is a symbolic link" in text) == (6, True)
    (tmp_path / ISO).unlink()
    os.mkfifo(tmp_path / ISO)
    code, text = told(capsys, tmp_path / ISO)
    assert (code, f"{ISO} is not a regular file" in text) == (6, True)


def test_nothing_there_is_a_mistake_in_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, tmp_path / "nothing")[0] == 2
    assert told(capsys, tmp_path / "nothing" / ISO)[0] == 2
    assert told(capsys, "x" * 5000)[0] == 2
    assert told(capsys, tmp_path, "--signed-by", "x" * 5000)[0] == 2


def test_programs_get_every_check_and_the_verdict(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip_bit(results / ISO, 77)
    code, text = told(capsys, results, "--json")
    last = json.loads(text.splitlines()[-1])
    assert code == 6
    assert last["event"] == "result"
    assert last["data"]["verified"] is False
    verdicts = {check["name"]: check["verdict"] for check in last["data"]["checks"]}
    assert verdicts == {
        "sums": "failed",
        "manifest": "failed",
        "content": "not-checked",
        "sbom": "ok",
        "provenance": "failed",
        "signature": "not-checked",
    }


def test_what_only_a_newer_builder_adds_is_no_fault(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = b'{"licences": true}'
    (results / "extra.json").write_bytes(extra)
    rows = [*manifest_data()["artefacts"], row("extra.json", extra)]
    write_manifest(results, as_json(manifest_data(more="x", artefacts=rows)))
    found = {each.name: digest(each.read_bytes()) for each in results.iterdir()}
    subjects = {name: found[name] for name in found if name not in (SUMS, PROVENANCE)}
    data = provenance_data(subjects) | {"more": "x"}
    write_provenance(results, as_json(data))
    found[PROVENANCE] = digest(as_json(data))
    write_sums(results, {name: value for name, value in found.items() if name != SUMS})
    code, text = told(capsys, results)
    assert (code, "all 6 files" in text) == (0, True)
    assert len(PARTS) == 3
