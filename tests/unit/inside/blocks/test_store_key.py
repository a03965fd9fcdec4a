"""What one key stored is nothing to another: for an initramfs, for findings, for every purpose."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from builder.border.privacy import Finding
from builder.inside.blocks.kept_findings import KeptFindings
from builder.inside.blocks.kept_initramfs import KeptInitramfs
from builder.inside.blocks.store import BlockCache
from builder.inside.blocks.store_key import NO_KEY, StoreKey
from builder.inside.tree.tree_digest import TreeDigest

SOURCE = TreeDigest(digest="sha256:a", format=1, files=1, size=1, secret="")
FOUND = (Finding(path="/etc/x", rule="token", where="system"),)
OURS, THEIRS = StoreKey(secret=b"o" * 32), StoreKey(secret=b"t" * 32)


class Initramfs:
    """Kept images, each `content`."""

    def __init__(self, base: Path) -> None:
        self.image = base / "image"

    def kept(self, store: BlockCache, inputs: dict[str, object]) -> KeptInitramfs:
        return KeptInitramfs(
            store=store, run="r", inputs=[inputs], source=lambda: SOURCE, reserve=lambda: 0
        )

    def keep(self, store: BlockCache, inputs: dict[str, object]) -> None:
        self.image.write_bytes(b"cpio")
        kept = self.kept(store, inputs)
        kept.offer([self.image])
        kept.decide(None)

    def has(self, store: BlockCache, inputs: dict[str, object]) -> bool:
        self.image.unlink(missing_ok=True)
        return self.kept(store, inputs).restore([self.image]) is not None


class Findings:
    """Kept findings."""

    def __init__(self, base: Path) -> None:
        del base

    def kept(self, store: BlockCache, inputs: dict[str, object]) -> KeptFindings:
        return KeptFindings(store=store, run="r", inputs=[inputs], source=lambda: SOURCE)

    def keep(self, store: BlockCache, inputs: dict[str, object]) -> None:
        kept = self.kept(store, inputs)
        kept.offer(FOUND)
        kept.decide(None)

    def has(self, store: BlockCache, inputs: dict[str, object]) -> bool:
        return self.kept(store, inputs).restore() is not None


Kind = Initramfs | Findings
KINDS = pytest.mark.parametrize("kind", [Initramfs, Findings])


@pytest.fixture
def store(tmp_path: Path) -> BlockCache:
    (tmp_path / "store").mkdir()
    return BlockCache(folder=tmp_path / "store", counts=tmp_path / "counts", key=OURS)


def values(store: BlockCache) -> set[Path]:
    return set(store.folder.glob("??/*"))


@KINDS
def test_values_of_each_key_and_of_none_lie_side_by_side(
    tmp_path: Path, store: BlockCache, kind: Callable[[Path], Kind]
) -> None:
    keeper = kind(tmp_path)
    for number, key in enumerate((OURS, THEIRS, NO_KEY)):
        mine = replace(store, key=key)
        assert not keeper.has(mine, {})
        keeper.keep(mine, {})
        assert len(values(store)) == number + 1
    assert all(keeper.has(replace(store, key=key), {}) for key in (OURS, THEIRS, NO_KEY))


@KINDS
@pytest.mark.parametrize(
    ("key", "inputs"),
    [
        pytest.param(NO_KEY, {}, id="without a key"),
        pytest.param(THEIRS, {}, id="with another key"),
        pytest.param(OURS, {"image": "older"}, id="a value of ours for something else"),
    ],
)
def test_a_value_in_the_place_of_ours_is_not_taken(
    tmp_path: Path,
    store: BlockCache,
    kind: Callable[[Path], Kind],
    key: StoreKey,
    inputs: dict[str, object],
) -> None:
    keeper = kind(tmp_path)
    keeper.keep(store, {})
    (place,) = values(store)
    whole = place.read_bytes()
    other = replace(store, key=key)
    keeper.keep(other, inputs)
    (forged,) = values(store) - {place}
    place.write_bytes(forged.read_bytes())
    assert not keeper.has(store, {})
    place.write_bytes(whole)
    assert keeper.has(store, {})


class Forger(StoreKey):
    """Somebody who sees the names in a store and does not have its key."""

    def name(self, kind: bytes, what: bytes) -> str:
        return OURS.name(kind, what)


@KINDS
@pytest.mark.parametrize("secret", [b"", THEIRS.secret])
def test_a_checksum_without_the_key_is_wrong(
    tmp_path: Path, store: BlockCache, kind: Callable[[Path], Kind], secret: bytes
) -> None:
    keeper = kind(tmp_path)
    forged = replace(store, key=Forger(secret=secret))
    keeper.keep(forged, {})
    assert keeper.has(forged, {})
    assert not keeper.has(store, {})
    assert len(values(store)) == 1


def test_each_purpose_has_a_key_of_its_own() -> None:
    purposes = [f"{kind} {what}".encode() for kind in ("block", "dcinitr2", "dcfound2")
                for what in ("names", "sums")]  # fmt: skip
    assert len({key.of(each) for key in (OURS, THEIRS) for each in purposes}) == 12
    assert {NO_KEY.of(each) for each in purposes} == {b""}
    assert "6f6f" not in repr(OURS)
    assert "oooo" not in repr(OURS)
