"""The digest in the manifest names the tree, not the medium that it lies on."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from builder.border.plan import Staging
from builder.inside.linux.btrfs import subvolume
from builder.inside.tree.survey import SourceTree
from builder.inside.tree.tree_digest import digest_tree
from tests.support.machines import RecordingSystem
from tests.support.media import real_system
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
            with ExitStack() as mounts:
                merged = tmp_path / f"merged{number}"
                stage_step(source, merged, staging=Staging.OVERLAY, mounts=mounts).run(
                    real_system()
                )
                assert (merged / "inner").stat().st_mtime == 0
                digests.add(digest_tree(SourceTree(root=merged)).digest)
        assert (step.target / "inner").stat().st_mtime == 0
        digests.add(digest_tree(SourceTree(root=step.target)).digest)
    assert seen[0] != seen[1]
    assert len(digests) == 1
