"""The system and what only a live session has lie in two images, each with its own reasons."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.container.conftest import Built
from tests.support.caches import ROOTFS
from tests.support.command_line import run

pytestmark = pytest.mark.container

SYSTEM, LIVE = "live/filesystem.squashfs", "live/live.squashfs"
SETTINGS = """\
version: 1
live:
  user: somebody
  full_name: Some Body
  hostname: elsewhere
  keyboard: it
  timezone: Europe/Rome
  groups: [audio, sudo]
"""


def manifest(folder: Path) -> dict[str, Any]:
    (found,) = folder.glob("*.manifest.json")
    return dict(json.loads(found.read_text()))


def digests(said: Mapping[str, Any]) -> dict[str, str]:
    return {each["path"]: each["sha256"] for each in said["contents"]}


def test_the_medium_names_both_images_in_their_order(built: Built) -> None:
    there = digests(manifest(built.folder))
    assert {SYSTEM, LIVE, "live/filesystem.module"} <= there.keys()


def test_other_live_settings_change_the_live_layer_and_nothing_of_the_system(
    built: Built, demo_cache: Path, tmp_path: Path
) -> None:
    config = tmp_path / "build.yaml"
    config.write_text(SETTINGS)
    out = tmp_path / "out"
    out.mkdir()
    ended = run("build", "--cache-image", demo_cache, "--output", out, "--compression", "fast",
                "--config", config)  # fmt: skip
    assert ended.code == 0, ended.errors
    before, after = manifest(built.folder), manifest(out)
    one, other = digests(before), digests(after)
    different = {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}
    # The rest of them has, or says, the medium's id, which follows from all that is on it.
    kernels = before["system"]["kernels"]
    assert {SYSTEM, *(f"live/vmlinuz-{each}" for each in kernels)}.isdisjoint(different)
    assert LIVE in different
    assert before["changes"] == after["changes"]
    assert before["live_changes"] != after["live_changes"]
    notes = [event["message"] for event in ended.events if event["event"] == "note"]
    assert any("The initramfs is reused" in note for note in notes)
    assert any("The search is reused" in note for note in notes)


HOOK = """\
#!/bin/sh
[ "$1" = prereqs ] && exit
echo this hook was here
echo changed >/etc/motd
echo new >/usr/lib/new
rm -f /etc/issue
chmod 0777 /etc
"""


@pytest.fixture
def hooked(plain_cache: Path) -> Iterator[Path]:
    """A tree with a hook that changes the tree."""
    tree = plain_cache / ROOTFS
    hook = tree / "usr/share/initramfs-tools/hooks/thermal"
    before = hook.read_bytes()
    hook.write_text(HOOK)
    try:
        yield tree
    finally:
        hook.write_bytes(before)


@pytest.mark.parametrize("staging", ["overlay", "rsync"])
def test_what_a_program_of_the_tree_does_to_it_is_not_packed(
    hooked: Path, tmp_path: Path, staging: str
) -> None:
    ended = run("build", "--tree", hooked, "--output", tmp_path, "--compression", "fast",
                "--staging", staging, "--no-block-cache")  # fmt: skip
    assert ended.code == 0, ended.errors
    (log,) = tmp_path.glob("*.log")
    assert "this hook was here" in log.read_text()
    checks = run("verify", "--tree", tmp_path).events[-1]["data"]["checks"]
    (tree,) = (each for each in checks if each["name"] == "tree")
    assert tree["verdict"] == "ok", tree
