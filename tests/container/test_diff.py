"""Real snapshots and real ISOs are compared, and nothing of them is changed for it."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from builder.formats.identities import ImageIdentity
from builder.host.build.session import Outcome
from tests.container.conftest import Built
from tests.container.test_verify import forge
from tests.support.caches import frozen
from tests.support.command_line import run
from tests.support.results import flip_bit, start_of_squashfs

pytestmark = pytest.mark.container


def packages(data: Any, kind: str) -> list[str]:
    return [each["name"] for each in data["packages"][kind]]


def files(data: Any) -> dict[str, Any]:
    return {each["path"]: each for each in data["files"]}


def test_two_snapshots_of_a_cache_image(
    demo_cache: Path, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    page, note = tmp_path / "x.html", tmp_path / "x.md"
    before = demo_cache.stat()
    ended = run("diff", "2", "3", "--cache-image", demo_cache, "--html", page, "--markdown", note)
    data = ended.data
    assert packages(data, "added") == ["less"]
    assert not any(packages(data, kind) for kind in ("removed", "upgraded", "downgraded"))
    assert data["packages"]["added"][0]["size_after"] > 100_000
    changed = files(data)
    assert changed["/usr/bin/less"]["change"] == "added"
    assert "+second week" in changed["/etc/motd"]["details"]
    assert data["after"]["size"] > data["before"]["size"] > 100_000_000
    grown = sum(each["after"] - each["before"] for each in data["growth"])
    assert grown == data["after"]["size"] - data["before"]["size"]
    assert "| `+` | `less` |" in note.read_text("utf-8")
    assert "/usr/bin" in page.read_text("utf-8").split("<svg", 1)[1]
    after = demo_cache.stat()
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)


def test_a_snapshot_and_the_cache_as_it_is_now(cache: Path) -> None:
    data = run("diff", "2026-06-17", "cache", "--cache", cache).data
    assert packages(data, "removed") == ["less"]
    assert "bc" in packages(data, "added")
    assert [data["before"]["name"], data["after"]["name"]] == ["3", "cache"]
    assert frozen(cache) == []


def test_an_iso_differs_from_its_snapshot_by_what_the_build_did(
    demo_build: Outcome, demo_cache: Path
) -> None:
    iso = demo_build.folder / demo_build.iso.name
    data = run("diff", "3", iso, "--cache-image", demo_cache).data
    assert not any(data["packages"].values())
    assert [path for path, each in files(data).items() if not each["rule"]] == []
    rules = {each["rule"] for each in files(data).values()}
    assert "machine-id" in rules
    assert data["after"]["iso_sha256"] == demo_build.iso.sha256
    assert data["settings"] == []
    assert data["live"] is None


def test_two_isos_of_a_snapshot_hold_the_same_however_they_were_compressed(
    demo_build: Outcome, built: Built
) -> None:
    data = run("diff", demo_build.folder, built.iso).data
    assert data["same"]
    assert data["growth"] == []
    assert data["live"]["files"] == data["live"]["boot_files"] == []
    assert data["live"]["stack"]["added"] == []
    settings = {each["name"]: each["after"] for each in data["settings"]}
    assert settings["recipe.compression.name"] == "fast"
    assert all(name.startswith("recipe.compression.") for name in settings)


@pytest.fixture
def results(built: Built, tmp_path: Path) -> Path:
    """The folder of a build, whose files may be spoilt."""
    folder = tmp_path / "iso"
    shutil.copytree(built.folder, folder)
    return folder


def test_an_iso_with_a_flipped_bit_is_not_compared(results: Path, built: Built) -> None:
    (iso,) = results.glob("*.iso")
    flip_bit(iso, iso.stat().st_size // 2)
    ended = run("diff", built.folder, results)
    assert ended.code == 6
    assert "failed verification" in ended.error["message"]
    assert "Traceback" not in ended.errors


def test_an_iso_whose_squashfs_cannot_be_read_gets_a_verdict_although_the_sums_were_forged(
    results: Path, built: Built
) -> None:
    (iso,) = results.glob("*.iso")
    content = bytearray(iso.read_bytes())
    start = start_of_squashfs(content)
    content[start + 96 : start + 4096] = bytes(4000)
    iso.write_bytes(content)
    forge(results)
    ended = run("diff", built.folder, results)
    assert ended.code == 6
    assert "The ISO cannot be read" in ended.error["message"]
    os.truncate(iso, 40_000)
    forge(results)
    ended = run("diff", results, built.folder)
    assert ended.code == 6
    assert "Traceback" not in ended.errors
