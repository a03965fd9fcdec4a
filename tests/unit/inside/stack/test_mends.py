"""Faults of the pinned live-boot are mended, and a version that reads otherwise is noticed."""

from pathlib import Path

import pytest

from builder.inside.stack.bundle import File
from builder.inside.stack.mends import MENDS, Mend, mended
from builder.inside.stack.putting import put_stack
from builder.inside.tree.tree import Tree
from tests.support.stacks import make_bundle
from tests.support.trees import make_system

mends = pytest.mark.parametrize("mend", MENDS)


@mends
def test_what_is_put_into_a_tree_is_mended(tmp_path: Path, mend: Mend) -> None:
    root = make_system(tmp_path / "root")
    put_stack(Tree(root, clock=1764000000), make_bundle(tmp_path / "image"))
    data = (root / mend.path.lstrip("/")).read_bytes()
    assert data == b"#!/bin/sh\n" + mend.right + b"\n"


@mends
@pytest.mark.parametrize("times", [0, 2])
def test_another_version_is_refused(mend: Mend, times: int) -> None:
    with pytest.raises(LookupError, match="not the one that is mended"):
        mended(File(path=mend.path, data=mend.faulty * times, mode=0o644))


@mends
def test_another_file_stays_as_it_is(mend: Mend) -> None:
    other = File(path="/usr/lib/live/boot/9990-main.sh", data=mend.faulty, mode=0o644)
    assert mended(other) == other
