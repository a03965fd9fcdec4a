"""The system and what only a live session has lie in two images, each with its own reasons."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.border import paths
from builder.border.jobs import EXPLAIN
from builder.border.labels import new_run
from builder.border.requests import Nothing
from builder.formats.identities import ImageIdentity
from builder.host.engine import Bind, ContainerSpec, Engine
from tests.conftest import ignore
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


@pytest.fixture(scope="module")
def elsewhere(built: Built, demo_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The same system, built again with other settings of the live system."""
    config = tmp_path_factory.mktemp("config") / "build.yaml"
    config.write_text(SETTINGS)
    folder = tmp_path_factory.mktemp("elsewhere")
    ended = run("build", "--cache-image", demo_cache, "--output", folder, "--compression", "fast",
                "--config", config)  # fmt: skip
    assert ended.code == 0, ended.errors
    (iso,) = folder.glob("*.iso")
    return Built(ended=ended, folder=folder, iso=iso)


def test_other_live_settings_change_the_live_layer_and_nothing_of_the_system(
    built: Built, elsewhere: Built
) -> None:
    before, after = manifest(built.folder), manifest(elsewhere.folder)
    one, other = digests(before), digests(after)
    different = {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}
    # The rest of them has, or says, the medium's id, which follows from all that is on it.
    kernels = before["system"]["kernels"]
    assert {SYSTEM, *(f"live/vmlinuz-{each}" for each in kernels)}.isdisjoint(different)
    assert LIVE in different
    assert before["changes"] == after["changes"]
    assert before["live_changes"] != after["live_changes"]
    notes = [event["message"] for event in elsewhere.ended.events if event["event"] == "note"]
    assert any("The initramfs is reused" in note for note in notes)
    assert any("The search is reused" in note for note in notes)


def test_a_comparison_names_what_differs_in_the_live_layer(built: Built, elsewhere: Built) -> None:
    data = run("diff", built.folder, elsewhere.iso).data
    assert (data["files"], data["same"]) == ([], False)
    live = data["live"]
    changed = {each["path"]: each for each in live["files"]}
    name = changed["/etc/hostname"]
    assert (name["change"], name["before"]["kind"], name["after"]["mode"]) == (
        "changed", "file", 0o644,
    )  # fmt: skip
    assert "+elsewhere" in name["details"]
    assert not any(live["stack"].values())
    assert live["boot_files"] == []


def test_what_differs_in_the_live_layer_explains_why_the_isos_do(
    engine: Engine, builder_image: ImageIdentity, built: Built, elsewhere: Built
) -> None:
    spec = ContainerSpec(
        image=builder_image.id,
        job=EXPLAIN,
        request=Nothing(),
        run=new_run(),
        binds=(
            Bind(source=str(built.iso), target=paths.ORIGINAL),
            Bind(source=str(elsewhere.iso), target=paths.REBUILT),
        ),
    )
    found = {each.place for each in engine.run(spec, ignore).differences}
    assert (LIVE, "/etc/hostname") in found
    assert SYSTEM not in {place[0] for place in found}


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


@pytest.mark.parametrize("staging", ["overlay", pytest.param("rsync", marks=pytest.mark.full)])
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
