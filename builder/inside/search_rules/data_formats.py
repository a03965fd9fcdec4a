"""Formats of data: databases, memory and what people keep, by the first bytes of a file.

The signatures are in each format's own documentation or in its program's source.
"""

import re
from typing import Final

# Databases of programs and services.
DATABASES: Final = (
    b"SQLite format 3\0", b"REDIS0", b"\x00\x01\x00\x00Standard Jet DB",
    b"\xfe\xfe\x07", b"\xfe\xfe\x08", b"\xfe\xfe\x09",  # MyISAM's indexes
    b"TDB file\n", b"H:2,block:", b"ToKyO CaBiNeT", b"KC\n\0",
    b"\xce\x9a\x57\x13", b"\xcd\x9a\x57\x13", b"\xcf\x9a\x57\x13", b"\x13\x57\x9a\xce",  # GDBM
    b"\x41\xd8\x01\x00\x01\0",  # WiredTiger
    b"\x16\xd1\x16\xd1\x01",  # InfluxDB
    b"\x01\x00\x39\x30",  # Firebird
    b"*2\r\n$6\r\nSELECT\r\n",  # Redis' log
)  # fmt: skip
_DATABASES_AT: Final = (
    (4, b"Standard ACE DB"),
    (12, b"\x62\x31\x05\x00"),  # Berkeley DB: a tree
    (12, b"\x61\x15\x06\x00"),  # and a hash
    (16, b"\xde\xc0\xef\xbe"),  # LMDB
    (16, b"\xed\xda\x0c\xed"),  # bbolt
    (8, b"DUCK"),
    (4, b"\xef\xcd\xab\x89"),  # of Windows (ESE)
)
# Files that a database's folder has, whatever is in its tables.
_OF_DATABASE: Final = re.compile(
    rb"/(?:CURRENT\nMANIFEST-\d{6}|PG_VERSION\n\d{1,2}(?:\.\d)?|(?:ibdata1|ib_logfile0|pg_control|"
    rb"[^/\n]+\.(?:MYD|ibd))\n.*)\n?",
    re.DOTALL,
)
MEMORY: Final = (
    b"KDUMP   ", b"DISKDUMP", b"makedumpfile\0", b"MDMP\x93\xa7", b"JAVA PROFILE 1.0",
    b"ProblemType: Crash", b"PAGEDUMP", b"PAGEDU64", b"HIBR", b"hibr",
    b"LibvirtQemudSave", b"LibvirtQemudPart", b"QEVM\0\0\0", b"\x7fVirtualBox SavedState",
    b"LinuxGuestRecord", b"XenSavedDomain", b"LIBXL save",
)  # fmt: skip
_ACCOUNTS: Final = re.compile(
    rb"CREATE TABLE [^\x00;]{0,2000}?"
    rb"\b(?:e?mail(?:_?address)?|passw(?:or)?d(?:_?hash)?|phone|customer)\b",
    re.IGNORECASE,
)
_SPOKEN: Final = (b"ProblemType:", b"JAVA PROFILE")  # in text, or nearly
_CARD: Final = re.compile(
    rb"\s*BEGIN:VCARD\r?\n.{0,4096}?^(?:TEL|EMAIL|ADR)[;:]",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_APPOINTMENT: Final = re.compile(
    rb"\s*BEGIN:VCALENDAR\r?\n.{0,8192}?^BEGIN:(?:VEVENT|VTODO|VJOURNAL)\b",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_PERSON: Final = re.compile(
    rb"^dn: [^\n]{1,400}\n(?:[^\n]{1,400}\n){0,60}?objectClass: (?:\w*[pP]erson|posixAccount|"
    rb"sambaSamAccount|user|simpleSecurityObject)\r?\n",
    re.MULTILINE,
)


def is_memory(start: bytes) -> bool:
    """Whether it is a dump of memory, or a saved virtual machine."""
    return start.startswith(MEMORY) and (b"\0" in start[:4096] or start[:12] in _SPOKEN)


def is_database(path: bytes, start: bytes) -> bool:
    """Whether a file that begins with `start` is a database, or the mark of a folder of one."""
    if start.startswith(DATABASES) or any(
        start[at : at + len(sign)] == sign for at, sign in _DATABASES_AT
    ):
        return True
    name = path[path.rfind(b"/") :]
    return _OF_DATABASE.fullmatch(name + b"\n" + start[:64]) is not None


def has_accounts(start: bytes) -> bool:
    """Whether the tables of a database by SQLite, whose schema is at the beginning, have people."""
    return _ACCOUNTS.search(start) is not None


def is_personal(start: bytes) -> bool:
    """Whether it is an address book or a calendar: RFC 6350, RFC 5545."""
    return _CARD.match(start) is not None or _APPOINTMENT.match(start) is not None


def is_directory_dump(start: bytes) -> bool:
    """Whether it has people of a directory in LDIF: RFC 2849."""
    return _PERSON.search(start) is not None
