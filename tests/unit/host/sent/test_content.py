"""What is sent arrives as it was, block by block, whatever breaks, is damaged or is there."""

import hashlib
import os
import re
import socket
import stat
from pathlib import Path

import pytest

from builder.basics.errors import HostError, SourceError
from builder.border import requests
from builder.border.requests import Received, ReceiveRequest
from builder.host.sent import content
from builder.host.sent.content import Content, FileContent, FolderContent, Summary, summary_of
from builder.inside.source import receive as receiving
from builder.inside.source.receive import receive

BLOCK = 4096


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (requests, content, receiving):
        monkeypatch.setattr(module, "SENT_BLOCK", BLOCK)
    monkeypatch.setattr(receiving, "_PIECE", BLOCK)


def asked(summary: Summary) -> ReceiveRequest:
    return ReceiveRequest(kind=summary.kind, size=summary.size, blocks=summary.blocks)


def put(volume: Path, number: int, block: bytes) -> None:
    (volume / "incoming").mkdir(exist_ok=True)
    (volume / "incoming" / str(number)).write_bytes(block)


def send(source: Content, volume: Path) -> Received:
    """Send all that is asked for."""
    volume.mkdir(exist_ok=True)
    request = asked(summary_of(source))
    missing = receive(request, volume).missing
    for number, block in source.blocks(frozenset(missing)):
        put(volume, number, block)
    return receive(request, volume)


def facts(tree: Path) -> dict[str, tuple[object, ...]]:
    """Return what an ISO takes of each path."""
    found: dict[str, tuple[object, ...]] = {}
    names: dict[int, str] = {}
    for path in (tree, *sorted(tree.rglob("*"))):
        name, said = str(path.relative_to(tree)), path.lstat()
        inner: object = None
        if stat.S_ISREG(said.st_mode):
            inner = hashlib.sha256(path.read_bytes()).hexdigest()
        elif stat.S_ISLNK(said.st_mode):
            inner = path.readlink()
        first = names.setdefault(said.st_ino, name)
        found[name] = (said.st_mode, said.st_uid, said.st_gid, said.st_mtime_ns, inner, first)
    return found


def made(tree: Path) -> Path:
    """Make a tree with what trees have."""
    (tree / "etc/empty").mkdir(parents=True)
    (tree / "etc/a file\nwith an odd name \udcff").write_bytes(b"x" * (BLOCK - 100))
    (tree / "usr").mkdir()
    (tree / "usr/large").write_bytes(os.urandom(5 * BLOCK + 7))
    (tree / "usr/large").chmod(0o4711)
    (tree / "usr/none").touch(0o600)
    (tree / "usr/again").hardlink_to(tree / "usr/large")
    (tree / "usr/dangling").symlink_to("/nowhere/at all")
    os.link(tree / "usr/dangling", tree / "usr/dangling too", follow_symlinks=False)
    (tree / ("long " * 40)).mkdir(mode=0o1777)
    os.mkfifo(tree / "pipe", 0o640)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tree / "usr/s"))
    with (tree / "sparse").open("wb") as file:
        file.seek(20 * BLOCK)
        file.write(b"end")
    os.utime(tree / "etc/empty", ns=(1, 1_234_567_890_123_456_789))
    os.utime(tree / "usr", ns=(1, -5))
    os.utime(tree, ns=(1, 1_000_000_001))
    return tree


def test_a_folder_arrives_with_all_that_an_iso_takes_of_it(tmp_path: Path) -> None:
    tree = made(tmp_path / "tree")
    volume = tmp_path / "volume"
    assert send(FolderContent(path=tree), volume) == Received(missing=())
    assert facts(volume / "tree") == facts(tree)
    assert {each.name for each in volume.iterdir()} == {"incoming", "tree", "whole"}
    assert (volume / "tree/sparse").stat().st_blocks * 512 < 19 * BLOCK


def test_a_file_arrives_and_its_holes_are_not_sent(tmp_path: Path) -> None:
    file = tmp_path / "cache.img"
    with file.open("wb") as stream:
        stream.truncate(100 * BLOCK + 5)
        stream.seek(50 * BLOCK)
        stream.write(os.urandom(BLOCK))
    source, volume = FileContent(path=file), tmp_path / "volume"
    volume.mkdir()
    request = asked(summary_of(source))
    assert (len(request.blocks), receive(request, volume).missing) == (101, (50,))
    assert send(source, volume) == Received(missing=())
    assert (volume / "content").read_bytes() == file.read_bytes()
    assert receive(request, volume) == Received(missing=())  # never again


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1])
def test_any_size_is_one(tmp_path: Path, size: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(size))
    assert send(FileContent(path=file), tmp_path / "volume") == Received(missing=())
    assert (tmp_path / "volume/content").read_bytes() == file.read_bytes()


def test_only_what_arrived_whole_counts_and_the_rest_is_asked_for_again(tmp_path: Path) -> None:
    file, volume = tmp_path / "file", tmp_path / "volume"
    file.write_bytes(os.urandom(6 * BLOCK))
    volume.mkdir()
    source = FileContent(path=file)
    request = asked(summary_of(source))
    blocks = dict(source.blocks())
    put(volume, 0, blocks[0])
    put(volume, 1, blocks[1][:-1])  # where the line broke
    put(volume, 2, bytes(reversed(blocks[2])))  # damaged
    put(volume, 17, blocks[3])  # which there is not
    (volume / "incoming/.wh").write_bytes(b"x")
    put(volume, 5, blocks[5])
    assert receive(request, volume).missing == (1, 2, 3, 4)
    assert list((volume / "incoming").iterdir()) == []
    assert not (volume / "content").exists()
    for number in (1, 2, 3):
        put(volume, number, blocks[number])
    assert receive(request, volume).missing == (4,)
    with (volume / "part").open("r+b") as part:  # a disk that forgets
        part.write(b"?")
    put(volume, 4, blocks[4])
    assert receive(request, volume).missing == (0,)
    put(volume, 0, blocks[0])
    assert receive(request, volume).missing == ()
    assert (volume / "content").read_bytes() == file.read_bytes()


def test_unpacking_that_was_interrupted_begins_again(tmp_path: Path) -> None:
    tree, volume = made(tmp_path / "tree"), tmp_path / "volume"
    (volume / "tree.part/half").mkdir(parents=True)
    assert send(FolderContent(path=tree), volume) == Received(missing=())
    assert facts(volume / "tree") == facts(tree)


@pytest.mark.parametrize("name", ["part", "placed.json"])
def test_what_was_interrupted_after_it_got_its_name_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    tree, volume = made(tmp_path / "tree"), tmp_path / "volume"
    unlink = Path.unlink

    def killed(path: Path, *, missing_ok: bool = False) -> None:
        if path.name == name:
            raise KeyboardInterrupt(name)
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt, match=re.escape(name)):
            send(FolderContent(path=tree), volume)
    assert (volume / "tree").is_dir()
    assert send(FolderContent(path=tree), volume) == Received(missing=())
    assert facts(volume / "tree") == facts(tree)


def test_nothing_counts_as_whole_before_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = tmp_path / "volume"
    marked: list[bool] = []
    monkeypatch.setattr(os, "sync", lambda: marked.append((volume / "whole").exists()))
    assert send(FolderContent(path=made(tmp_path / "tree")), volume) == Received(missing=())
    assert marked == [False]


def test_folders_may_be_as_deep_as_paths_may_be_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _depth in range(1200):
        Path("a").mkdir()
        os.chdir("a")
    assert summary_of(FolderContent(path=tmp_path)).size > 1200 * 512
    for _depth in range(1200):  # which pytest could not
        os.chdir("..")
        Path("a").rmdir()


@pytest.mark.parametrize(("folder", "reason"), [("dev", ""), ("srv", "/srv/sda is a device node")])
def test_a_device_node_is_made_or_told_unless_it_is_in_no_iso(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, reason: str
) -> None:
    tree, volume = tmp_path / "tree", tmp_path / "volume"
    (tree / folder).mkdir(parents=True)
    os.mkfifo(tree / folder / "sda")  # as nodes, which not everyone may make

    def refused(*_words: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "mknod", refused)
    if reason:
        with pytest.raises(SourceError, match=reason):
            send(FolderContent(path=tree), volume)
    else:
        assert send(FolderContent(path=tree), volume) == Received(missing=())
        assert list((volume / "tree" / folder).iterdir()) == []


def test_what_the_kernel_shows_in_a_tree_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, volume = tmp_path / "tree", tmp_path / "volume"
    for name in ("proc", "dev"):
        (tree / name).mkdir(parents=True)
        (tree / name / "file").touch()
    monkeypatch.setattr("os.path.ismount", lambda path: path.endswith(b"/proc"))
    send(FolderContent(path=tree), volume)
    found = {str(each.relative_to(volume / "tree")) for each in (volume / "tree").rglob("*")}
    assert found == {"proc", "dev", "dev/file"}


def test_a_full_disk_says_what_to_remove(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    (tmp_path / "volume").write_bytes(b"no folder")
    with pytest.raises(HostError, match="cannot be kept there: Not a directory") as caught:
        receive(asked(summary_of(FileContent(path=file))), tmp_path / "volume")
    assert "sweep --sent" in caught.value.advice


def test_the_same_content_has_the_same_digest_wherever_it_lies(tmp_path: Path) -> None:
    one, other = made(tmp_path / "one"), tmp_path / "volume"
    send(FolderContent(path=one), other)
    digests = {summary_of(FolderContent(path=each)).digest for each in (one, other / "tree")}
    assert len(digests) == 1
    (one / "usr/none").chmod(0o601)
    assert summary_of(FolderContent(path=one)).digest not in digests


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for source in (FileContent(path=tmp_path / "gone"), FolderContent(path=tmp_path / "gone")):
        with pytest.raises(SourceError, match=r"/gone cannot be read to be sent") as caught:
            summary_of(source)
        assert "as root" in caught.value.advice
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="/pipe cannot be read"):
        summary_of(FileContent(path=tmp_path / "pipe"))


def test_what_stands_for_a_subvolume_has_no_time_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, volume = tmp_path / "tree", tmp_path / "volume"
    for name in ("stub", "full"):
        (tree / name).mkdir(parents=True)
    (tree / "full/lost+found").mkdir()
    monkeypatch.setattr(content, "_EMPTY_SUBVOLUME", (tree / "stub").stat().st_ino)
    send(FolderContent(path=tree), volume)
    assert (volume / "tree/stub").stat().st_mtime == 0
    monkeypatch.setattr(content, "_EMPTY_SUBVOLUME", (tree / "full").stat().st_ino)
    send(FolderContent(path=tree), tmp_path / "other")
    assert (tmp_path / "other/tree/full").stat().st_mtime > 0
