"""Databases, memory and what people keep, by the first bytes of a file."""

import sqlite3

import pytest

from builder.inside.search.contents import ContentSearch
from builder.inside.search.engine import compiled
from builder.inside.search_rules.keys import KEY_RULES

SEARCH = ContentSearch(engine=compiled(KEY_RULES))


def database(columns: str) -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"create table t ({columns})")
    return connection.serialize()


def at(offset: int, data: bytes) -> bytes:
    return bytes(offset) + data + bytes(8192 - offset - len(data))


CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Eva\r\nTEL:+49 1\r\nEND:VCARD\r\n"
CALENDAR = b"BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\nSUMMARY:Arzt\nEND:VEVENT\n"
LDIF = b"dn: uid=eva,dc=x\nobjectClass: top\nobjectClass: inetOrgPerson\nmail: eva@x.example\n"

DATA = (
    ("database", "/opt/mysql/app/users.MYI", b"\xfe\xfe\x07\x01" + bytes(100)),
    ("database", "/opt/mysql/app/users.MYD", b"\xff\0alice"),
    ("database", "/opt/mysql/app/users.ibd", bytes(100)),
    ("database", "/opt/mysql/ibdata1", bytes(100)),
    ("database", "/opt/app/store/CURRENT", b"MANIFEST-000002\n"),
    ("database", "/opt/pg/PG_VERSION", b"15\n"),
    ("database", "/opt/pg/global/pg_control", bytes(8192)),
    ("database", "/opt/bolt.db", at(16, b"\xed\xda\x0c\xed")),
    ("database", "/opt/gdbm", b"\xce\x9a\x57\x13" + bytes(100)),
    ("database", "/opt/data.tdb", b"TDB file\n" + bytes(100)),
    ("database", "/opt/h2.mv.db", b"H:2,block:2,blockSize:1000\n"),
    ("database", "/opt/duck.db", at(8, b"DUCK")),
    ("database", "/opt/appendonly.aof", b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"),
    ("database", "/opt/x.fdb", b"\x01\x00\x39\x30" + bytes(100)),
    ("database", "/opt/x.edb", at(4, b"\xef\xcd\xab\x89")),
    ("database", "/opt/x.wt", b"\x41\xd8\x01\x00\x01\0" + bytes(100)),
    ("database", "/usr/local/share/crm/x", database("id int, email text, x text")),
    ("database", "/usr/local/lib/app/x", database("id int, password text")),
    ("database", "/usr/share/app/x", database("id int, customer int")),
    ("memory-image", "/opt/x", b"DISKDUMP" + bytes(100)),
    ("memory-image", "/opt/x", b"makedumpfile\0\0\0\0" + bytes(100)),
    ("memory-image", "/opt/x", b"LibvirtQemudSave" + bytes(100)),
    ("memory-image", "/opt/x", b"QEVM\0\0\0\3" + bytes(100)),
    ("memory-image", "/opt/x", b"\x7fVirtualBox SavedState V2.0\n" + bytes(100)),
    ("memory-image", "/opt/hiberfil.sys", b"HIBR" + bytes(100)),
    ("memory-image", "/opt/x.crash", b"ProblemType: Crash\nDate: x\n"),
    ("mailbox", "/opt/contacts.vcf", CARD),
    ("mailbox", "/opt/x/eva", CARD.replace(b"TEL:", b"EMAIL;TYPE=home:")),
    ("mailbox", "/opt/cal.ics", CALENDAR),
    ("mailbox", "/opt/todo.ics", CALENDAR.replace(b"VEVENT", b"VTODO")),
    ("database-dump", "/opt/people.ldif", LDIF),
    ("database-dump", "/opt/x", LDIF.replace(b"inetOrgPerson", b"posixAccount")),
    ("closed-archive", "/opt/db.cred", b"Whxqht+dQJax1aZeCGLxmiAAAAABAAAADAAAABAAAAA"),
    ("closed-archive", "/opt/x/.hg/store/00changelog.i", b"\0\1\0\1"),
    ("closed-archive", "/opt/svn/db/fs-type", b"fsfs\n"),
    ("closed-archive", "/opt/x/.bzr/branch-format", b"Bazaar-NG meta directory\n"),
)
NO_DATA = (
    ("database", "/opt/app/CURRENT", b"1.2.3\n"),
    ("database", "/opt/app/VERSION", b"15\n"),
    ("database", "/usr/local/share/app/words", database("id int, word text")),
    ("memory-image", "/opt/notes", b"HIBRIDO es una palabra\n"),
    ("mailbox", "/usr/share/app/sample.vcf", CARD),
    ("mailbox", "/opt/app/parser.conf", b"# BEGIN:VCARD\nx = y\n"),
    ("mailbox", "/opt/zones.ics", CALENDAR.replace(b"VEVENT", b"VTIMEZONE")),
    ("database-dump", "/opt/schema.ldif", b"dn: cn=x,cn=schema\nobjectClass: olcSchemaConfig\n"),
    ("closed-archive", "/opt/x/hg/00changelog", b"text"),
)


def found(path: str, data: bytes) -> set[str]:
    return {each.kind for each in SEARCH.in_bytes(data, path=path.encode())}


@pytest.mark.parametrize(("kind", "path", "data"), DATA, ids=[path for _kind, path, _data in DATA])
def test_data_is_recognised(kind: str, path: str, data: bytes) -> None:
    assert kind in found(path, data)


@pytest.mark.parametrize(
    ("kind", "path", "data"), NO_DATA, ids=[path for _kind, path, _data in NO_DATA]
)
def test_what_only_looks_like_data_is_none(kind: str, path: str, data: bytes) -> None:
    assert kind not in found(path, data)
