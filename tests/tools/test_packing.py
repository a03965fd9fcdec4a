"""What a change costs: blocks that a real mksquashfs compresses again, counted, never timed."""

import dataclasses
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.host.config.compression_text import parse_compression
from builder.inside.blocks import packing
from builder.inside.blocks.packing import MOST_GROUPS
from builder.inside.blocks.store import BlockCache
from builder.inside.medium import identity as medium
from tests.support.media import EPOCH, Work, make_root, real_system, squashfs_step

pytestmark = pytest.mark.tools

MIB = 1 << 20
FOLDERS = ("usr/bin", "usr/lib/a", "usr/lib/b", "usr/share/doc", "usr/share/icons", "var/lib/info")
SLACK = 3 * MIB  # the group that a file comes into, and the tables of the filesystem


class Machine:
    """A tree of some 40 MB in small files, packed with one store again and again."""

    def __init__(self, base: Path) -> None:
        self.work = Work(base=base)
        self.chance = random.Random(11)  # noqa: S311
        self.cache = BlockCache(folder=base / "store", counts=base / "counts")
        self.cache.folder.mkdir()
        make_root(self.work)
        for folder in FOLDERS:
            for _ in range(220):
                self.add(folder)

    def add(self, path: str, size: int | None = None) -> int:
        """Add a file, and return its size; a path that is a folder gets one with any name."""
        size = (size or self.chance.randrange(1000, 60_000)) // 2 * 2
        target = self.work.root / path
        if path in FOLDERS:
            target = target / self.chance.randbytes(4).hex()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.chance.randbytes(size // 2).hex().encode())
        os.utime(target, (EPOCH, EPOCH))
        return size

    def pack(self, *, is_grouped: bool = True) -> tuple[bytes, int]:
        """Return the image, and how many bytes were compressed for it."""
        step = dataclasses.replace(
            squashfs_step(self.work),
            compression=dataclasses.replace(parse_compression("zstd,level=1"), grouped=is_grouped),
            block_cache=self.cache,
        )
        step.run(real_system())
        counts = self.cache.read_counts()
        assert counts is not None
        return (self.work.iso_tree / medium.SQUASHFS).read_bytes(), counts.miss_bytes


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def new_package(machine: Machine) -> int:
    """Files in folders of its own, and some among those of all others."""
    own = [f"usr/lib/package/{number}" for number in range(120)]
    shared = ["usr/bin/7-package", "usr/share/doc/7-package", "var/lib/info/7-package.list"]
    return sum(machine.add(path, 30_000) for path in (*own, *shared))


def one_small_file(machine: Machine) -> int:
    return machine.add("usr/bin/00", 30_000)


def one_byte(machine: Machine) -> int:
    path = min((machine.work.root / "usr/lib/a").iterdir())
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes(content)
    os.utime(path, (EPOCH, EPOCH))
    return 1


def removal(machine: Machine) -> int:
    for path in sorted((machine.work.root / "usr/share/icons").iterdir())[:5]:
        path.unlink()
    return 0


@pytest.mark.parametrize("change", [new_package, one_small_file, one_byte, removal])
def test_what_is_compressed_again_follows_what_changed(
    machine: Machine, change: Callable[[Machine], int]
) -> None:
    machine.pack()
    changed = change(machine)
    _image, compressed = machine.pack()
    assert compressed <= 1.5 * changed + SLACK


def test_packed_in_a_row_the_same_change_costs_a_multiple(machine: Machine) -> None:
    machine.pack()
    machine.pack(is_grouped=False)
    changed = new_package(machine)
    _image, grouped = machine.pack()
    _image, in_a_row = machine.pack(is_grouped=False)
    assert in_a_row - changed > 4 * (grouped - changed)


def test_groups_cost_hardly_any_room(machine: Machine) -> None:
    in_a_row, _compressed = machine.pack(is_grouped=False)
    grouped, _compressed = machine.pack()
    assert len(grouped) <= 1.02 * len(in_a_row)


def test_the_most_groups_that_there_can_be_do_not_block_mksquashfs(tmp_path: Path) -> None:
    work = Work(base=tmp_path)
    make_root(work)
    chance = random.Random(12)  # noqa: S311
    for number in range(MOST_GROUPS - 1):
        for file in range(27):
            path = work.root / f"d/{number:02}/{file}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(chance.randbytes(20_000))
    step = squashfs_step(work)
    packing.write_actions(work.root, step.groups, block_size=step.compression.block_size)
    step.target.parent.mkdir(parents=True)
    # It would wait for ever if there were too few buffers.
    subprocess.run(step.argv(), check=True, stdout=subprocess.DEVNULL, timeout=120)
    groups = step.groups.read_bytes().count(b"fragment(group)")
    assert MOST_GROUPS - 5 < groups <= MOST_GROUPS


def test_the_groups_are_not_in_the_image_or_beside_it(machine: Machine) -> None:
    machine.pack()
    assert {path.name for path in (machine.work.iso_tree / medium.SQUASHFS).parent.iterdir()} == {
        Path(medium.SQUASHFS).name,
        Path(medium.PACKAGES).name,
    }
