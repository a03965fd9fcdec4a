"""A store with a key: only what was stored with that key is taken."""

import hashlib
import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.inside.blocks.store import LIBRARY
from builder.inside.blocks.store_key import StoreKey
from tests.support.media import EPOCH
from tests.support.packed import Packing, names, values

pytestmark = pytest.mark.tools

OURS = StoreKey(secret=bytes(range(32)))
THEIRS = StoreKey(secret=bytes(32))
HOW = "xz"  # whose blocks are not proven in any other way
CHECKED, HEADER = 56, 88  # bytes before the checksum, and before the compressed ones


@pytest.fixture
def packing(tmp_path: Path) -> Packing:
    return Packing(tmp_path)


@pytest.mark.parametrize("how", ["zstd,level=3", "xz,filters=x86"])
def test_the_key_changes_no_byte(packing: Packing, how: str) -> None:
    expected = packing.plain(how)
    cold, filled = packing.cached(how, key=OURS)
    warm, served = packing.cached(how, key=OURS)
    assert cold == warm == expected
    assert (served.hits, served.misses) == (filled.asked, 0)


def test_values_of_other_keys_and_of_none_lie_side_by_side_and_are_not_looked_at(
    packing: Packing,
) -> None:
    _packed, first = packing.cached(HOW)
    found = [names(packing.cache.folder)]
    for key in (OURS, THEIRS):
        _packed, counts = packing.cached(HOW, key=key)
        assert (counts.misses, counts.hits, counts.damaged) == (first.misses, first.hits, 0)
        found.append(names(packing.cache.folder) - set().union(*found))
    assert [len(each) for each in found] == [first.misses] * 3
    for key in (OURS, THEIRS):
        _packed, counts = packing.cached(HOW, key=key)
        assert counts.misses == 0


def test_a_checksum_is_that_of_rfc_7693_with_the_key(packing: Packing) -> None:
    packing.cached(HOW, key=OURS)
    key = OURS.of(b"block sums")
    for path in values(packing.cache.folder):
        content = path.read_bytes()
        checked = content[:CHECKED] + content[HEADER:]
        assert content[CHECKED:HEADER] == _sum(checked, key=key)


def _sum(content: bytes, *, key: bytes = b"") -> bytes:
    return hashlib.blake2b(content, key=key, digest_size=32).digest()


def _renamed(content: bytes, name: str, *, key: bytes) -> bytes:
    head = content[:8] + bytes.fromhex(name) + content[40:CHECKED]
    return head + _sum(head + content[HEADER:], key=key) + content[HEADER:]


FORGERIES: dict[str, Callable[[bytes, str], bytes]] = {
    "a plain checksum": lambda content, name: _renamed(content, name, key=b""),
    "another key": lambda content, name: _renamed(content, name, key=THEIRS.of(b"block sums")),
    "the key for names": lambda content, name: _renamed(content, name, key=OURS.of(b"block names")),
    "a copy": lambda content, _name: content,
    "a copy with its name": lambda content, name: content[:8] + bytes.fromhex(name) + content[40:],
    "it does not fit": lambda content, name: _renamed(
        content[:40] + struct.pack("<QQ", 0, 0) + bytes(32), name, key=b""
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_was_made_without_the_key_is_not_taken(packing: Packing, forgery: str) -> None:
    expected, filled = packing.cached(HOW, key=OURS)
    found = values(packing.cache.folder)
    contents = [path.read_bytes() for path in found]
    for path, content in zip(found, contents[1:] + contents[:1], strict=True):
        path.write_bytes(FORGERIES[forgery](content, path.parent.name + path.name))
    again, counts = packing.cached(HOW, key=OURS)
    assert again == expected
    assert counts.damaged == counts.misses == filled.misses > 3
    assert [path.read_bytes() for path in values(packing.cache.folder)] == contents


def test_without_its_key_a_store_is_left_alone(packing: Packing) -> None:
    packing.cached(HOW, key=OURS)
    before = names(packing.cache.folder)
    target, counts = packing.work.base / "x.squashfs", packing.work.base / "alone"
    told = packing.cache.environment(reserve=0, counts=counts)
    environment = {
        **os.environ,
        **told,
        "SOURCE_DATE_EPOCH": str(EPOCH),
        "DISTROCLONE_BLOCK_CACHE_KEYED": "1",
        "LD_PRELOAD": os.fspath(LIBRARY),
    }
    argv = ["mksquashfs", os.fspath(packing.work.root), os.fspath(target), "-comp", "xz"]
    keys = OURS.of(b"block names") + OURS.of(b"block sums")
    for given, asked in ((keys[:-1], False), (keys, True)):
        subprocess.run(
            [*argv, "-noappend"], env=environment, input=given, check=True, capture_output=True
        )
        assert ("hits 0\nmisses 0\n" not in counts.read_text()) is asked
    assert before <= names(packing.cache.folder)
