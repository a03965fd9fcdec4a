"""Private keys, stores, images and data, made by the tools that people make them with."""

import io
import os
import random
import sqlite3
import struct
import subprocess
from pathlib import Path

import pytest

from builder.inside.search.contents import ContentSearch
from builder.inside.search.engine import compiled
from builder.inside.search_rules.keys import KEY_RULES

SEARCH = ContentSearch(engine=compiled(KEY_RULES))
MEBIBYTE = 1 << 20
B64 = "MC4CAQAwBQYDK2VwBCIEIHc3iXq3lD1zj9Pm6xN2qGQ4p1cXlZ0pR6lQk0T5bW8y"


def found(path: str, data: bytes) -> set[str]:
    return {each.kind for each in SEARCH.in_bytes(data, path=path.encode())}


def made(*argv: str | Path) -> None:
    subprocess.run([*argv], check=True, capture_output=True, stdin=subprocess.DEVNULL)


OPENSSL = (
    ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"),
    ("genpkey", "-algorithm", "ED25519"),
    ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    ("genpkey", "-algorithm", "X25519"),
    ("genrsa", "-traditional", "1024"),
    ("ecparam", "-name", "prime256v1", "-genkey", "-noout"),
)


@pytest.mark.parametrize("command", OPENSSL, ids=" ".join)
def test_a_key_of_openssl_is_found_in_pem_and_in_der(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    pem, der, old = tmp_path / "k.pem", tmp_path / "k.der", tmp_path / "k.old"
    made("openssl", command[0], "-out", pem, *command[1:])
    made("openssl", "pkey", "-in", pem, "-outform", "DER", "-out", der)
    assert "private-key" in found("/opt/x/server", pem.read_bytes())
    assert "private-key" in found("/opt/x/server.bin", der.read_bytes())
    if command[0] in ("genrsa", "ecparam"):
        kind = "rsa" if command[0] == "genrsa" else "ec"
        made("openssl", kind, "-in", pem, "-outform", "DER", "-out", old)
        assert "private-key" in found("/opt/x/server.old", old.read_bytes())


def test_encrypted_keys_and_stores_are_found(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made("openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=x",
         "-keyout", key, "-out", cert)  # fmt: skip
    for form in ("PEM", "DER"):
        made("openssl", "pkcs8", "-topk8", "-in", key, "-passout", "pass:abcd", "-outform", form,
             "-out", tmp_path / form)  # fmt: skip
        assert "private-key" in found("/opt/x/k", (tmp_path / form).read_bytes())
    made("openssl", "pkcs12", "-export", "-inkey", key, "-in", cert, "-passout", "pass:abcd",
         "-out", tmp_path / "store")  # fmt: skip
    assert "key-store" in found("/opt/x/store", (tmp_path / "store").read_bytes())
    assert found("/opt/x/cert", cert.read_bytes()) == set()
    made("openssl", "x509", "-in", cert, "-outform", "DER", "-out", tmp_path / "c.der")
    assert found("/opt/x/cert.der", (tmp_path / "c.der").read_bytes()) == set()
    made("openssl", "pkey", "-in", key, "-pubout", "-outform", "DER", "-out", tmp_path / "p.der")
    assert found("/opt/x/public.der", (tmp_path / "p.der").read_bytes()) == set()


@pytest.mark.parametrize("arguments", [("-t", "ed25519"), ("-t", "rsa", "-m", "PEM"),
                                       ("-t", "ecdsa", "-N", "abcdef")], ids=" ".join)  # fmt: skip
def test_keys_of_ssh_are_found_and_their_public_halves_are_not(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    passphrase = () if "-N" in arguments else ("-N", "")
    made("ssh-keygen", "-q", *arguments, *passphrase, "-f", tmp_path / "key")
    assert "private-key" in found("/usr/local/etc/deploy", (tmp_path / "key").read_bytes())
    assert found("/usr/local/etc/deploy.pub", (tmp_path / "key.pub").read_bytes()) == set()


def test_keys_of_gpg_are_found_in_every_form(tmp_path: Path) -> None:
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    gpg = ("gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", "")
    try:
        made(*gpg, "--quick-gen-key", "a@b.example", "ed25519", "sign", "never")
        for extra, name in (((), "binary"), (("--armor",), "armor")):
            made(*gpg, *extra, "--output", tmp_path / name, "--export-secret-keys")
            assert "private-key" in found("/opt/x/k", (tmp_path / name).read_bytes())
        made(*gpg, "--output", tmp_path / "public", "--export")
        assert found("/opt/x/public", (tmp_path / "public").read_bytes()) == set()
        for key in (home / "private-keys-v1.d").iterdir():
            assert "private-key" in found("/opt/x/k.key", key.read_bytes())
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


TEXTS = (
    (
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPublic-Lines: 2\nx\ny\n"
        "Private-Lines: 1\nAAAAIA==\n"
    ),
    (
        "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: aes256-cbc\nComment: x\nPublic-Lines: 1\nx\n"
        "Private-Lines: 8\nAAAA\n"
    ),
    "AGE-SECRET-KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE\n",
    "[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n",
    "[Peer]\nPresharedKey=FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE=\n",
    "tunnels: {wg0: {key: {private: 4GgaQCy68nzNsUE5aJ9fuLzHhB65tAlwbmA72MWnOm8=}}}",
    '{"kty":"EC","crv":"P-256","x":"f83O","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}',
    '{"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"}]}',
    (
        "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\n"
        "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n"
    ),
    "Private-key-format: v1.2\nAlgorithm: 157 (HMAC_MD5)\nKey: bG9uZ2VyIHNlY3JldCBrZXk=\n",
    (
        "untrusted comment: minisign encrypted secret key\n"
        "RWRTY0IyEfGAA0FwEHeEnOsSkHjdzgMVnPz4vLQkHYPDOTq4UVQAAAAAAAAAAAAAAEAA\n"
    ),
    (
        "untrusted comment: signify secret key\n"
        "RWRCSwAAAAD3zq/1Z+LCoyhZlGxRTJjhPe0hUkdEIFg4t9vQJJfS9sEkAAAAAAAAAAAA\n"
    ),
    "-----BEGIN OpenVPN Static key V1-----\n" + "0123456789abcdef0123456789abcdef\n" * 16,
    '{"private_key": "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\\n"}',
    "client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlFb3dJQkFBS0NBUUVBeTdTWWZ3",
    "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: x\n" + B64 + "\n",
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,A1B2\n\n" + B64,
    "(21:protected-private-key(3:rsa(1:n",
    "Key: (protected-private-key (ecc (curve Ed25519)",
)

PUBLIC = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
NEAR_MISSES = (
    "-----BEGIN PRIVATE KEY-----\0-----END PRIVATE KEY-----\0",
    "Put the key between -----BEGIN RSA PRIVATE KEY----- and -----END RSA PRIVATE KEY-----.",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
    "-----BEGIN PUBLIC KEY-----\n" + PUBLIC + "\n-----END PUBLIC KEY-----\n",
    "-----BEGIN CERTIFICATE-----\n" + PUBLIC + "\n-----END CERTIFICATE-----\n",
    "PuTTY-User-Key-File-3: is how such a file begins",
    "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq",
    "PublicKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=",
    "PrivateKey = /etc/wireguard/key",
    '{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x"}',
    '{"d": "M10 10 L20 20 this-is-a-path-of-an-icon"}',
    "Private-key-format: v%d.%d",
    "untrusted comment: minisign public key 7E\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTa",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_private_key_as_text_is_found(text: str) -> None:
    assert "private-key" in found("/opt/x/file", text.encode())


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_what_only_names_a_private_key_is_none(text: str) -> None:
    assert "private-key" not in found("/opt/x/file", text.encode())


def padded(data: bytes, size: int = MEBIBYTE) -> bytes:
    return data + bytes(size - len(data))


def at(offset: int, data: bytes, size: int = MEBIBYTE) -> bytes:
    return bytes(offset) + data + bytes(size - offset - len(data))


def elf(kind: int, order: str = "<") -> bytes:
    return (
        b"\x7fELF\x02"
        + (b"\1" if order == "<" else b"\2")
        + bytes(10)
        + struct.pack(f"{order}H", kind)
    )


def database() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (x)")
    return connection.serialize()


def partitioned() -> bytes:
    entry = bytes([0x80, 0, 2, 0, 0x83, 0, 0, 0]) + struct.pack("<II", 2048, 2000)
    return padded(bytes(446) + entry + bytes(48) + b"\x55\xaa")


RANDOM = random.Random(5)  # noqa: S311 - the same bytes in every run
HEADS: tuple[tuple[str, str, bytes], ...] = (
    ("encrypted-volume", "/opt/vault", padded(b"LUKS\xba\xbe\0\1aes")),
    ("encrypted-volume", "/opt/header", padded(b"LUKS\xba\xbe\0\2", 16384)),
    ("encrypted-volume", "/opt/b", padded(b"\xeb\x58\x90-FVE-FS-")),
    ("memory-image", "/opt/swap", at(4086, b"SWAPSPACE2")),
    ("memory-image", "/opt/sleep", at(4086, b"S1SUSPEND\0")),
    ("memory-image", "/core", padded(elf(4), 8192)),
    ("memory-image", "/core.big", padded(elf(4, ">"), 8192)),
    ("memory-image", "/opt/x.dmp", b"MDMP\x93\xa7" + bytes(64)),
    ("disk-image", "/opt/w", padded(b"QFI\xfb\0\0\0\3")),
    ("disk-image", "/opt/w", padded(b"<<< Oracle VM VirtualBox Disk Image >>>\n".ljust(64, b"\0")
                                    + b"\x7f\x10\xda\xbe")),
    ("disk-image", "/opt/w", padded(b"KDMV\1\0\0\0")),
    ("disk-image", "/opt/w", padded(b"vhdxfile")),
    ("disk-image", "/opt/w", at(0x438, b"\x53\xef")),
    ("disk-image", "/opt/w", at(0x10040, b"_BHRfS_M")),
    ("disk-image", "/opt/w", at(512, b"EFI PART")),
    ("disk-image", "/opt/w", partitioned()),
    ("key-store", "/opt/k", b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1"),
    ("key-store", "/opt/k", b"\xce\xce\xce\xce\0\0\0\2"),
    ("key-store", "/opt/k", b"\5\2\0\0\0\x3b\0\1"),
    ("key-store", "/opt/k", b"GnomeKeyring\n\r\0\n" + bytes(40)),
    ("key-store", "/opt/k", b"KWALLET\n\r\0\r\n" + bytes(40)),
    ("key-store", "/opt/k", b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5" + bytes(40)),
    ("private-key", "/opt/k", b"SSH PRIVATE KEY FILE FORMAT 1.1\n\0" + bytes(40)),
    ("private-key", "/opt/k", b"== ed25519v1-secret: type0 ==\0\0\0" + bytes(64)),
    ("database", "/opt/app/data.db", database()),
    ("database", "/srv/dump.rdb", b"REDIS0011" + bytes(32)),
    ("database", "/opt/x.mdb", at(16, b"\xde\xc0\xef\xbe", 8192)),
    ("database-dump", "/backup.sql", b"-- MySQL dump 10.13  Distrib\n"),
    ("database-dump", "/backup.sql", b"--\n-- PostgreSQL database dump\n--\n"),
    ("database-dump", "/backup", b"PGDMP\1\x0e" + bytes(64)),
    ("database-dump", "/backup.sql", b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n"),
    ("mailbox", "/opt/mbox", (b"From a@b.example Wed Jun  3 08:00:00 2026\nReturn-Path: <a@b>\n"
                             b"From: a\nSubject: x\nDate: y\n\nbody\n")),
    ("mailbox", "/opt/cur/1:2,S", b"Return-Path: <a@b>\nReceived: from x\nMessage-ID: <1>\n\nbody"),
    ("network-capture", "/opt/x.pcap", b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(16)),
    ("network-capture", "/opt/x", b"\x0a\x0d\x0d\x0a" + bytes(16)),
    ("random-key", "/boot/keyfile.bin", RANDOM.randbytes(64)),
    ("random-key", "/etc/luks/x.key", RANDOM.randbytes(512)),
    ("random-key", "/opt/x.bin", RANDOM.randbytes(4096)),
    ("secret-file", "/opt/acme/etc/backup-pass", b"hunter2\n"),
    ("secret-file", "/usr/local/etc/mirror.secret", b"s3cretvalue"),
    ("secret-file", "/etc/ppp/chap-secrets", b"# c\nalice * s3cret *\n"),
    ("secret-file", "/etc/postfix/sasl_passwd", b"[smtp.example]:587 a:b\n"),
    ("secret-file", "/opt/x/.netrc", b"machine x login y password z\n"),
    ("secret-file", "/opt/x/.vnc/passwd", bytes(range(1, 9))),
    ("secret-file", "/etc/tigervnc/passwd", bytes(range(1, 9))),
    ("secret-file", "/opt/x/.bash_history", b"ls\n"),
)  # fmt: skip

NO_HEADS: tuple[tuple[str, str, bytes], ...] = (
    ("encrypted-volume", "/opt/x", b"LUKS is a format"),
    ("memory-image", "/opt/program", padded(elf(3), 8192)),
    ("memory-image", "/opt/x", at(4000, b"SWAPSPACE2")),
    ("disk-image", "/boot/mbr.bin", partitioned()[:512]),
    ("disk-image", "/opt/x", padded(b"\x89PNG\r\n")),
    ("key-store", "/opt/x", b"\5\2\1\1\1\1"),
    ("database", "/usr/share/app/words.db", database()),
    ("database", "/etc/aliases.db", at(12, b"\x61\x15\x06\0", 8192)),
    ("database-dump", "/opt/app/schema.sql", b"CREATE TABLE t (x integer);\n"),
    ("mailbox", "/etc/x.conf", b"From: the default\nto: x\n"),
    ("mailbox", "/usr/share/doc/x", b"Return-Path: <a@b>\nReceived: from x\nMessage-ID: <1>\n\nb"),
    ("network-capture", "/opt/x", b"\xd4\xc3\xb2\xa1 is the magic"),
    ("random-key", "/opt/x.gz", b"\x1f\x8b\x08\0" + RANDOM.randbytes(500)),
    ("random-key", "/opt/text", b"the quick brown fox jumps over the lazy dog " * 8),
    ("random-key", "/opt/x", bytes(range(256))),
    ("secret-file", "/etc/pam.d/common-password", b"password required pam_unix.so\n"),
    ("secret-file", "/etc/ppp/chap-secrets", b"# Secrets for authentication using CHAP\n"),
    ("secret-file", "/usr/local/lib/token.py", b"TOKENS\n"),
    ("secret-file", "/etc/systemd/system/systemd-ask-password-wall.service", b"[Unit]\nA=b c\n"),
    ("secret-file", "/etc/passwd", b"root:x:0:0::/root:/bin/sh\n"),
    ("secret-file", "/opt/x/id_ed25519.pub", b"ssh-ed25519 AAAA\n"),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "data"), HEADS, ids=[f"{k}-{p}" for k, p, _d in HEADS])
def test_a_format_is_recognised_by_its_head(kind: str, path: str, data: bytes) -> None:
    assert kind in found(path, data)


@pytest.mark.parametrize(
    ("kind", "path", "data"), NO_HEADS, ids=[f"{k}-{p}" for k, p, _d in NO_HEADS]
)
def test_what_only_looks_like_a_format_is_none(kind: str, path: str, data: bytes) -> None:
    assert kind not in found(path, data)


@pytest.mark.parametrize("packer", [("mkswap", "x"), ("mkfs.ext4", "-q", "x")], ids=str)
def test_images_of_real_tools_are_found(packer: tuple[str, ...], tmp_path: Path) -> None:
    image = tmp_path / "x"
    with image.open("wb") as file:
        file.truncate(8 * MEBIBYTE)
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    subprocess.run(packer, check=True, capture_output=True, cwd=tmp_path, env=environment)
    assert found("/opt/x", image.read_bytes()) & {"memory-image", "disk-image"}


def test_a_key_far_into_a_large_file_is_found() -> None:
    key = TEXTS[3].encode()
    for start in (9 * MEBIBYTE, 8 * MEBIBYTE - 20):
        data = b"-" * start + key + b"-" * MEBIBYTE
        stream = io.BytesIO(data)
        hits = SEARCH.in_file(stream, path=b"/opt/log", size=len(data))
        assert {each.kind for each in hits} == {"private-key"}
