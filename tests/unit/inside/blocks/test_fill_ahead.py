"""Blocks are compressed ahead while something else is waited for: with what, and when not."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from builder.border.stored_blocks import BlockCounts
from builder.host.config.compression_text import parse_compression
from builder.inside.blocks.fill_ahead import FillAhead
from builder.inside.blocks.store import BlockCache
from builder.inside.blocks.store_key import StoreKey
from builder.inside.system.system import Sight
from tests.support.machines import RecordingSystem


@pytest.fixture
def store(tmp_path: Path) -> BlockCache:
    (tmp_path / "store").mkdir()
    return BlockCache(folder=tmp_path / "store", counts=tmp_path / "counts")


@pytest.fixture
def processors(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    numbers = [0, 1, 2, 3]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(numbers))
    return numbers


def ahead(store: BlockCache, how: str) -> FillAhead:
    return FillAhead(
        root=Path("/tree"),
        compression=parse_compression(how),
        store=store,
        results=store.folder.parent,
        size=lambda: 7,
    )


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("standard", ("65536", "3", "1048576", "zstd", "9")),
        ("max", ("65536", "3", "1048576", "xz", "x86")),
        ("zstd,level=3,block=16K", ("16384", "3", "16384", "zstd", "3")),
        ("distroclone-standard", ("262144", "3", "262144", "xz")),  # it packs in a row
        ("xz,filters=x86+arm", ("65536", "3", "1048576", "xz", "x86", "arm")),
    ],
)
@pytest.mark.usefixtures("processors")
def test_blocks_are_cut_and_compressed_as_they_will_be(
    store: BlockCache, how: str, words: tuple[str, ...]
) -> None:
    system = RecordingSystem()
    with ahead(store, how).running(system):
        (command,) = system.beside_now
    assert command[1:] == ("/tree", *words)
    assert system.beside_now == []


@pytest.mark.usefixtures("processors")
def test_it_knows_the_store_and_the_room_that_the_build_needs(store: BlockCache) -> None:
    system = RecordingSystem()
    with ahead(store, "standard").running(system):
        environment = system.environments[0]
    assert environment["DISTROCLONE_BLOCK_CACHE"] == str(store.folder)
    assert environment["DISTROCLONE_BLOCK_CACHE_COUNTS"] == str(store.counts_ahead)
    assert environment["DISTROCLONE_BLOCK_CACHE_RESERVE"] == "7"
    assert environment["LD_PRELOAD"].endswith("block_cache.so")


@pytest.mark.usefixtures("processors")
def test_it_sees_the_tree_and_writes_only_blocks_and_their_counts(store: BlockCache) -> None:
    system = RecordingSystem()
    with ahead(store, "standard").running(system):
        (sight,) = system.sights
    assert sight == Sight(reads=(Path("/tree"),), writes=(store.folder, store.counts_ahead))
    assert store.counts_ahead.exists()  # a sight has only what is there


@pytest.mark.usefixtures("processors")
def test_it_gets_the_keys_where_nobody_else_reads_them(store: BlockCache) -> None:
    key = StoreKey(secret=b"s" * 32)
    system = RecordingSystem()
    with ahead(replace(store, key=key), "standard").running(system):
        pass
    assert system.stdins == [key.of(b"block names") + key.of(b"block sums")]
    assert system.environments[0]["DISTROCLONE_BLOCK_CACHE_KEYED"] == "1"


def test_one_processor_alone_has_enough_to_do(store: BlockCache, processors: list[int]) -> None:
    processors[:] = [2]
    system = RecordingSystem()
    with ahead(store, "standard").running(system):
        assert system.commands == []


@pytest.mark.usefixtures("processors")
def test_nothing_runs_for_a_codec_or_a_store_that_keeps_nothing(store: BlockCache) -> None:
    locked = BlockCache(folder=store.folder, counts=store.counts, read_only=True)
    for useless in (ahead(store, "lz4"), ahead(locked, "standard")):
        system = RecordingSystem()
        with useless.running(system):
            assert system.commands == []


@pytest.mark.usefixtures("processors")
def test_counts_of_an_earlier_time_are_not_taken_for_this_ones(store: BlockCache) -> None:
    store.counts_ahead.write_text("old")
    with ahead(store, "lz4").running(RecordingSystem()):
        assert not store.counts_ahead.exists()


def counts(hits: int, misses: int, **more: int) -> BlockCounts:
    numbers = {"hit_bytes": hits * 10, "miss_bytes": misses * 10, "damaged": 0,
               "stored_bytes": misses * 3, "not_stored": 0}  # fmt: skip
    return BlockCounts(hits=hits, misses=misses, **{**numbers, **more})


def test_what_was_compressed_ahead_was_not_there_before() -> None:
    assert counts(90, 10).without(counts(5, 60)) == counts(30, 70)


def test_what_could_not_be_stored_is_not_counted_twice() -> None:
    found = counts(0, 100).without(counts(0, 60, stored_bytes=0, not_stored=60))
    assert (found.hits, found.misses) == (0, 100)


def test_only_the_bytes_of_what_was_stored_ahead_are_no_hits() -> None:
    found = counts(50, 50).without(counts(0, 60, not_stored=30))
    assert (found.hits, found.hit_bytes) == (20, 200)
    assert (found.misses, found.miss_bytes) == (80, 800)


def test_what_mksquashfs_did_not_ask_for_again_does_not_make_hits_negative() -> None:
    found = counts(3, 5).without(counts(0, 8))
    assert (found.hits, found.misses, found.hit_bytes) == (0, 8, 0)


def test_both_counts_are_read_where_there_are_two(store: BlockCache) -> None:
    text = (
        "hits {}\nmisses {}\nhit_bytes 90\nmiss_bytes 10\ndamaged 0\nstored_bytes 5\nnot_stored 0\n"
    )
    store.counts.write_text(text.format(9, 1))
    assert store.read_counts() == counts(9, 1, stored_bytes=5)
    store.counts_ahead.write_text(text.format(0, 1))
    assert store.read_counts() == counts(8, 2, stored_bytes=10)
    store.counts.unlink()
    assert store.read_counts() is None
