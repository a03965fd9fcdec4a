"""Blocks that were compressed ahead, by the real codecs, are those that mksquashfs asks for."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from builder.host.config.compression_text import parse_compression
from builder.inside.blocks.fill_ahead import FillAhead
from builder.inside.blocks.store import LIBRARY, BlockCache
from tests.support.packed import Packing, values

pytestmark = pytest.mark.tools

KINDS = [
    "zstd,level=3",
    "zstd,level=9,block=64K",
    "xz",
    pytest.param("xz,block=256K,filters=x86+arm", marks=pytest.mark.full),
]


@pytest.fixture
def packing(tmp_path: Path) -> Packing:
    found = Packing(tmp_path)
    shutil.copy(Path(sys.executable).resolve(), found.work.root / "program")  # filters make it less
    (found.work.root / "holes").write_bytes(bytes(3 << 20))
    return found


def start(packing: Packing, how: str) -> "subprocess.Popen[bytes]":
    ahead = FillAhead(
        root=packing.work.root,
        compression=parse_compression(how),
        store=packing.cache,
        results=packing.work.base,
        size=lambda: 0,
    )
    counts = packing.cache.folder.parent / "filled"
    environment = {**packing.cache.environment(reserve=0, counts=counts),
                   "LD_PRELOAD": str(LIBRARY)}  # fmt: skip
    return subprocess.Popen(ahead.argv(2), env=environment)


def shared(packing: Packing, how: str) -> int:
    """Return how many blocks mksquashfs makes of small files and of its tables."""
    alone = Packing(packing.work.base / "small")
    limit = min(parse_compression(how).block_size, 64 << 10)
    for path in alone.work.root.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size >= limit:
            path.unlink()
    _packed, counts = alone.cached(how)
    return counts.asked


@pytest.mark.parametrize("how", KINDS)
def test_mksquashfs_finds_every_block_of_a_large_file(packing: Packing, how: str) -> None:
    (packing.work.base / "small").mkdir()
    expected = packing.plain(how)
    process = start(packing, how)
    assert process.wait() == 0
    filled = values(packing.cache.folder)
    packed, counts = packing.cached(how)
    assert packed == expected
    assert len(filled) > 5
    assert counts.hits >= len(filled)
    assert counts.misses <= shared(packing, how)
    assert counts.damaged == counts.not_stored == 0


def test_it_ends_soon_when_it_is_told_and_leaves_no_wrong_value(packing: Packing) -> None:
    for number in range(6):
        (packing.work.root / f"more-{number}").write_bytes(os.urandom(1 << 20).hex().encode())
    process = start(packing, "xz,block=64K")
    while not values(packing.cache.folder):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    found = BlockCache(folder=packing.cache.folder, counts=packing.cache.folder.parent / "filled")
    counts = found.read_counts()
    assert counts is not None
    assert 0 < counts.misses < 96  # half of the blocks of these files alone
    packed, later = packing.cached("xz,block=64K")
    assert packed == packing.plain("xz,block=64K")
    assert later.hits >= counts.misses
    assert later.damaged == 0


def test_nothing_but_files_is_read(packing: Packing) -> None:
    for path in packing.work.root.rglob("*"):
        if path.is_file():
            path.unlink()
    secret = packing.work.base / "secret"
    secret.write_bytes(b"secret" * 20000)
    (packing.work.root / "link").symlink_to(secret)
    (packing.work.root / "folder-link").symlink_to(packing.work.base)
    os.mkfifo(packing.work.root / "pipe")
    assert start(packing, "zstd,level=3").wait(timeout=20) == 0
    assert values(packing.cache.folder) == []


@pytest.mark.parametrize(
    "words",
    [(), ("zstd",), ("zstd", "x"), ("zstd", "9", "9"), ("lz4", "1"), ("xz", "mips"),
     ("xz", *["x86"] * 8)],
)  # fmt: skip
def test_what_it_does_not_know_it_refuses(packing: Packing, words: tuple[str, ...]) -> None:
    program = FillAhead(
        root=packing.work.root, compression=parse_compression("xz"), store=packing.cache,
        results=packing.work.base, size=lambda: 0,
    ).argv(1)[0]  # fmt: skip
    argv = [program, str(packing.work.root), "1", "1", "4096", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("fill_ahead: TREE SMALLEST")


@pytest.mark.full
def test_no_bytes_are_kept_of_what_a_filter_does_not_make_shorter(packing: Packing) -> None:
    _packed, plain = packing.cached("xz")
    shutil.rmtree(packing.cache.folder)
    packing.cache.folder.mkdir()
    expected = packing.plain("xz,filters=x86")
    cold, filtered = packing.cached("xz,filters=x86")
    warm, served = packing.cached("xz,filters=x86")
    assert cold == warm == expected
    assert served.misses == 0
    program = (packing.work.root / "program").stat().st_size
    assert filtered.asked > plain.asked  # each block of content twice
    assert filtered.stored_bytes < plain.stored_bytes + 88 * filtered.asked + program / 2
