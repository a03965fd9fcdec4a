"""The digest in the manifest names the tree, not the medium that it lies on."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from builder.host.config import Overrides, load_config
from builder.host.engine import Engine
from builder.host.session import Outcome, build
from builder.inside.btrfs import subvolume
from builder.inside.scan import find_base, scan
from builder.inside.survey import SourceTree
from builder.inside.tree_digest import digest_tree
from tests.conftest import ignore
from tests.support.machines import RecordingSystem
from tests.support.staging import stage_step

pytestmark = pytest.mark.container


def run(*words: object) -> None:
    argv = [str(word) for word in words]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{argv}: {done.stderr}"


@contextmanager
def mounted(image: Path, mount: Path, options: str) -> Iterator[Path]:
    mount.mkdir(exist_ok=True)
    run("mount", "-o", options, image, mount)
    try:
        yield mount
    finally:
        run("umount", mount)  # the kernel frees the loop device with the last unmount


def manifest(outcome: Outcome) -> dict[str, Any]:
    path = outcome.folder / f"{outcome.iso_name}.manifest.json"
    described: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return described


@pytest.fixture
def plain_cache(demo_cache: Path, demo_build: Outcome, tmp_path: Path) -> Iterator[Path]:
    """A cache in a directory, with the tree of the demo build as it is now."""
    selector = manifest(demo_build)["snapshot"]["selector"]
    base = tmp_path / "plain"
    base.mkdir()
    try:
        with mounted(demo_cache, tmp_path / "image", "ro,loop") as volume:
            found = find_base(volume)
            candidates = scan(found).candidates
            (path,) = [each.path for each in candidates if each.selector == selector]
            run("cp", "-a", found / path, base / ".rootfs_cache")
            run("cp", "-a", found / ".backup_meta", base)
        yield base
    finally:
        shutil.rmtree(base)


def test_a_cache_image_and_a_plain_copy_have_the_same_digest(
    engine: Engine, demo_build: Outcome, plain_cache: Path, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    config = load_config(None, Overrides(cache=plain_cache, snapshot="cache", output=output))
    source = manifest(build(config, engine, on_event=ignore))["source"]
    assert source == manifest(demo_build)["source"]
    assert source["digest"].startswith("sha256:")
    assert source["files"] > 5000
    assert source["bytes"] > 100_000_000
    shutil.rmtree(output)


def copying(argv: Sequence[str]) -> str:
    """Do what the stage step asks of rsync, where there is nothing to leave out."""
    source, target = argv[-2:]
    run("cp", "-a", f"{source}.", target)
    return ""


def test_subvolumes_inside_the_original_do_not_date_a_snapshot(tmp_path: Path) -> None:
    image = tmp_path / "volume.img"
    with image.open("wb") as stream:
        stream.truncate(256 << 20)
    run("mkfs.btrfs", "--quiet", image)
    with mounted(image, tmp_path / "mount", "loop") as volume:
        run("btrfs", "subvolume", "create", volume / "system")
        run("btrfs", "subvolume", "create", volume / "system/inner")
        run("btrfs", "subvolume", "snapshot", "-r", volume / "system", volume / "snapshot")
    seen, digests = [], set()
    for number in (1, 2):
        time.sleep(1.1)  # the kernel dates the place of the subvolume when it is mounted
        with mounted(image, tmp_path / "mount", "loop,ro") as volume:
            source = volume / "snapshot"
            assert subvolume(source / "inner") is None
            step = stage_step(source, tmp_path / f"copy{number}")
            step.run(RecordingSystem(copying))
            seen.append((source / "inner").stat().st_mtime)
            digests.add(digest_tree(step.tree).digest)
        assert (step.target / "inner").stat().st_mtime == 0
        digests.add(digest_tree(SourceTree(root=step.target)).digest)
    assert seen[0] != seen[1]
    assert len(digests) == 1
