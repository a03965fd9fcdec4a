"""What is private in places that are taken is found, by kind, told without a word of it, and stops.

Each thing lies where people have such things, and in no place that a rule names.
"""

import base64
import gzip
import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.support.caches import ROOTFS
from tests.support.command_line import Ended, run
from tests.support.leftovers import left_by

pytestmark = pytest.mark.container

# What no output may say. Not a word of any language, and no placeholder of any manual.
SECRET = "q7Zt9Wc3Lk5Rv2Xp"  # noqa: S105 - planted
_BODY = base64.b64encode(bytes(range(256)) * 5).decode()
_PEM = "\n".join(_BODY[at : at + 64] for at in range(0, len(_BODY), 64))


def _pem(kind: str) -> str:
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{_PEM}\n-----END {kind}PRIVATE KEY-----\n"


def _archive(name: str, content: str) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content.encode()))
    return whole.getvalue()


def _database(folder: Path) -> bytes:
    path = folder / "db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table people (name text)")
    return path.read_bytes()


_ENCODED = base64.b64encode(
    f"[db]\nuser = robot\nhost = h\npassword = {SECRET}\n".encode()
).decode()
_RANDOM = base64.encodebytes(hashlib.sha512(b"replica").digest()).decode()
_CERTIFICATE = f"-----BEGIN CERTIFICATE-----\n{_PEM}\n-----END CERTIFICATE-----\n"

PLANTED: dict[str, tuple[str, str | bytes]] = {
    "opt/acme/tls.pem": ("private-key", _pem("")),
    "opt/acme/deploy": ("private-key", _pem("OPENSSH ")),
    "usr/local/share/acme/ec": ("private-key", _pem("EC ")),
    "etc/acme/peer.conf": (
        "private-key",
        f"[Interface]\nPrivateKey = {_BODY[:43]}=\nListenPort = 51820\n",
    ),
    "etc/acme/users": ("password-hash", f"bob:$y$j9T${'ab' * 11}${'cD3' * 14}x\n"),
    "usr/local/etc/htpasswd": ("password-hash", "carol:$apr1$Hk2x9Zq1$" + "aB3" * 7 + "x\n"),
    "opt/acme/.env": ("credential", f"DEBUG=1\nDB_PASSWORD={SECRET}\n"),
    "usr/local/etc/app.ini": ("credential", f"[db]\nuser = app\npassword = {SECRET}\n"),
    "etc/profile.d/acme.sh": ("credential", f"export ACME_SECRET_KEY='{SECRET}{SECRET}'\n"),
    "usr/local/bin/fetch": (
        "credential",
        f"#!/bin/sh\ncurl -u robot:{SECRET} https://x.example/\n",
    ),
    "etc/acme/remote": ("credential", f"url = https://robot:{SECRET}@git.example.org/x.git\n"),
    "etc/cron.d/dump": (
        "credential",
        f"0 3 * * * root mysqldump -uroot -p{SECRET} all >/dev/null\n",
    ),
    "opt/acme/aws.cfg": ("token", "id = AKIA" + "Q3ZT7WC2LK5RV4XP" + "\n"),
    "opt/acme/hub": ("token", "ghp_" + "a1B2c3D4e5F6" * 3 + "\n"),
    "opt/acme/customers": ("database", b""),  # filled below
    "opt/acme/old.sql": (
        "database-dump",
        "-- MySQL dump 10.13  Distrib 8.0\n--\nCREATE TABLE `t` (`a` int);\n",
    ),
    "opt/acme/saved.tar.gz": ("private-key", _archive("etc/key.pem", _pem("RSA "))),
    "opt/acme/log.gz": ("private-key", gzip.compress(_pem("").encode())),
    "usr/local/bin/alices": ("user-name", "#!/bin/sh\ncd /home/alice/src && exec make\n"),
    "opt/acme/machine": ("machine-id", "id: dcb05ec7dcb05ec7dcb05ec7dcb05ec7\n"),
    "opt/acme/disk": ("disk-id", "root=UUID=dcb05ec7-0001-4000-8000-00000000d3c0\n"),
    "opt/acme/volume": ("encrypted-volume", b"LUKS\xba\xbe\x00\x02" + bytes(4088)),
    "opt/acme/vm": ("disk-image", b"QFI\xfb\x00\x00\x00\x03" + bytes(504)),
    "etc/acme/ups.conf": ("credential", f"MONITOR ups@localhost 1 upsmon {SECRET} primary\n"),
    "etc/acme/proxy.lua": ("credential", f'sql = {{ user = "x", password = "{SECRET}" }}\n'),
    "usr/local/bin/publish": ("credential", f"mosquitto_pub -h h -u robot -P {SECRET} -t t\n"),
    "usr/local/bin/connect": ("credential", f"echo {SECRET} | openconnect --passwd-on-stdin h\n"),
    "opt/acme/lighttpd.user": ("secret-file", f"robot:{SECRET}\n"),
    "opt/acme/user-data": ("credential", f"content: {_ENCODED}\n"),
    "opt/acme/setup.run": (
        "private-key",
        b"#!/bin/sh\ntail -n +3 $0 | tar xz; exit\n" + _archive("key.pem", _pem("")),
    ),
    "opt/acme/replica": ("private-key", _RANDOM),
    "opt/acme/store/CURRENT": ("database", "MANIFEST-000002\n"),
    "opt/acme/team.vcf": ("mailbox", "BEGIN:VCARD\nFN:Eva\nTEL:+49 1\nEND:VCARD\n"),
    "opt/acme/ghp_" + "a1B2c3D4e5F6" * 3: ("token", "x\n"),
    "etc/acme/dhcp.conf": ("network-card", "hardware ethernet 3c:22:fb:9a:10:7e;\n"),
}
# The same words where they say nothing.
INNOCENT = {
    "opt/acme/README": "Set DB_PASSWORD=<your password> in .env, and password = changeit below.\n",
    "usr/local/etc/plain.ini": "password =\npassword_file = /run/secrets/app\nsecret = ${SECRET}\n",
    "usr/local/share/acme/cert.pem": _CERTIFICATE,
    "opt/acme/id.pub": f"ssh-ed25519 {_BODY[:68]} comment\n",
    "opt/acme/doc": "A private key begins with -----BEGIN PRIVATE KEY----- and ends likewise.\n",
}


@pytest.fixture(scope="module")
def tree(plain_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A plain root filesystem with everything planted; it is as before in the end."""
    root = plain_cache / ROOTFS
    made: list[Path] = []
    contents = {path: content for path, (_rule, content) in PLANTED.items()} | INNOCENT
    contents["opt/acme/customers"] = _database(tmp_path_factory.mktemp("database"))
    try:
        for name, content in contents.items():
            path = root / name
            missing = [each for each in path.parents if not each.exists()]
            path.parent.mkdir(parents=True, exist_ok=True)
            made += [path, *missing]
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        yield root
    finally:
        for path in sorted(made, key=lambda each: len(each.parts), reverse=True):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def told(tree: Path) -> Ended:
    return run("privacy", "--tree", tree)


@pytest.fixture(scope="module")
def findings(told: Ended) -> list[dict[str, str]]:
    assert told.events[-1]["event"] == "result", told.errors
    return list(told.events[-1]["data"]["findings"])


@pytest.mark.parametrize("path", PLANTED)
def test_what_is_private_is_found_by_its_kind(findings: list[dict[str, str]], path: str) -> None:
    rule, _content = PLANTED[path]
    found = {each["rule"] for each in findings if each["path"] == f"/{path}"}
    assert rule in found


def test_nothing_else_is_found(findings: list[dict[str, str]]) -> None:
    found = {each["path"] for each in findings}
    assert sorted(found - {f"/{path}" for path in PLANTED}) == []


def test_a_finding_is_an_exit_code_and_never_says_what_was_found(told: Ended) -> None:
    assert told.code == 7
    whole = json.dumps(list(told.events)) + told.errors
    assert SECRET not in whole
    assert _BODY[:40] not in whole


def test_a_build_stops_before_anything_is_packed(
    client: docker.DockerClient, tree: Path, tmp_path: Path
) -> None:
    ended = run("build", "--tree", tree, "--output", tmp_path, "--compression", "fast")
    assert ended.code == 7
    assert "Private things would be packed" in ended.error["message"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".log"]
    (log,) = tmp_path.glob("*.log")
    text = log.read_text()
    assert SECRET not in text
    assert "mksquashfs" not in text
    assert [path for path in PLANTED if f"/{path}" not in text] == []
    assert left_by(client, ended.process) == []
