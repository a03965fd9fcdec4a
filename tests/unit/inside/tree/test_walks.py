"""How often a tree is walked over: each walk over a large one takes seconds."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.host.config.compression_text import parse_compression
from builder.inside.steps.squashfs import SquashfsStep
from builder.inside.tree import overlay
from builder.inside.tree.overlay import Overlay
from builder.inside.tree.survey import SourceTree
from builder.inside.tree.tree_digest import read_in_background
from tests.support.machines import RecordingSystem

FOLDERS = ("", "etc", "etc/apt", "usr", "usr/share", "usr/share/doc")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in FOLDERS:
        folder = tmp_path / "tree" / name
        folder.mkdir(parents=True)
        (folder / "file").write_text(name)
    (tmp_path / "tree/var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "tree/var/lib/dpkg/status").write_text("")
    return tmp_path / "tree"


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each folder is listed, by whoever."""
    counts: Counter[str] = Counter()
    real = os.scandir

    def counting(path: Any) -> Iterator[Any]:
        counts[os.path.normpath(os.fsdecode(path))] += 1
        return real(path)

    monkeypatch.setattr(os, "scandir", counting)
    return counts


def below(tree: Path, listed: Counter[str]) -> set[int]:
    """Return how often the folders of the tree were listed."""
    return {listed[os.path.normpath(tree / name)] for name in FOLDERS}


def test_survey_and_digest_take_one_walk(tree: Path, listed: Counter[str]) -> None:
    with read_in_background(SourceTree(root=tree)) as reading:
        assert len(reading.survey.result().paths) > len(FOLDERS)
        assert reading.digest.result().files == len(FOLDERS) + 1
    assert below(tree, listed) == {1}


def test_an_overlay_takes_none(
    tree: Path, listed: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay, "mount_points_below", lambda _root: [])
    with read_in_background(SourceTree(root=tree, rules=("- /etc/apt",))) as reading:
        survey = reading.survey.result()
    listed.clear()
    monkeypatch.setattr(Overlay, "_check_index", lambda _self: None)  # nothing is mounted here
    made = Overlay(tree=reading.tree, survey=survey, target=tree, layer=tree.parent / "layer")
    with made.mounted(RecordingSystem()):
        assert (tree.parent / "layer/upper/etc").is_dir()
        assert below(tree, listed) == {0}


@pytest.mark.parametrize(("how", "walks"), [("standard", 1), ("distroclone-standard", 0)])
def test_packing_takes_one_beside_that_of_mksquashfs(
    tree: Path, listed: Counter[str], how: str, walks: int
) -> None:
    SquashfsStep(
        root=tree,
        target=tree.parent / "live/filesystem.squashfs",
        packages=tree.parent / "packages",
        groups=tree.parent / "groups",
        compression=parse_compression(how),
        size=lambda: 0,
    ).run(RecordingSystem())
    assert below(tree, listed) == {walks}
