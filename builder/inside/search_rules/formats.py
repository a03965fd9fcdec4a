"""Private things that a file's first bytes give away, by the formats' own signatures."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from builder.inside.archives.git_objects import is_loose
from builder.inside.search_rules import closed
from builder.inside.search_rules.data_formats import (
    has_accounts,
    is_database,
    is_directory_dump,
    is_memory,
    is_personal,
)
from builder.inside.search_rules.der import is_der, is_der_key, is_pkcs12
from builder.inside.search_rules.encoded_keys import is_encoded_key

HEAD: Final = 68 << 10  # bytes; beyond btrfs' superblock
_LEAST_IMAGE: Final = 64 << 10
_PAGES: Final = (4096, 8192, 16384, 65536)
_SWAP: Final = (b"SWAPSPACE2", b"SWAP-SPACE")
_SLEEPING: Final = (b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND", b"LINHIB0001")
# Programs bring databases of their own here; a person's mail is never here.
_PROGRAMS: Final = re.compile(rb"^/usr/(?:local/)?(?:share|lib|libexec|include|src)/")
_MAIL: Final = re.compile(
    rb"(?:From \S{1,200} +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} .{0,80}\n.*?)?"
    rb"(?:Return-Path|Received|Delivered-To|X-Original-To|Message-ID|Subject|From|To|Date): ",
    re.DOTALL,
)
_HEADERS: Final = re.compile(
    rb"^(?:Return-Path|Received|Delivered-To|Message-ID|Subject|From|To|Date|X-Original-To):",
    re.MULTILINE | re.IGNORECASE,
)
_PATCH: Final = re.compile(rb"From [0-9a-f]{40} Mon Sep 17 00:00:00 2001\n")  # git format-patch
_SENT: Final = re.compile(rb"^(?:Return-Path|Received|Delivered-To):", re.MULTILINE)
_DUMP: Final = re.compile(
    rb"-- (?:MySQL|MariaDB) dump |-- PostgreSQL database (?:cluster )?dump"
    rb"|-- Dumping data for table|-- phpMyAdmin SQL Dump|-- Dump completed"
    rb"|^COPY \S{1,200} \([^)]{1,2000}\) FROM stdin;",
    re.MULTILINE,
)
_SQLITE_DUMP: Final = re.compile(rb"\s*PRAGMA foreign_keys=OFF;\s{1,4}BEGIN TRANSACTION;")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The beginning of a file, and what else is known of it."""

    path: bytes
    start: bytes  # at most HEAD bytes
    size: int

    @property
    def whole(self) -> bool:
        """Whether the beginning is everything."""
        return len(self.start) == self.size

    def starts(self, *signatures: bytes) -> bool:
        """Whether the file starts with one of these."""
        return self.start.startswith(signatures)

    def has(self, at: int, signature: bytes) -> bool:
        """Whether these bytes are there."""
        return self.start[at : at + len(signature)] == signature


def _is_key(head: Head) -> bool:
    if head.starts(b"SSH PRIVATE KEY FILE FORMAT 1.1\n\0", b"== ed25519v1-secret: type"):
        return True
    return is_der_key(head.start, size=head.size) or _is_pgp_secret(head)


def _is_pgp_secret(head: Head) -> bool:
    """RFC 9580: a secret key packet (tag 5), its version and algorithm."""
    start = head.start
    if start[:1] not in (b"\x94", b"\x95", b"\x96", b"\xc5") or len(start) < 40:
        return False
    lengths = {0x94: 2, 0x95: 3, 0x96: 5}
    at = lengths.get(start[0]) or (2 if start[1] < 192 else 3 if start[1] < 224 else 6)
    version, algorithm = start[at], start[at + 5]
    return version in (4, 5, 6) and algorithm in (1, 2, 3, 16, 17, 18, 19, 22, 25, 26, 27, 28)


def _is_key_store(head: Head) -> bool:
    return (
        head.starts(
            b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce",  # Java
            b"\x05\x02\x00\x00\x00",  # Kerberos' keytab
            b"\x05\x04\x00", b"\x05\x03\x00\x00\x00",  # and its tickets
            b"GnomeKeyring\n\r\0\n", b"KWALLET\n\r\0\r\n",
            b"\x03\xd9\xa2\x9a\x65\xfb\x4b\xb5", b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5",  # KeePass
            b"PWS3", b"opdata01", b"kych\0\1",
        )
        or (head.starts(b"SQLite format 3\0") and b"nssPrivate" in head.start)
        or (head.starts(b"TDB file\n") and (b"SECRETS/" in head.start or b"USER_" in head.start))
        or is_pkcs12(head.start, size=head.size)
    )  # fmt: skip


def _is_encrypted_volume(head: Head) -> bool:
    return head.starts(b"LUKS\xba\xbe", b"SKUL\xba\xbe") or head.has(3, b"-FVE-FS-")


def _is_memory(head: Head) -> bool:
    if head.starts(b"\x7fELF"):
        order = "big" if head.start[5:6] == b"\2" else "little"
        return int.from_bytes(head.start[16:18], order) == 4  # type: ignore[arg-type]  # ET_CORE
    if is_memory(head.start):
        return True
    ends = [page - 10 for page in _PAGES]
    return any(head.start[at : at + 10] in _SWAP for at in ends) or any(
        head.start[at : at + 10].startswith(_SLEEPING) for at in ends
    )


def _is_disk(head: Head) -> bool:
    if head.starts(
        b"QFI\xfb", b"KDMV", b"COWD", b"# Disk DescriptorFile", b"vhdxfile", b"conectix",
        b"<<< ", b"WithoutFreeSpace", b"WithouFreSpacExt", b"QED\0",
    ):  # fmt: skip
        return not head.starts(b"<<< ") or head.has(0x40, b"\x7f\x10\xda\xbe")
    if head.size < _LEAST_IMAGE:
        return False
    return (
        head.has(512, b"EFI PART")
        or head.has(0x438, b"\x53\xef")  # ext2 to ext4
        or head.has(0x10040, b"_BHRfS_M")
        or head.starts(b"XFSB")
        or head.has(3, b"NTFS    ")
        or head.has(3, b"EXFAT   ")
        or head.has(1024, b"\x10\x20\xf5\xf2")  # F2FS
        or head.has(536, b"LVM2 001")
        or head.has(4096, b"\xfc\x4e\x2b\xa9")  # md
        or _is_fat(head)
        or _has_partitions(head)
        or _is_packed_file_system(head)
    )


def _is_packed_file_system(head: Head) -> bool:
    """Whether it is of a kind that programs bring, too: a CD for a guest, or a firmware."""
    if _PROGRAMS.match(head.path):
        return False
    return (
        head.starts(b"hsqs", b"sqsh", b"\x45\x3d\xcd\x28", b"-rom1fs-")
        or head.has(0x8001, b"CD001")  # ISO 9660
        or head.has(0x8001, b"BEA01")  # UDF
        or head.has(1024, b"\xe2\xe1\xf5\xe0")  # EROFS
        or head.has(1024, b"H+\0\4")  # HFS+
        or head.has(0x8000, b"JFS1")
        or head.has(0x10034, b"ReIsEr")
    )


def _is_fat(head: Head) -> bool:
    named = head.has(54, b"FAT12   ") or head.has(54, b"FAT16   ") or head.has(82, b"FAT32   ")
    return named and head.has(510, b"\x55\xaa")


def _has_partitions(head: Head) -> bool:
    """Whether it starts with a master boot record whose entries are all possible."""
    if not head.has(510, b"\x55\xaa"):
        return False
    entries = [head.start[at : at + 16] for at in range(446, 510, 16)]
    used = [entry for entry in entries if any(entry)]
    return bool(used) and all(entry[0] in (0, 0x80) and entry[4] for entry in used)


def _is_database(head: Head) -> bool:
    if head.path == b"/etc/aliases.db":  # made of /etc/aliases
        return False
    if _PROGRAMS.match(head.path):
        return head.starts(b"SQLite format 3\0") and has_accounts(head.start)
    return is_database(head.path, head.start)


def _is_dump(head: Head) -> bool:
    if head.starts(b"PGDMP"):
        return True
    if b"\0" in head.start[:512] or _PROGRAMS.match(head.path):
        return False
    return (
        _DUMP.search(head.start) is not None
        or _SQLITE_DUMP.match(head.start) is not None
        or is_directory_dump(head.start)
    )


def _is_mail(head: Head) -> bool:
    if head.starts(b"!BDN"):  # Outlook
        return True
    if _is_patch(head.start[:8192]):
        return False
    if _PROGRAMS.match(head.path):
        return False
    if is_personal(head.start[: 16 << 10]):
        return True
    if _MAIL.match(head.start[:2048]) is None:
        return False
    top = head.start[:8192].partition(b"\n\n")[0]
    return len({found.lower() for found in _HEADERS.findall(top)}) >= 3


def _is_patch(start: bytes) -> bool:
    """Whether it is what git format-patch wrote, and nobody sent."""
    named = _PATCH.match(start) is not None or b"\nSubject: [PATCH" in start
    return named and _SENT.search(start) is None


def _is_capture(head: Head) -> bool:
    return head.starts(
        b"\xd4\xc3\xb2\xa1\x02\x00", b"\xa1\xb2\xc3\xd4\x00\x02", b"\x4d\x3c\xb2\xa1",
        b"\x0a\x0d\x0d\x0a",
    )  # fmt: skip


_MOST_RANDOM: Final = 16 << 10


def _is_random(head: Head) -> bool:
    """Whether a small file holds random bytes alone; what is compressed has a signature."""
    data = head.start
    if not head.whole or not 32 <= len(data) <= _MOST_RANDOM or _PROGRAMS.match(head.path):
        return False
    if data.startswith(_PACKED) or is_loose(data) or is_der(data, size=head.size):
        return False
    high = sum(byte > 127 for byte in data) / len(data)
    if abs(high - 0.5) > 2 / math.sqrt(len(data)):
        return False
    # Pearson's chi-squared of 256 equally likely bytes: 255 on average, whatever the size.
    squared = 256 / len(data) * sum(data.count(byte) ** 2 for byte in set(data)) - len(data)
    return abs(squared - 255) < 5 * math.sqrt(2 * 255)


_PACKED: Final = (
    b"#!", b"100644 ", b"100755 ", b"120000 ", b"160000 ", b"40000 ",  # trees of git
    b"\x1f\x8b", b"\xfd7zXZ", b"BZh", b"\x28\xb5\x2f\xfd", b"PK", b"\x89PNG", b"\xff\xd8\xff",
    b"RIFF", b"\x04\x22\x4d\x18", b"7z\xbc\xaf", b"wOFF", b"wOF2", b"GIF8", b"%PDF", b"\x7fELF",
    *closed.PACKED, *closed.ENCRYPTED,
    b"OggS", b"\x99\x01", b"\x99\x02", b"\x98", b"\xc6", b"ID3", b"]\0\0",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A kind of private thing that the head of a file shows."""

    kind: str
    shows: Callable[[Head], bool]


FORMATS: Final = (
    Format(kind="private-key", shows=_is_key),
    Format(kind="key-store", shows=_is_key_store),
    Format(kind="encrypted-volume", shows=_is_encrypted_volume),
    Format(kind="memory-image", shows=_is_memory),
    Format(kind="disk-image", shows=_is_disk),
    Format(kind="database", shows=_is_database),
    Format(kind="database-dump", shows=_is_dump),
    Format(kind="mailbox", shows=_is_mail),
    Format(kind="network-capture", shows=_is_capture),
    Format(kind="random-key", shows=_is_random),
    Format(
        kind="private-key", shows=lambda head: head.whole and is_encoded_key(head.path, head.start)
    ),
    Format(kind="closed-archive", shows=lambda head: closed.is_closed(head.path, head.start)),
)
