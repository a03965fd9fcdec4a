"""The ext4 of a stick, byte by byte; e2fsck and the kernel judge it in tests/container."""

import hashlib
import struct

import pytest

from builder.host.stick.crc32c import START, crc32c
from builder.host.stick.ext4 import NewFileSystem, ext4_blocks
from builder.host.stick.ext4_geometry import BLOCK, SMALLEST, geometry

MIB = 1 << 20


def wanted(size: int) -> NewFileSystem:
    return NewFileSystem(
        size=size,
        label="persistence",
        uuid=bytes(range(16)),
        hash_seed=bytes(range(16, 32)),
        time=1_700_000_000,
        file="persistence.conf",
        content=b"/ union\n",
    )


def image(size: int) -> bytes:
    content = bytearray(size)
    for at, block in ext4_blocks(wanted(size)):
        assert at % BLOCK == len(block) % BLOCK == 0
        content[at : at + len(block)] = block
    return bytes(content)


def test_the_checksum_is_that_of_the_standard() -> None:
    # RFC 3720, B.4: 32 bytes of zeros have 0x8a9136aa, which is inverted at the end.
    assert crc32c(bytes(32)) ^ START == 0x8A9136AA
    assert crc32c(b"6789", crc32c(b"12345")) ^ START == 0xE3069283


def test_the_numbers_of_the_smallest_one_are_as_computed_by_hand() -> None:
    content = image(SMALLEST)
    block = content[1024:2048]
    # 16384 blocks in one group: 1 superblock, 1 of descriptors, 2 bitmaps, 512 of inodes; then 1
    # for the root, 4 for lost+found, 1 for the file, 4096 for the journal.
    used = 1 + 1 + 2 + 512 + 1 + 4 + 1 + 4096
    inodes, blocks, reserved, free, free_inodes = struct.unpack_from("<5I", block)
    assert (inodes, blocks, reserved) == (8192, 16384, 163)
    assert (free, free_inodes) == (16384 - used, 8192 - 12)
    assert block[56:58] == b"\x53\xef"
    assert block[104:136] == bytes(range(16)) + b"persistence".ljust(16, b"\0")
    assert struct.unpack_from("<I", block, 1020)[0] == crc32c(block[:1020])
    assert struct.unpack_from("<3I3H", content, BLOCK) == (2, 3, 4, 16384 - used, 8180, 2)


def test_its_file_says_what_live_boot_reads() -> None:
    content = image(SMALLEST)
    assert content[521 * BLOCK : 522 * BLOCK] == b"/ union\n".ljust(BLOCK, b"\0")
    root = content[516 * BLOCK : 517 * BLOCK]
    # inode 12, a file; its row takes what is left: 4096 - 12 - 12 - 20 - 12 for the checksum
    assert b"\x0c\0\0\0\xc8\x0f\x10\x01persistence.conf\0" in root


def test_the_journal_is_empty_and_written_as_a_whole() -> None:
    rows = {at: len(block) for at, block in ext4_blocks(wanted(SMALLEST))}
    start = 522 * BLOCK
    position = start
    while position in rows:
        position += rows[position]
    assert position == start + 16 * MIB
    content = image(SMALLEST)
    assert content[start : start + 12] == bytes.fromhex("c03b3998 00000004 00000000")
    assert not any(content[start + BLOCK : start + 16 * MIB])


@pytest.mark.parametrize(
    ("size", "groups", "blocks", "journal"),
    [
        (64 * MIB, 1, 16384, 4096),
        (128 * MIB, 1, 32768, 4096),
        (130 * MIB, 1, 32768, 4096),  # 2 MiB are too small to be a group
        (131 * MIB, 2, 131 * 256, 4096),
        (1023 * MIB, 8, 1023 * 256, 4096),
        (1024 * MIB, 8, 262144, 16384),
        (8 << 40, 65536, 1 << 31, 16384),
    ],
)
def test_the_size_decides_the_groups(size: int, groups: int, blocks: int, journal: int) -> None:
    found = geometry(size)
    assert (len(found.groups), found.blocks, found.journal_blocks) == (groups, blocks, journal)


def test_copies_of_the_superblock_are_where_repairs_look_for_them() -> None:
    found = [each.number for each in geometry(10 << 30).groups if each.has_super]
    assert found == [0, 1, 3, 5, 7, 9, 25, 27, 49]


@pytest.mark.parametrize(
    ("size", "digest"),
    [
        (64 * MIB, "4ca35b1d9983c00542edfad273f127862ec1fe6d61970fd3680a1805b4ee849b"),
        (300 * MIB, "df0ed3dd04a5c1f35b0aeb7132cbd4e6300430fb1e2dddb2a61fb4acde3c2e35"),
    ],
)
def test_every_byte_is_the_same_everywhere_and_always(size: int, digest: str) -> None:
    assert hashlib.sha256(image(size)).hexdigest() == digest
