"""The block cache in front of a real mksquashfs: the same bytes, whatever the store is like."""

import hashlib
import os
import random
import shutil
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.inside.blocks import store as block_cache
from tests.support.media import EPOCH
from tests.support.packed import Packing, names, values
from tests.support.zstd import pack, unpack, with_window

pytestmark = pytest.mark.tools

KINDS = ["zstd,level=3", "zstd,level=9", "xz,block=1M,filters=x86", "zstd,level=3,block=64K"]
HEADER = 88  # bytes before the compressed ones; the last 32 of them are the checksum


@pytest.fixture
def packing(tmp_path: Path) -> Packing:
    return Packing(tmp_path)


@pytest.mark.parametrize("how", KINDS)
def test_cold_and_warm_give_the_bytes_of_a_run_without(packing: Packing, how: str) -> None:
    expected = packing.plain(how)
    cold, filled = packing.cached(how)
    warm, served = packing.cached(how)
    assert cold == warm == expected
    assert filled.misses > 3
    assert filled.stored_bytes >= sum(path.stat().st_size for path in values(packing.cache.folder))
    assert (served.misses, served.hits) == (0, filled.asked)
    assert served.hit_bytes == filled.miss_bytes + filled.hit_bytes


def test_a_codec_that_the_cache_does_not_know_is_left_alone(packing: Packing) -> None:
    expected = packing.plain("lz4")
    packed, counts = packing.cached("lz4")
    assert packed == expected
    assert counts.asked == 0
    assert values(packing.cache.folder) == []


def test_a_value_is_named_by_its_key_and_carries_its_checksum(packing: Packing) -> None:
    packing.cached("zstd,level=3")
    for path in values(packing.cache.folder):
        content = path.read_bytes()
        check = hashlib.blake2b(content[:56] + content[HEADER:], digest_size=32).digest()
        assert content[:8] == b"dcblock1"
        assert content[8:40].hex() == path.parent.name + path.name
        assert content[56:HEADER] == check


def test_that_a_block_does_not_compress_is_remembered_too(packing: Packing) -> None:
    packing.cached("zstd,level=3")
    kept = [path for path in values(packing.cache.folder) if path.stat().st_size == HEADER]
    assert kept


def flip(offset: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[min(offset, len(content) - 1)] ^= 1
        _write(path, bytes(content))

    return damage


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def replaced_by(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


DAMAGES: dict[str, Callable[[Path], None]] = {
    "magic": flip(0),
    "key": flip(20),
    "fits or not": flip(40),
    "size": flip(48),
    "checksum": flip(60),
    "content": flip(HEADER + 100),
    "cut in the header": lambda path: os.truncate(path, 50),
    "cut in the content": lambda path: os.truncate(path, path.stat().st_size - 1),
    "empty": lambda path: os.truncate(path, 0),
    "longer": lambda path: os.truncate(path, path.stat().st_size + 1),
    "zeros": lambda path: _write(path, bytes(path.stat().st_size)),
    "a link": replaced_by(lambda path: path.symlink_to("/etc/passwd")),
    "a pipe": replaced_by(os.mkfifo),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_value_is_a_miss_and_is_replaced(packing: Packing, damage: str) -> None:
    expected, filled = packing.cached("zstd,level=3")
    for path in values(packing.cache.folder):
        DAMAGES[damage](path)
    again, counts = packing.cached("zstd,level=3")
    assert again == expected == packing.plain("zstd,level=3")
    assert counts.misses == filled.misses
    assert counts.damaged == (0 if damage == "a link" else counts.misses)  # a link is not opened
    warm, healed = packing.cached("zstd,level=3")
    assert (warm, healed.misses, healed.damaged) == (expected, 0, 0)


def test_values_that_changed_places_are_misses(packing: Packing) -> None:
    expected, filled = packing.cached("zstd,level=3")
    found = values(packing.cache.folder)
    contents = [path.read_bytes() for path in found]
    for path, content in zip(found, contents[1:] + contents[:1], strict=True):
        path.write_bytes(content)
    again, counts = packing.cached("zstd,level=3")
    assert again == expected
    assert counts.damaged == counts.misses == filled.misses
    assert [path.read_bytes() for path in values(packing.cache.folder)] == contents


MIB = 1 << 20
METADATA = 8192  # bytes of a block of squashfs's tables
SKIPPABLE = struct.pack("<II", 0x184D2A50, 4) + b"more"  # a frame that stands for nothing
FORGERIES: dict[str, Callable[[bytes], bytes]] = {
    "other content": lambda block: pack(bytes(byte ^ 1 for byte in block)),
    "one other byte": lambda block: pack(block[:-1] + bytes((block[-1] ^ 1,))),
    "less": lambda block: pack(block[:-1]),
    "more": lambda block: pack(block + b"x"),
    "two frames": lambda block: pack(block[:9]) + pack(block[9:]),
    "a byte behind": lambda block: pack(block) + b"x",
    "a frame behind": lambda block: pack(block) + SKIPPABLE,
    "a frame before": lambda block: SKIPPABLE + pack(block),
    "half a frame": lambda block: pack(block)[:-20],
    "no frame": lambda block: block[:20],
    "a window too large": lambda block: with_window(pack(block), log=21),
}


def forge(store: Path, forgery: Callable[[bytes], bytes]) -> int:
    """Put other bytes into every value of zstd, with a checksum; return in how many."""
    forged = 0
    for path in values(store):
        content = path.read_bytes()
        if content[40] == 1:
            made = forgery(unpack(content[HEADER:], most=MIB))
            header = content[:48] + struct.pack("<Q", len(made))
            path.write_bytes(
                header + hashlib.blake2b(header + made, digest_size=32).digest() + made
            )
            forged += 1
    return forged


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_value_of_zstd_that_does_not_give_the_block_is_a_miss(
    packing: Packing, forgery: str
) -> None:
    expected, _filled = packing.cached("zstd,level=3")
    forged = forge(packing.cache.folder, FORGERIES[forgery])
    again, counts = packing.cached("zstd,level=3")
    assert again == expected
    assert counts.damaged == counts.misses == forged > 3
    warm, healed = packing.cached("zstd,level=3")
    assert (warm, healed.misses, healed.damaged) == (expected, 0, 0)


def test_another_compression_of_the_very_block_is_not_recognised(packing: Packing) -> None:
    def otherwise(block: bytes) -> bytes:
        return with_window(pack(block), log=20 if len(block) > METADATA else 13)

    expected, _filled = packing.cached("zstd,level=3")
    assert forge(packing.cache.folder, otherwise) > 3
    other, counts = packing.cached("zstd,level=3")
    assert counts.damaged == 0
    assert other != expected  # which is why docs/block-cache.md says what is proven


def test_a_folder_in_the_place_of_a_value_does_no_harm(packing: Packing) -> None:
    expected, _filled = packing.cached("zstd,level=3")
    for path in values(packing.cache.folder):
        path.unlink()
        path.mkdir()
    again, counts = packing.cached("zstd,level=3")
    assert again == expected
    assert counts.not_stored == counts.misses > 0


def test_a_read_only_store_serves_and_stays_as_it_is(packing: Packing) -> None:
    expected, filled = packing.cached("zstd,level=3", read_only=True)
    assert filled.misses > 0
    assert list(packing.cache.folder.iterdir()) == []
    packing.cached("zstd,level=3")
    removed, *kept = values(packing.cache.folder)
    removed.unlink()
    for path in kept:
        os.utime(path, (EPOCH, EPOCH))
    warm, served = packing.cached("zstd,level=3", read_only=True)
    assert warm == expected
    assert served.misses == 1
    assert values(packing.cache.folder) == kept
    assert {path.stat().st_mtime for path in kept} == {EPOCH}


def test_a_value_that_was_used_counts_as_recent(packing: Packing) -> None:
    packing.cached("zstd,level=3")
    for path in values(packing.cache.folder):
        os.utime(path, (EPOCH, EPOCH))
    packing.cached("zstd,level=3")
    assert min(path.stat().st_mtime for path in values(packing.cache.folder)) > EPOCH


def test_without_a_store_the_build_goes_on(packing: Packing) -> None:
    target = packing.work.base / "x.squashfs"
    shutil.rmtree(packing.cache.folder)
    packed, counts = packing.finish(packing.start("zstd,level=3", target), target)
    assert packed == packing.plain("zstd,level=3")
    assert counts.asked == 0


@pytest.fixture
def small_store(small_disk: Path) -> Iterator[Path]:
    folder = small_disk / "store"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def test_a_full_disk_ends_the_storing_and_not_the_build(
    packing: Packing, small_store: Path
) -> None:
    expected = packing.plain("zstd,level=3,block=64K")
    first, filled = packing.cached("zstd,level=3,block=64K", folder=small_store)
    second, counts = packing.cached("zstd,level=3,block=64K", folder=small_store)
    assert first == second == expected
    assert filled.not_stored > 0
    assert counts.not_stored > 0
    assert counts.hits > 0
    assert list(small_store.glob("??/.*")) == []


def test_room_that_the_build_needs_is_not_taken(packing: Packing) -> None:
    target = packing.work.base / "x.squashfs"
    process = packing.start("zstd,level=3", target, reserve=1 << 60)
    packed, counts = packing.finish(process, target)
    assert packed == packing.plain("zstd,level=3")
    assert counts.not_stored == counts.misses > 0
    assert values(packing.cache.folder) == []


def test_two_at_once_share_a_store(packing: Packing) -> None:
    expected = packing.plain("zstd,level=9")
    targets = [packing.work.base / name for name in ("one.squashfs", "two.squashfs")]
    running = [packing.start("zstd,level=9", target) for target in targets]
    for process, target in zip(running, targets, strict=True):
        packed, counts = packing.finish(process, target)
        assert packed == expected
        assert (counts.damaged, counts.not_stored) == (0, 0)
    _warm, served = packing.cached("zstd,level=9")
    assert served.misses == 0


def test_a_death_at_any_instant_leaves_no_wrong_value(packing: Packing) -> None:
    expected = packing.plain("zstd,level=9")
    chance = random.Random(7)  # noqa: S311
    target = packing.work.base / "x.squashfs"
    for _attempt in range(25):
        process = packing.start("zstd,level=9", target)
        time.sleep(chance.uniform(0.0, 0.25))
        process.kill()
        process.wait()
        if chance.random() < 0.3:  # so that there is always something to write
            shutil.rmtree(packing.cache.folder)
            packing.cache.folder.mkdir()
    again, counts = packing.cached("zstd,level=9")
    assert again == expected
    assert counts.damaged == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [("zstd,level=3", "zstd,level=9"), ("zstd,level=3", "xz")],
)
def test_what_was_compressed_otherwise_is_not_taken(
    packing: Packing, first: str, second: str
) -> None:
    packing.cached(first)
    packed, _counts = packing.cached(second)
    assert packed == packing.plain(second)
    shutil.rmtree(packing.cache.folder)
    keys = []
    for how in (first, second):
        packing.cache.folder.mkdir()
        packing.cached(how)
        keys.append(names(packing.cache.folder))
        shutil.rmtree(packing.cache.folder)
    assert keys[0].isdisjoint(keys[1])


def test_filters_share_only_the_attempt_without_one(packing: Packing) -> None:
    packing.cached("xz,filters=x86")
    packed, counts = packing.cached("xz,filters=arm")
    assert packed == packing.plain("xz,filters=arm")
    assert 0 < counts.hits < counts.asked


@pytest.mark.parametrize("codec", ["zstd,level=3", "xz"])
def test_another_block_size_takes_nothing_that_differs(packing: Packing, codec: str) -> None:
    packing.cached(f"{codec},block=1M")
    packed, counts = packing.cached(f"{codec},block=128K")  # tables and tails may be the same
    assert packed == packing.plain(f"{codec},block=128K")
    assert counts.misses > counts.hits


def test_another_codec_library_shares_no_value(packing: Packing, tmp_path: Path) -> None:
    _first, filled = packing.cached("zstd,level=3")
    other = tmp_path / "libraries" / "libzstd.so.1"
    other.parent.mkdir()
    [found] = Path("/usr/lib").glob("*-linux-gnu/libzstd.so.1")
    other.write_bytes(found.read_bytes() + b"patched")
    target = tmp_path / "x.squashfs"
    process = packing.start("zstd,level=3", target, LD_LIBRARY_PATH=os.fspath(other.parent))
    _second, counts = packing.finish(process, target)
    assert (counts.hits, counts.misses) == (0, filled.misses)


def test_after_pruning_the_rest_still_serves(packing: Packing) -> None:
    expected, filled = packing.cached("zstd,level=3")
    before = block_cache.show(packing.cache.folder)
    pruned = block_cache.prune(packing.cache.folder, limit=before.size // 2)
    assert 0 < pruned.size <= before.size // 2
    assert (before.values, before.size) == (filled.misses, filled.stored_bytes)
    again, counts = packing.cached("zstd,level=3")
    assert again == expected
    assert counts.misses == pruned.removed


def test_what_is_stored_belongs_to_the_owner_of_the_folder(packing: Packing) -> None:
    os.chown(packing.cache.folder, 4321, 4322)
    packing.cached("zstd,level=3")
    for path in values(packing.cache.folder):
        for each in (path, path.parent):
            assert (each.stat().st_uid, each.stat().st_gid) == (4321, 4322)
