"""The store of compressed blocks: what is removed, what never is, and what flags make of it."""

import os
import time
from pathlib import Path

import pytest

from builder.basics.errors import UsageError
from builder.border.labels import BLOCK_CACHE
from builder.border.stored_blocks import BlockCounts, StoreFacts
from builder.host.block_cache.block_store import binds, volumes
from builder.host.command_line.options import parse_size
from builder.host.config.build_config import BlockStoreSetting, Overrides, load_config
from builder.inside.blocks.store import BlockCache, mounted_store, prune, show
from tests.support.systems import RecordingSystem
from tests.unit.inside.steps.test_squashfs import step

COUNTS = """\
hits 98
misses 2
hit_bytes 1000
miss_bytes 20
damaged 1
stored_bytes 30
not_stored 0
"""


def value(store: Path, number: int, *, size: int = 100, age: int = 0) -> Path:
    """Make a value that was used `age` seconds ago."""
    path = store / f"{number:02x}" / f"{number:062x}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(size))
    used = time.time() - age
    os.utime(path, (used, used))
    return path


def test_pruning_removes_what_was_not_used_for_the_longest_time(tmp_path: Path) -> None:
    paths = [value(tmp_path, number, age=number * 10) for number in range(5)]
    facts = prune(tmp_path, limit=250)
    assert facts == StoreFacts(values=2, size=200, removed=3, removed_size=300)
    assert [path.exists() for path in paths] == [True, True, False, False, False]


def test_pruning_a_store_that_is_small_enough_removes_nothing(tmp_path: Path) -> None:
    value(tmp_path, 1)
    assert prune(tmp_path, limit=100) == StoreFacts(values=1, size=100) == show(tmp_path)


def test_nothing_but_values_is_ever_removed(tmp_path: Path) -> None:
    mine = [tmp_path / "letter", tmp_path / "ab/notes.txt", tmp_path / "AB" / ("0" * 62)]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    (tmp_path / "ab" / ("1" * 62)).symlink_to(mine[0])
    (tmp_path / "cd").symlink_to(tmp_path / "AB")
    (tmp_path / "ef").mkdir()
    (tmp_path / "ef" / ("2" * 62)).mkdir()
    assert prune(tmp_path, limit=0) == StoreFacts(values=0, size=0)
    assert [path.read_text() for path in mine] == ["mine"] * 3


@pytest.mark.parametrize("kind", ["", "-dcfound3"])
def test_what_a_killed_build_left_half_is_removed_and_what_is_being_written_is_not(
    kind: str, tmp_path: Path
) -> None:
    left, living = (tmp_path / "ab" / f".new-{digit * 16}{kind}" for digit in "01")
    left.parent.mkdir()
    for path in (left, living):
        path.write_bytes(b"half")
    os.utime(left, (time.time() - 4000,) * 2)
    prune(tmp_path, limit=0)
    assert (left.exists(), living.exists()) == (False, True)


def test_counts_are_read_as_the_library_writes_them(tmp_path: Path) -> None:
    cache = BlockCache(folder=tmp_path, counts=tmp_path / "counts")
    assert cache.read_counts() is None
    cache.counts.write_text(COUNTS)
    counts = cache.read_counts()
    assert counts == BlockCounts(
        hits=98, misses=2, hit_bytes=1000, miss_bytes=20, damaged=1, stored_bytes=30, not_stored=0
    )
    assert (counts.asked, counts.rate) == (100, 0.98)


@pytest.mark.parametrize("text", ["", "hits", "hits x", "hits 1\nmisses 2\n", "\0", "ü"])
def test_counts_that_are_broken_are_none(tmp_path: Path, text: str) -> None:
    cache = BlockCache(folder=tmp_path, counts=tmp_path / "counts")
    cache.counts.write_text(text)
    assert cache.read_counts() is None


def test_a_store_that_was_not_asked_has_a_rate() -> None:
    none = BlockCounts(
        hits=0, misses=0, hit_bytes=0, miss_bytes=0, damaged=0, stored_bytes=0, not_stored=0
    )
    assert none.rate == 0.0


def test_mksquashfs_is_told_of_the_store_by_its_environment(tmp_path: Path) -> None:
    cache = BlockCache(folder=tmp_path, counts=tmp_path / "counts")
    assert cache.environment(reserve=5) == {
        "DISTROCLONE_BLOCK_CACHE": os.fspath(tmp_path),
        "DISTROCLONE_BLOCK_CACHE_COUNTS": os.fspath(tmp_path / "counts"),
        "DISTROCLONE_BLOCK_CACHE_RESERVE": "5",
    }
    read_only = BlockCache(folder=tmp_path, counts=tmp_path / "counts", read_only=True)
    assert read_only.environment(reserve=5)["DISTROCLONE_BLOCK_CACHE_READ_ONLY"] == "1"


def test_without_a_mounted_store_there_is_none(tmp_path: Path) -> None:
    assert mounted_store(tmp_path / "absent", counts=tmp_path / "counts") is None
    found = mounted_store(tmp_path, counts=tmp_path / "counts")
    assert found == BlockCache(folder=tmp_path, counts=tmp_path / "counts", read_only=False)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("512", 512), ("1K", 1024), ("3m", 3 << 20), ("5G", 5 << 30), ("2T", 2 << 40)],
)
def test_a_size_is_a_number_with_a_letter(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1", "1.5G", "5GB", "5 G", "٣", "9" * 13, "1P"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="Invalid size"):
        parse_size(text)


def test_the_store_is_our_volume_unless_a_flag_says_otherwise(tmp_path: Path) -> None:
    usual = load_config(None, Overrides()).block_store
    assert usual == BlockStoreSetting()
    [volume] = volumes(usual)
    assert (volume.name, volume.target, volume.read_only) == (
        BLOCK_CACHE,
        Path("/block-cache"),
        False,
    )
    assert binds(usual) == ()
    folder = load_config(
        None, Overrides(block_cache=tmp_path, block_cache_read_only=True)
    ).block_store
    assert folder is not None
    [bind] = binds(folder)
    assert (bind.source, bind.target, bind.read_only) == (str(tmp_path), Path("/block-cache"), True)
    assert volumes(folder) == ()
    assert load_config(None, Overrides(no_block_cache=True)).block_store is None


@pytest.mark.parametrize(
    "overrides",
    [
        Overrides(no_block_cache=True, block_cache=Path("/x")),
        Overrides(no_block_cache=True, block_cache_read_only=True),
    ],
)
def test_no_cache_and_a_cache_are_not_possible_together(overrides: Overrides) -> None:
    with pytest.raises(UsageError, match="Cannot be used together"):
        load_config(None, overrides)


class CountingSystem(RecordingSystem):
    """A mksquashfs that leaves these counts."""

    def __init__(self, counts: Path) -> None:
        super().__init__()
        self._counts = counts

    def run(self, argv: object, **options: object) -> str:  # noqa: ARG002
        """Write the counts."""
        self._counts.write_text(COUNTS)
        return ""


def test_the_step_says_how_the_store_served(tmp_path: Path) -> None:
    (tmp_path / "root/var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "root/var/lib/dpkg/status").touch()
    cache = BlockCache(folder=tmp_path, counts=tmp_path / "counts")
    system = CountingSystem(cache.counts)
    made = step(tmp_path / "root")
    packed = type(made)(
        root=made.root,
        target=tmp_path / "iso/x.squashfs",
        packages=tmp_path / "iso/x.packages",
        groups=tmp_path / "groups",
        compression=made.compression,
        size=made.size,
        block_cache=cache,
    )
    packed.run(system)
    [note] = system.notes
    assert note.startswith("Block cache: {percent} % of {asked} blocks")
