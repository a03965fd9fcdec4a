"""A real build is rebuilt from its manifest, and what is not the same is named."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builder.basics.errors import SourceError
from builder.border.cache_report import Candidate
from builder.border.differences import Explanation
from builder.border.labels import new_run
from builder.formats.identities import ImageIdentity
from builder.host.build.session import Outcome
from builder.host.cli import main
from builder.host.engine import Engine
from builder.host.reproduce.described_build import read_described_build
from builder.host.reproduce.explanation import explain
from builder.host.reproduce.originals import ComparisonVerdict, compare, read_originals
from builder.host.reproduce.tree_search import TreeSearch
from builder.host.results.result_folder import opened_folder
from builder.host.source.kinds import CacheFolder
from builder.host.source.scanning import scan
from tests.conftest import ignore
from tests.support.built import UNLISTED
from tests.support.caches import frozen
from tests.support.results import flip_bit, start_of_squashfs

pytestmark = pytest.mark.container


def manifest_of(build: Outcome) -> Path:
    (manifest,) = build.folder.glob("*.manifest.json")
    return manifest


def changed_manifest(
    build: Outcome, folder: Path, change: Callable[[dict[str, Any]], None]
) -> Path:
    data = json.loads(manifest_of(build).read_text())
    change(data)
    target = folder / manifest_of(build).name
    target.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n")
    return target


def reproduced(
    capsys: pytest.CaptureFixture[str], manifest: Path, *more: object
) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    words = ["reproduce", manifest, *more, "--json"]
    code = main.run([str(word) for word in words])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, dict(json.loads(out.splitlines()[-1]))


def test_a_build_is_rebuilt_from_its_manifest_alone(
    demo_build: Outcome,
    demo_cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    manifest = tmp_path / "alone" / manifest_of(demo_build).name
    manifest.parent.mkdir()
    shutil.copy(manifest_of(demo_build), manifest)
    again = tmp_path / "again"
    code, last = reproduced(capsys, manifest, "--cache-image", demo_cache, "--output", again)
    assert (code, last["event"]) == (0, "result"), last
    assert last["data"]["same"] is True
    told = {each["name"]: each["rebuilt"] for each in last["data"]["artefacts"]}
    assert told == {each.name: each.sha256 for each in demo_build.artefacts}
    assert told[demo_build.iso.name] == demo_build.iso.sha256
    rest = {path.name for path in again.iterdir()} - told.keys()
    assert rest == {f"{demo_build.iso_name}.{each}" for each in UNLISTED}


def explanation_of(engine: Engine, demo_build: Outcome, folder: Path) -> Explanation:
    """Compare what lies in `folder` with the demo build, as if that were the rebuild."""
    with opened_folder(folder) as opened:
        originals = read_originals(opened, manifest_of(demo_build).name)
        comparisons = compare(originals, demo_build.artefacts)
        assert [
            each.name for each in comparisons if each.verdict is ComparisonVerdict.DIFFERENT
        ] == [demo_build.iso.name]
        return explain(originals, demo_build, comparisons, engine, on_event=ignore)


@pytest.mark.parametrize("path", ["boot/grub/grub.cfg", "live/filesystem.squashfs"])
def test_a_bit_in_the_iso_beside_the_manifest_is_named_by_file_and_place(
    engine: Engine, demo_build: Outcome, tmp_path: Path, path: str
) -> None:
    for each in demo_build.folder.iterdir():
        shutil.copy(each, tmp_path / each.name)
    iso = tmp_path / demo_build.iso.name
    with iso.open("rb") as file:
        content = file.read()
    places = {
        "boot/grub/grub.cfg": content.index(b"read on BIOS"),
        "live/filesystem.squashfs": start_of_squashfs(content),
    }
    right = content[places[path]]
    flip_bit(iso, places[path])
    found = explanation_of(engine, demo_build, tmp_path)
    difference = found.differences[0]
    assert difference.place == (demo_build.iso.name, path)
    assert (difference.original, difference.rebuilt) == (f"0x{right ^ 1:02x}", f"0x{right:02x}")
    if path == "live/filesystem.squashfs":
        assert difference.offset == 0
        assert any("not a squashfs" in str(each.values) for each in found.remarks)


def test_a_snapshot_that_is_gone_is_named_with_all_that_is_there(
    demo_build: Outcome, demo_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = "sha256:" + "5" * 64
    manifest = changed_manifest(
        demo_build, tmp_path, lambda data: data["source"].update(digest=wanted)
    )
    code, last = reproduced(capsys, manifest, "--cache-image", demo_cache)
    assert (code, last["event"]) == (4, "failed")
    message = last["error"]["message"]
    assert wanted in message
    (digest,) = [
        json.loads(each.read_text())["source"]["digest"]
        for each in demo_build.folder.glob("*.manifest.json")
    ]
    assert f"3: {digest}" in message
    assert "cache: sha256:" in message


def test_another_image_is_named_before_any_work(
    builder_image: ImageIdentity,
    demo_build: Outcome,
    demo_cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted = "sha256:" + "5" * 64
    manifest = changed_manifest(demo_build, tmp_path, lambda data: data["image"].update(id=wanted))
    code, last = reproduced(capsys, manifest, "--cache-image", demo_cache)
    assert (code, last["event"]) == (3, "failed")
    assert wanted in last["error"]["message"]
    assert builder_image.id in last["error"]["message"]


def searched(engine: Engine, image: str, base: Path, manifest: bytes) -> Candidate:
    source = CacheFolder(base)
    report = scan(engine, image, source, run=new_run(), on_event=ignore)
    return TreeSearch(
        engine=engine,
        image=image,
        source=source,
        report=report,
        described=read_described_build(manifest),
        on_event=ignore,
    ).run()


def test_a_tree_is_found_in_another_cache_whatever_it_is_called_there(
    engine: Engine,
    builder_image: ImageIdentity,
    demo_build: Outcome,
    cache: Path,
    tmp_path: Path,
) -> None:
    assert (
        searched(engine, builder_image.id, cache, manifest_of(demo_build).read_bytes()).selector
        == "3"
    )

    def rename(data: dict[str, Any]) -> None:
        data["snapshot"] |= {"selector": "@2026-06-17_14:29", "kind": "raw", "number": None}

    renamed = changed_manifest(demo_build, tmp_path, rename).read_bytes()
    assert searched(engine, builder_image.id, cache, renamed).selector == "3"


def test_a_tree_that_is_searched_in_vain_leaves_nothing_frozen(
    engine: Engine,
    builder_image: ImageIdentity,
    demo_build: Outcome,
    cache: Path,
    tmp_path: Path,
) -> None:
    def unlike(data: dict[str, Any]) -> None:
        data["source"]["digest"] = "sha256:" + "5" * 64

    manifest = changed_manifest(demo_build, tmp_path, unlike).read_bytes()
    with pytest.raises(SourceError, match="Source tree not found"):
        searched(engine, builder_image.id, cache, manifest)
    assert frozen(cache) == []
    assert os.path.lexists(cache / ".rootfs_cache")
