"""Archives within archives, git's history, encrypted ones and those of formats nobody reads."""

import base64
import bz2
import gzip
import io
import lzma
import os
import subprocess
import zipfile
import zlib
from pathlib import Path

import pytest

from builder.inside.search.contents import ContentSearch
from builder.inside.search.engine import compiled
from builder.inside.search.tree_search import RULES
from builder.inside.search.words import Word, word_rules
from tests.unit.inside.search.test_tree_search import cpio, tar, zipped

SECRET = b"password = hunter2\n"
ABOUT = (Word(kind="mail-address", spelling="joe@zoltan.example"),)
SEARCH = ContentSearch(engine=compiled((*RULES, *word_rules(ABOUT))))
NOISE = os.urandom(20_000)


def found(path: str, data: bytes) -> set[str]:
    file = io.BytesIO(data)
    return {each.kind for each in SEARCH.in_file(file, path=path.encode(), size=len(data))}


def several(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def deb(*members: tuple[str, bytes]) -> bytes:
    parts = [b"!<arch>\n"]
    for name, data in members:
        fields = (
            f"{name:16}",
            f"{0:<12}",
            f"{0:<6}",
            f"{0:<6}",
            f"{100644:<8}",
            f"{len(data):<10}`\n",
        )
        parts += ["".join(fields).encode(), data, b"\n" * (len(data) % 2)]
    return b"".join(parts)


def rpm(payload: bytes) -> bytes:
    def header(entries: int, size: int) -> bytes:
        counts = entries.to_bytes(4, "big") + size.to_bytes(4, "big")
        return b"\x8e\xad\xe8\x01" + bytes(4) + counts + bytes(16 * entries + size)

    lead = b"\xed\xab\xee\xdb\x03\x00" + bytes(90)
    first = lead + header(2, 13)
    return first + bytes(-len(first) % 8) + header(3, 30) + payload


LOOKED_INTO = {
    "two.gz": gzip.compress(b"x\n") + gzip.compress(SECRET),
    "two.xz": lzma.compress(b"x\n") + bytes(8) + lzma.compress(SECRET),
    "two.bz2": bz2.compress(b"x\n") + bz2.compress(SECRET),
    "cut.gz": gzip.compress(SECRET * 50 + base64.encodebytes(NOISE))[:-200],
    "a.zlib": zlib.compress(SECRET),
    "a.deb": deb(("debian-binary", b"2.0\n"), ("data.tar.xz", tar("etc/a.conf", SECRET, "w:xz"))),
    "a.rpm": rpm(gzip.compress(cpio("./etc/a.conf", SECRET))),
    "big.zip": several(("a.zip", several(("noise", os.urandom(9 << 20)), ("a.conf", SECRET)))),
    "app.war": zipped("WEB-INF/lib/a.jar", zipped("application.properties", SECRET)),
}


@pytest.mark.parametrize("name", LOOKED_INTO)
def test_a_secret_is_found_wherever_it_is_packed(name: str) -> None:
    assert "credential" in found(f"/opt/{name}", LOOKED_INTO[name])


def encrypted() -> bytes:
    archive = bytearray(zipped("a.conf", SECRET))
    archive[6] |= 1  # the flag of the member, and its copy in the list of members
    archive[archive.find(b"PK\1\2") + 8] |= 1
    return bytes(archive)


CLOSED = {
    "encrypted.zip": encrypted(),
    "b.7z": b"7z\xbc\xaf\x27\x1c\0\4" + NOISE,
    "b4.rar": b"Rar!\x1a\x07\0" + NOISE,
    "b5.rar": b"Rar!\x1a\x07\x01\0" + NOISE,
    "b.tar.lz4": b"\x04\x22\x4d\x18" + NOISE,
    "b.tar.Z": b"\x1f\x9d\x90" + NOISE,
    "b.tar.lz": b"LZIP\x01\x0c" + NOISE,
    "b.lzo": b"\x89LZO\0\r\n\x1a\n" + NOISE,
    "b.wim": b"MSWIM\0\0\0" + NOISE,
    "b.cab": b"MSCF\0\0\0\0" + NOISE,
    "b.lzh": b"\x20\x80-lh5-" + NOISE,
    "b.gpg": b"\x8c\x0d\x04\x09\x03\x02" + NOISE,
    "b.asc": b"-----BEGIN PGP MESSAGE-----\n\n" + base64.encodebytes(NOISE),
    "b.enc": b"Salted__" + NOISE,
    "b.age": b"age-encryption.org/v1\n-> X25519 x\n" + NOISE,
    "vault.yml": b"$ANSIBLE_VAULT;1.1;AES256\n6162\n",
}


@pytest.mark.parametrize("name", CLOSED)
def test_what_cannot_be_looked_into_is_said(name: str) -> None:
    assert "closed-archive" in found(f"/opt/backup/{name}", CLOSED[name])
    assert "closed-archive" in found("/opt/a.zip", zipped(name, CLOSED[name]))


@pytest.mark.parametrize("name", [name for name in CLOSED if name != "encrypted.zip"])
def test_programs_may_have_closed_files_of_their_own(name: str) -> None:
    assert found(f"/usr/lib/firmware/{name}", CLOSED[name]) == set()
    assert found(f"/usr/local/lib/{name}", CLOSED[name]) == {"closed-archive"}


IMAGES = {
    "a.iso": bytes(0x8000) + b"\1CD001\1" + bytes(90_000),
    "a.squashfs": b"hsqs" + os.urandom(100_000),
    "a.erofs": bytes(1024) + b"\xe2\xe1\xf5\xe0" + bytes(100_000),
}


@pytest.mark.parametrize("name", IMAGES)
def test_a_packed_file_system_is_data_unless_a_program_has_it(name: str) -> None:
    assert found(f"/opt/{name}", IMAGES[name]) == {"disk-image"}
    assert found(f"/usr/lib/vmware/isoimages/{name}", IMAGES[name]) == set()


def test_too_many_levels_and_too_large_ones_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    data = SECRET
    for number in range(4):
        data = zipped(f"{number}.zip", data)
    assert found("/opt/deep.zip", data) == {"archive-limit"}
    monkeypatch.setattr("builder.inside.search.contents._LARGEST_INNER", 9 << 20)
    assert "archive-limit" in found("/opt/big.zip", LOOKED_INTO["big.zip"])


def test_an_archive_that_wants_too_much_memory_is_said() -> None:
    packed = bytearray(lzma.compress(SECRET, check=lzma.CHECK_NONE))
    at = packed.index(b"\x21\x01") + 2  # the size of the dictionary: 2^(n/2)
    packed[at] = 36  # 1 GiB
    header = bytes(packed[12:20])
    packed[20:24] = zlib.crc32(header).to_bytes(4, "little")
    assert found("/opt/a.xz", bytes(packed)) == {"archive-limit"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone of a project, in whose history there once was a token."""
    lines = "".join(f"line {number} of the settings\n" for number in range(300))
    for number, more in enumerate(("", "api_token = 'aB3dE5gH7jK9mN1pQ'\n", "x\n")):
        (tmp_path / "a.conf").write_text(lines + more)
        git(tmp_path, "init", "-q")
        git(tmp_path, "add", "a.conf")
        git(tmp_path, "commit", "-qm", str(number))
    return tmp_path


def git(folder: Path, *words: str) -> None:
    names = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
             for what, value in (("NAME", "Joe"), ("EMAIL", "joe@zoltan.example"))}  # fmt: skip
    subprocess.run(["git", "-C", folder, *words], check=True, env={**os.environ, **names})


def history(repository: Path, pattern: str) -> set[str]:
    objects = repository / ".git/objects"
    return {
        kind
        for path in objects.glob(pattern)
        for kind in found(f"/opt/x/.git/objects/{path.relative_to(objects)}", path.read_bytes())
    }


def test_what_was_once_committed_is_found(repository: Path) -> None:
    assert history(repository, "??/*") == {"credential", "mail-address"}
    git(repository, "gc", "-q", "--aggressive")
    assert not list((repository / ".git/objects").glob("??/*"))
    assert history(repository, "pack/*.pack") == {"credential", "mail-address"}


def test_a_damaged_pack_is_no_failure(repository: Path) -> None:
    git(repository, "gc", "-q")
    (pack,) = (repository / ".git/objects/pack").glob("*.pack")
    data = pack.read_bytes()
    for at in range(0, len(data), 7):
        found("/opt/p.pack", data[:at])
        found("/opt/p.pack", data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])


def test_a_patch_is_no_mail_and_sent_mail_is() -> None:
    patch = (
        b"From eff3db48fbf398a55a6667dfe704d068c4af4abd Mon Sep 17 00:00:00 2001\n"
        b"From: A <a@b.example>\nDate: Sat, 27 Sep 2025\nSubject: [PATCH 1/2] x\n\n---\n"
    )
    assert found("/opt/pyenv/a.patch", patch) == set()
    assert found("/opt/pyenv/a.patch", patch.partition(b"\n")[2]) == set()
    assert found("/opt/x", patch.replace(b"From:", b"Received: by x\nFrom:")) == {"mailbox"}


@pytest.mark.parametrize(
    "path", ["/etc/openvpn/auth.txt", "/etc/openvpn/client/up", "/opt/vpn/login.txt"]
)
def test_a_name_and_a_password_in_two_lines_are_found(path: str) -> None:
    assert found(path, b"joe@x.org\nGr8tPass!\n") == {"secret-file"}
    assert found(path, b"one\ntwo\nGr8tPass!\n") == set()
    assert found("/etc/modules", b"snd-hda\nnf_nat4x\n") == set()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32"])
def test_text_of_wide_characters_is_read(encoding: str) -> None:
    assert found("/opt/a.txt", (SECRET * 3).decode().encode(encoding)) == {"credential"}


def key(*words: str) -> bytes:
    command = ["openssl", "genpkey", *words, "-outform", "DER"]
    return subprocess.run(command, check=True, capture_output=True).stdout


KEYS = (
    ("-algorithm", "rsa"),
    ("-algorithm", "ed25519"),
    ("-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    ("-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"),
)


@pytest.mark.parametrize("words", KEYS)
def test_a_key_in_base64_is_one_without_its_header(words: tuple[str, ...]) -> None:
    encoded = base64.b64encode(key(*words))
    assert found("/opt/a.yaml", b"data: " + encoded + b"\n") == {"private-key"}


@pytest.mark.parametrize("before", [b"", b"\n", b"\n\n"])
def test_a_pem_in_base64_is_found_wherever_it_begins(before: bytes) -> None:
    pem = b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(key("-algorithm", "rsa"))
    assert "private-key" in found("/opt/a.json", b'{"k":"' + base64.b64encode(before + pem) + b'"}')
    assert "private-key" in found("/opt/a.txt", base64.encodebytes(before + pem))
