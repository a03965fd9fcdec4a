"""A root filesystem that is no cache becomes an ISO, with the same checks and the same bytes."""

import json
from pathlib import Path

import docker
import pytest

from tests.support.caches import ROOTFS
from tests.support.command_line import Ended, run, running
from tests.support.leftovers import left_by

pytestmark = pytest.mark.container


@pytest.fixture(scope="module")
def tree(plain_cache: Path) -> Path:
    """A plain folder with a root filesystem; that a cache is around it is not said to anybody."""
    return plain_cache / ROOTFS


@pytest.fixture(scope="module")
def from_tree(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Path]:
    folder = tmp_path_factory.mktemp("from-tree")
    return run("build", "--tree", tree, "--output", folder, "--compression", "fast"), folder


def test_a_tree_offers_itself(tree: Path) -> None:
    (candidate,) = run("snapshots", "--tree", tree).data["candidates"]
    assert (candidate["selector"], candidate["kind"]) == ("tree", "tree")
    assert candidate["problems"] == []


def test_a_tree_is_built_and_its_manifest_says_so(from_tree: tuple[Ended, Path]) -> None:
    ended, folder = from_tree
    assert ended.data["folder"] == str(folder)
    (manifest,) = folder.glob("*.manifest.json")
    said = json.loads(manifest.read_text())["snapshot"]
    assert (said["selector"], said["kind"], said["number"]) == ("tree", "tree", None)


@pytest.mark.full
def test_a_tree_is_found_again_in_a_cache_and_gives_the_same_bytes(
    from_tree: tuple[Ended, Path], plain_cache: Path
) -> None:
    (manifest,) = from_tree[1].glob("*.manifest.json")
    again = run("reproduce", manifest, "--cache", plain_cache)
    assert again.data["same"] is True, again.errors


def test_a_tree_that_changes_meanwhile_gives_nothing(
    client: docker.DockerClient, tree: Path, tmp_path: Path
) -> None:
    words = ("build", "--tree", tree, "--output", tmp_path, "--compression", "fast")
    marker = tree / "etc/changed-meanwhile"
    try:
        with running(*words) as build:
            build.wait_for_step("configure")
            marker.write_text("somebody works in it")
            ended = build.end()
    finally:
        marker.unlink()
    assert ended.code == 4
    assert "changed while it was being read" in ended.error["message"]
    assert left_by(client, ended.process) == []


def test_an_output_folder_inside_the_tree_is_refused_before_anything_is_made(tree: Path) -> None:
    ended = run("build", "--tree", tree, "--output", tree / "iso")
    assert ended.code == 2
    assert "where the build writes" in ended.error["message"]
    assert not (tree / "iso").exists()


def test_the_running_system_is_refused() -> None:
    ended = run("build", "--tree", "/", "--dry-run")
    assert ended.code == 2
    assert "The running system cannot be built" in ended.error["message"]


def test_a_folder_that_is_no_system_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    ended = run("build", "--tree", tmp_path, "--output", tmp_path.parent / "iso")
    assert ended.code == 4
    assert "os-release" in ended.error["message"]
