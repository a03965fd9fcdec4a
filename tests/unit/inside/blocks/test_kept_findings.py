"""What a search found is kept for the very same system, and for no other."""

from dataclasses import replace
from pathlib import Path

import pytest

from builder.border.privacy import Finding
from builder.inside.blocks.kept_findings import KeptFindings
from builder.inside.blocks.store import BlockCache
from builder.inside.tree.tree_digest import TreeDigest

FOUND = (Finding(path="/etc/\udcffx", rule="token", where="system", member="a/b"),)


def digest(name: str) -> TreeDigest:
    return TreeDigest(digest=f"sha256:{name}", format=1, files=1, size=1, secret="")


@pytest.fixture
def kept(tmp_path: Path) -> KeptFindings:
    (tmp_path / "store").mkdir()
    store = BlockCache(folder=tmp_path / "store", counts=tmp_path / "counts")
    return KeptFindings(store=store, run="r1", inputs=({"a": 1},), source=lambda: digest("one"))


def values(kept: KeptFindings) -> list[Path]:
    return [path for path in kept.store.folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("found", [(), FOUND])
def test_what_was_found_comes_back(kept: KeptFindings, found: tuple[Finding, ...]) -> None:
    assert kept.restore() is None
    kept.offer(found)
    assert kept.restore() is None  # not before the build succeeded
    kept.decide(None)
    assert kept.restore() == found
    assert values(kept)[0].stat().st_mode & 0o777 == 0o600


def test_another_source_another_configuration_or_damage_has_nothing(kept: KeptFindings) -> None:
    kept.offer(FOUND)
    kept.decide(None)
    assert replace(kept, source=lambda: digest("two")).restore() is None
    assert replace(kept, inputs=({"a": 2},)).restore() is None
    (value,) = values(kept)
    value.write_bytes(value.read_bytes().replace(b"token", b"tokem"))
    assert kept.restore() is None


def test_nothing_stays_of_a_failed_build_or_in_a_store_that_may_not_change(
    kept: KeptFindings,
) -> None:
    kept.offer(FOUND)
    kept.decide(ValueError)
    assert values(kept) == []
    replace(kept, store=replace(kept.store, read_only=True)).offer(FOUND)
    assert values(kept) == []
