"""A whole tree: contents, names, archives, what packages brought, and what rows allow."""

import bz2
import errno
import gzip
import hashlib
import io
import json
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from builder.basics.errors import PrivacyError, StepError
from builder.border.privacy import AllowedFinding, Finding, Privacy, PrivacyMode
from builder.inside.archives import unpacking
from builder.inside.search.engine import Engine
from builder.inside.search.guard import Guard
from builder.inside.search.tree_search import tree_search
from builder.inside.search.words import Word, Words
from tests.support.machines import RecordingSystem as Machine
from tests.support.systems import RecordingSystem

SECRET = b"password = hunter2\n"
WORDS: Words = (Word(kind="user-name", spelling="zoltan"),)
Files = Callable[..., Path]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    def write(**contents: bytes) -> Path:
        return put(tmp_path / "root", {"etc/x.conf": b"a = b\n", **contents})

    return write


def put(root: Path, contents: dict[str, bytes]) -> Path:
    for path, data in contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def search(root: Path, words: Words = WORDS) -> list[tuple[str, str, str]]:
    found = tree_search(root, words).whole(root, on_progress=lambda _fraction: None)
    return [(each.path, each.rule, each.member) for each in found]


def tar(name: str, data: bytes, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def cpio(name: str, data: bytes) -> bytes:
    def entry(name: str, data: bytes) -> bytes:
        fields = (0, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % each for each in fields) + name.encode() + b"\0"
        return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)

    return entry(name, data) + entry("TRAILER!!!", b"")


@pytest.mark.parametrize("usr", ["", "usr/"])
def test_what_packages_brought_is_public_wherever_it_lies(usr: str, tmp_path: Path) -> None:
    digest = hashlib.md5(SECRET).hexdigest()  # noqa: S324 - dpkg's
    root = put(tmp_path, {
        "var/lib/dpkg/info/a.md5sums": f"{digest}  {usr}lib/a/default.conf\n".encode(),
        f"{usr}lib/a/default.conf": SECRET,
        "etc/diverted.conf.distrib": SECRET,
        "etc/a.conf": b"# mine\n" + SECRET,
    })  # fmt: skip
    assert search(root) == [("/etc/a.conf", "credential", "")]


def test_a_conffile_is_public_until_somebody_changes_it(tmp_path: Path) -> None:
    digest = hashlib.md5(SECRET).hexdigest()  # noqa: S324 - dpkg's
    status = f"Package: a\nStatus: install ok installed\nConffiles:\n /etc/a.conf {digest}\n"
    root = put(tmp_path, {"var/lib/dpkg/status": status.encode(), "etc/a.conf": SECRET})
    assert search(root) == []
    (root / "etc/a.conf").write_bytes(SECRET.replace(b"hunter2", b"hunter3"))
    assert search(root) == [("/etc/a.conf", "credential", "")]


PACKED: tuple[tuple[str, bytes, str], ...] = (
    ("b.gz", gzip.compress(SECRET), ""),
    ("b.bz2", bz2.compress(SECRET), ""),
    ("b.xz", lzma.compress(SECRET), ""),
    ("b.tar", tar("etc/app.conf", SECRET), "etc/app.conf"),
    ("b.tar.gz", tar("etc/app.conf", SECRET, "w:gz"), "etc/app.conf"),
    ("b.tar.xz", tar("etc/app.conf", SECRET, "w:xz"), "etc/app.conf"),
    ("b.zip", zipped("etc/app.conf", SECRET), "etc/app.conf"),
    ("nested.zip", zipped("in.tar.gz", tar("etc/app.conf", SECRET, "w:gz")), "in.tar.gz"),
    ("old.img", cpio("etc/app.conf", SECRET), "etc/app.conf"),
    ("old.img.gz", gzip.compress(cpio("etc/app.conf", SECRET)), "etc/app.conf"),
)


@pytest.mark.parametrize(("name", "data", "member"), PACKED, ids=[each[0] for each in PACKED])
def test_what_is_packed_is_found(name: str, data: bytes, member: str, files: Files) -> None:
    root = files(**{f"opt/{name}": data})
    assert (f"/opt/{name}", "credential", member) in search(root)


def test_names_of_what_is_packed_are_searched(files: Files) -> None:
    root = files(**{"opt/b.zip": zipped("home/zoltan/x", b"x")})
    assert ("/opt/b.zip", "user-name", "") in search(root)


def test_an_archive_that_is_too_large_is_a_finding(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "MOST_UNPACKED", 1 << 20)
    root = files(**{"opt/bomb.gz": gzip.compress(bytes(2 << 20))})
    assert search(root) == [("/opt/bomb.gz", "archive-limit", "")]


DAMAGED = (b"\x1f\x8b\x08", b"PK\3\4", b"\xfd7zXZ\0", tar("x", b"y" * 2000)[:900])


@pytest.mark.parametrize("data", DAMAGED)
def test_a_damaged_archive_is_no_failure(data: bytes, files: Files) -> None:
    assert search(files(**{"opt/x.bin": data + bytes(40)})) == []


class _BadDisk(io.BytesIO):
    """A file that cannot be read any more after so many bytes."""

    left = 18 << 20

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.left -= len(data)
        if self.left < 0:
            raise OSError(errno.EIO, "Input/output error")
        return data


def test_a_disk_that_fails_within_an_archive_hides_nothing(tmp_path: Path) -> None:
    data = gzip.compress(os.urandom(9 << 20), 0)
    contents = tree_search(tmp_path, WORDS).contents
    assert contents.in_file(io.BytesIO(data), path=b"/opt/a.gz", size=len(data)) == set()
    with pytest.raises(OSError, match="Input/output"):
        contents.in_file(_BadDisk(data), path=b"/opt/a.gz", size=len(data))


def test_names_and_targets_of_links_are_searched(files: Files) -> None:
    root = files(**{"srv/of-zoltan/x": b"1"})
    (root / "etc/link").symlink_to("/data/zoltan/file")
    found = search(root)
    assert ("/srv/of-zoltan", "user-name", "") in found
    assert ("/etc/link", "user-name", "") in found


def test_a_file_with_two_names_and_odd_files_are_searched_once(files: Files) -> None:
    root = files(**{"etc/a": SECRET})
    (root / "etc/b").hardlink_to(root / "etc/a")
    (root / "etc/odd\udcff\nname").write_bytes(SECRET)
    (root / "etc/empty").touch()
    assert [rule for _path, rule, _member in search(root)] == ["credential"] * 2


def test_every_member_of_an_initramfs_is_searched(tmp_path: Path) -> None:
    image = tmp_path / "initrd"
    image.write_bytes(cpio("early", b"x") + gzip.compress(cpio("conf/zoltan.conf", SECRET)))
    found = tree_search(tmp_path, WORDS).initramfs(image, version="6.12")
    assert [(each.path, each.rule, each.where) for each in found] == [
        ("/conf/zoltan.conf", "credential", "initramfs 6.12"),
        ("/conf/zoltan.conf", "user-name", "initramfs 6.12"),
    ]
    image.write_bytes(image.read_bytes()[:-30])
    with pytest.raises(StepError, match="cannot be searched"):
        tree_search(tmp_path, WORDS).initramfs(image, version="6.12")


def guard(root: Path, privacy: Privacy) -> Guard:
    return Guard(root=root, words=WORDS, privacy=privacy, record=root.parent / "findings.json")


def look(guarding: Guard, system: RecordingSystem) -> None:
    guarding.judge(guarding.tree(system), system)


def row(path: str, rule: str = "credential") -> AllowedFinding:
    return AllowedFinding(path=path, rule=rule, reason="a demo")


def test_a_finding_stops_the_build_and_never_says_the_secret(files: Files) -> None:
    root = files(**{"etc/app.conf": SECRET})
    system = RecordingSystem(real=True)
    with pytest.raises(PrivacyError) as caught:
        look(guard(root, Privacy()), system)
    assert str(caught.value) == "Private things would be packed: credential 1"
    assert system.notes == ["{path} holds a password, or a secret like one"]
    record = (root.parent / "findings.json").read_text()
    assert json.loads(record)[0]["path"] == "/etc/app.conf"
    assert "hunter2" not in record + str(caught.value.to_data())
    assert (root.parent / "findings.json").stat().st_mode & 0o777 == 0o600


def test_with_warn_everything_is_told_and_nothing_stops(files: Files) -> None:
    system = RecordingSystem(real=True)
    look(guard(files(**{"etc/app.conf": SECRET}), Privacy(mode=PrivacyMode.WARN)), system)
    assert system.notes[-1] == "Private things would be packed: {rules}"


@pytest.mark.parametrize("path", ["/etc/app.conf", "/etc/*.conf", "/etc", "/etc/", "/etc/app*",
                                  "/**/app.conf"])  # fmt: skip
def test_a_row_allows_what_its_pattern_would_exclude(path: str, files: Files) -> None:
    root = files(**{"etc/app.conf": SECRET})
    guarding = guard(root, Privacy(allow=(row(path),)))
    system = RecordingSystem(real=True)
    look(guarding, system)
    guarding.finish(system)
    assert system.notes == ["{count} findings are allowed"]
    (finding,) = json.loads((root.parent / "findings.json").read_text())
    assert Finding(**finding).allowed == "a demo"


@pytest.mark.parametrize("other", [row("/etc/other.conf"), row("/etc/app.conf", "token")])
def test_a_row_for_something_else_allows_nothing(other: AllowedFinding, files: Files) -> None:
    guarding = guard(files(**{"etc/app.conf": SECRET}), Privacy(allow=(other,)))
    system = RecordingSystem(real=True)
    with pytest.raises(PrivacyError, match="credential 1"):
        look(guarding, system)
    guarding.finish(system)
    assert system.notes[-1] == "The row for {path} and {rule} below privacy.allow allowed nothing"


def test_an_initramfs_is_searched_where_it_lies(files: Files, tmp_path: Path) -> None:
    image = tmp_path / "6"
    image.write_bytes(cpio("etc/app.conf", SECRET))
    found = guard(files(), Privacy()).initramfs([("6", image)], RecordingSystem(real=True))
    assert [(each.path, each.rule) for each in found] == [("/etc/app.conf", "credential")]


def test_the_engines_see_what_they_search_and_nothing_else(files: Files, tmp_path: Path) -> None:
    """They read what strangers made, and are written in C."""
    image = tmp_path / "images/6"
    guarding, system = guard(files(), Privacy()), Machine()
    for act in (guarding.tree, lambda system: guarding.initramfs([("6", image)], system)):
        with pytest.raises(StepError, match="gave no answer"):  # nothing is run here
            act(system)
    tree, images = system.sights
    assert tree.reads == (tmp_path / "root",)
    assert images.reads == (tmp_path / "root", image)
    for command, sight in zip(system.commands, system.sights, strict=True):
        assert sight.writes == (Path(command[-1]),)
        assert sight.writes[0].parent == tmp_path
        assert not sight.writes[0].exists()
    assert b"zoltan" in system.stdins[0]
    assert not any("zoltan" in word for command in system.commands for word in command)


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"found": 3}', b"\xff", b"[" * 100_000])
def test_an_answer_that_makes_no_sense_is_none(files: Files, answer: bytes) -> None:
    guarding = guard(files(), Privacy())

    def reply(argv: Sequence[str]) -> str:
        (Path(argv[-1]) / "answer").write_bytes(answer)
        return ""

    with pytest.raises(StepError, match="gave no answer"):
        guarding.tree(Machine(reply))


def test_holes_are_not_searched_but_what_is_around_them(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    kinds_in = Engine.kinds_in

    def counted(engine: Engine, data: bytes, **about: Any) -> Iterator[str]:
        asked.append(len(data))
        return kinds_in(engine, data, **about)

    monkeypatch.setattr(Engine, "kinds_in", counted)
    root = files()
    with (root / "disk.img").open("wb") as stream:
        stream.seek(1 << 28)
        stream.write(b"\nzoltan\n")
        stream.truncate(1 << 29)
    assert search(root) == [("/disk.img", "user-name", "")]
    assert sum(asked) < 1 << 25
