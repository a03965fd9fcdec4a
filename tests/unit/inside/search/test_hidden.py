"""What a file holds in another form: base64, and archives behind a script."""

import base64
import gzip
import io
import random
import subprocess
import tarfile
from pathlib import Path

import pytest

from builder.inside.search.contents import ContentSearch
from builder.inside.search.engine import compiled
from builder.inside.search.tree_search import RULES
from builder.inside.search.words import Word, word_rules

WORDS = (Word(kind="host-name", spelling="zoltanbox"),)
SEARCH = ContentSearch(engine=compiled((*RULES, *word_rules(WORDS))))
SETTINGS = b"[db]\nuser = app\npassword = q7Zt9Wc3Lk5R\nhost = db.example\n# the end of it\n"
KEY = base64.encodebytes(random.Random(3).randbytes(400))  # noqa: S311
PEM = b"-----BEGIN PRIVATE KEY-----\n" + KEY + b"-----END PRIVATE KEY-----\n"


def tar(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("etc/app.conf")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def found(data: bytes, path: bytes = b"/opt/x") -> set[tuple[str, str]]:
    return {(each.kind, each.member) for each in SEARCH.in_bytes(data, path=path)}


SECRET = random.Random(4).randbytes(300)  # noqa: S311
LONG = b"# " + base64.b64encode(SECRET) + b"\n"  # makes an archive longer than a line
HIDDEN = (
    base64.encodebytes(SETTINGS),
    base64.b64encode(SETTINGS),
    b"write_files:\n- encoding: b64\n  content: " + base64.b64encode(SETTINGS) + b"\n",
    b"data:\n  app.conf: |\n    " + base64.encodebytes(SETTINGS).replace(b"\n", b"\n    "),
    gzip.compress(base64.encodebytes(SETTINGS)),
    b"#!/bin/sh\nbase64 -d <<X | tar xz\n" + base64.encodebytes(tar(LONG + SETTINGS)) + b"X\n",
    b"#!/bin/sh\ntail -n +3 $0 | tar xz; exit\n" + tar(SETTINGS),
    b"#!/bin/sh\ntail -n +3 $0 | gzip -d; exit\n" + gzip.compress(SETTINGS),
)


@pytest.mark.parametrize("data", HIDDEN)
def test_settings_in_another_form_are_searched(data: bytes) -> None:
    assert "credential" in {kind for kind, _member in found(data)}


def test_the_member_of_an_archive_behind_a_script_is_named() -> None:
    assert ("credential", "etc/app.conf") in found(b"#!/bin/sh\n" + tar(SETTINGS))


def test_a_key_that_was_encoded_twice_is_found() -> None:
    assert "private-key" in {kind for kind, _member in found(base64.encodebytes(PEM))}


def test_the_names_in_a_certificate_are_read(tmp_path: Path) -> None:
    made = tmp_path / "c.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout",
                    "/dev/null", "-subj", "/CN=zoltanbox", "-out", made],
                   check=True, capture_output=True)  # fmt: skip
    assert found(made.read_bytes()) == {("host-name", "")}
    der = tmp_path / "c.der"
    subprocess.run(["openssl", "x509", "-in", made, "-outform", "DER", "-out", der], check=True)
    assert found(der.read_bytes()) == {("host-name", "")}
    assert found(b"-----BEGIN CERTIFICATE-----\n" + KEY) == set()


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (b"/opt/x.py", b"DATA = '''\n" + base64.encodebytes(SETTINGS) + b"'''\n"),
        (b"/opt/logo.txt", base64.b64encode(b"\x89PNG\r\n\x1a\n" + SECRET)),
        (b"/opt/x.conf", b"integrity = sha512-" + base64.b64encode(SECRET[:64]) + b"\n"),
        (b"/opt/x.sh", b"#!/bin/sh\necho 'password: ' && read -s answer\n"),
        (b"/opt/x.txt", b"a" * 3000 + b"\n"),
    ],
)
def test_other_encoded_things_are_nothing(path: bytes, data: bytes) -> None:
    assert found(data, path) == set()
