"""The step that searches: what an earlier build found in the very same tree is taken from there."""

from pathlib import Path

import pytest

from builder.basics.errors import PrivacyError
from builder.border.privacy import Finding, Privacy, PrivacyMode
from builder.inside.blocks.kept_findings import KeptFindings
from builder.inside.blocks.store import BlockCache
from builder.inside.search.guard import Guard
from builder.inside.steps.search import SearchStep
from builder.inside.steps.step import decisions
from builder.inside.tree.tree_digest import TreeDigest
from tests.support.systems import RecordingSystem


@pytest.fixture
def step(tmp_path: Path) -> SearchStep:
    (tmp_path / "store").mkdir()
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/app.conf").write_text("password = hunter2\n")
    kept = KeptFindings(
        store=BlockCache(folder=tmp_path / "store", counts=tmp_path / "counts"),
        run="r",
        inputs=(),
        source=lambda: TreeDigest(digest="sha256:1", format=1, files=1, size=1, secret=""),
    )
    guard = Guard(
        root=tmp_path / "root",
        words=(),
        privacy=Privacy(mode=PrivacyMode.WARN),
        record=tmp_path / "findings.json",
    )
    return SearchStep(words=(), guard=guard, kept=kept)


def test_the_words_decide_and_what_is_done_with_findings_does_not(step: SearchStep) -> None:
    assert decisions([step]) == [{"step": "search", "words": []}]


def test_a_second_build_of_the_same_tree_is_told_the_same_without_a_search(
    step: SearchStep, tmp_path: Path
) -> None:
    first, second = RecordingSystem(real=True), RecordingSystem(real=True)
    step.run(first)
    assert step.kept is not None
    step.kept.decide(None)
    (tmp_path / "root/etc/app.conf").unlink()  # so that another search would find nothing
    step.run(second)
    assert first.notes == second.notes[1:] != []
    assert second.notes[0].startswith("The search is reused")


def test_what_is_kept_stops_a_build_that_does_not_allow_it(step: SearchStep) -> None:
    assert step.kept is not None
    step.kept.offer((Finding(path="/x", rule="token", where="system"),))
    step.kept.decide(None)
    step.guard.privacy = Privacy()
    with pytest.raises(PrivacyError, match="would be packed"):
        step.run(RecordingSystem(real=True))
