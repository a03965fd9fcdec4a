"""An inventory says what a tree or a squashfs holds, whatever its names and links try."""

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.formats.inventory import (
    LONGEST_TEXT,
    Entry,
    EntryType,
    InstalledPackage,
    Row,
    decode_rows,
    encode_rows,
)
from builder.inside.debian.dpkg import MOST_BYTES
from builder.inside.inventory.squashfs_listing import read_rows
from builder.inside.inventory.tree_listing import tree_rows, write_inventory
from tests.support.trees import put

STATUS = b"Package: less\nStatus: install ok installed\nVersion: 643-1\nInstalled-Size: 311\n"
MARK = b"#\n# START OF DATA - DO NOT MODIFY\n#\n"
ROOT = b"/ D 1795412662 755 0 0\n"


def ignored(_fraction: float) -> None:
    """Progress that nobody waits for."""


def listed(lines: bytes, data: bytes = b"", *, inodes: int) -> list[Row]:
    return read_rows(io.BytesIO(lines + MARK + data), inodes=inodes, progress=ignored)


def entries(rows: list[Row]) -> list[Entry]:
    return [row for row in rows if isinstance(row, Entry)]


def a_file(path: str, **changed: object) -> Entry:
    fields = {
        "path": path, "type": EntryType.FILE, "mode": 0o644, "uid": 0, "gid": 0, "mtime": 7,
        "size": 0, "value": hashlib.sha256(b"").hexdigest(),
    }  # fmt: skip
    return Entry(**{**fields, **changed})  # type: ignore[arg-type]


def test_everything_that_a_squashfs_can_hold_is_listed() -> None:
    found = entries(
        listed(
            ROOT
            + b"cap R 5 4755 1 2 0 0 0\n"
            + rb"cap x security.capability=0t\001\000 A\134" + b"\n"
            + b"d D 1795412662 1777 0 0\n"
            + b"d/x R 6 644 1000 1000 4 0 0\n"
            + b"disk B 1 660 0 -294967296 4104 44\n"
            + b"f1 R 1234567890 644 0 0 6 4 1\n"
            + b"fifo I 1 644 0 0 f\n"
            + b"hard L f1\n"
            + b"null C 1 666 0 0 1 3\n"
            + b"sl S 1 777 0 0 tar get\n"
            + b"sock I 1 755 0 0 s\n",
            b"big\nhello\n",
            inodes=10,
        )
    )  # fmt: skip
    told = [(e.path, e.type.value, oct(e.mode), e.uid, e.gid, e.size) for e in found]
    assert told == [
        ("/", "d", "0o755", 0, 0, 0),
        ("/cap", "f", "0o4755", 1, 2, 0),
        ("/d", "d", "0o1777", 0, 0, 0),
        ("/d/x", "f", "0o644", 1000, 1000, 4),
        ("/disk", "b", "0o660", 0, 4_000_000_000, 0),
        ("/f1", "f", "0o644", 0, 0, 6),
        ("/fifo", "p", "0o644", 0, 0, 0),
        ("/hard", "f", "0o644", 0, 0, 6),
        ("/null", "c", "0o666", 0, 0, 0),
        ("/sl", "l", "0o777", 0, 0, 0),
        ("/sock", "s", "0o755", 0, 0, 0),
    ]
    by_path = {entry.path: entry for entry in found}
    assert by_path["/cap"].capability == "010020415c"
    assert by_path["/d/x"].sha256 == hashlib.sha256(b"big\n").hexdigest()
    assert by_path["/hard"].sha256 == hashlib.sha256(b"hello\n").hexdigest()
    assert by_path["/hard"].first == "/f1"
    assert by_path["/f1"].mtime == 1234567890
    assert (by_path["/disk"].device, by_path["/null"].device) == ("8:300", "1:3")
    assert by_path["/sl"].target == "tar get"


def test_names_of_any_bytes_are_read_back() -> None:
    found = entries(
        listed(
            ROOT
            + b'\\"q R 1 644 0 0 0 0 0\n'
            + b"# R 1 644 0 0 0 0 0\n"
            + b"back\\\\slash R 1 644 0 0 0 0 0\n"
            + b"bad\xff R 1 644 0 0 0 0 0\n"
            + b"nl\\\nx R 1 644 0 0 0 0 0\n"
            + b"sp\\ ace R 1 644 0 0 0 0 0\n"
            + b"znl L nl\\\nx\n",
            inodes=7,
        )
    )
    assert [entry.path for entry in found] == [
        "/", '/"q', "/#", "/back\\slash", "/bad\udcff", "/nl\nx", "/sp ace", "/znl",
    ]  # fmt: skip
    assert found[-1].first == "/nl\nx"


def test_the_order_is_that_of_whole_paths_and_the_first_name_of_a_hard_link_too() -> None:
    found = entries(
        listed(
            ROOT + b"a D 1 755 0 0\n" + b"a/x R 1 644 0 0 0 0 0\n" + b"a-b L a/x\n",
            inodes=3,
        )
    )
    assert [(e.path, e.first) for e in found] == [
        ("/", ""), ("/a", ""), ("/a-b", ""), ("/a/x", "/a-b"),
    ]  # fmt: skip


def test_a_target_of_several_lines_is_one_target() -> None:
    found = entries(
        listed(
            ROOT + b"sl S 1 777 0 0 tar\nget \\ back\n\n#\n" + b"z R 1 644 0 0 0 0 0\n", inodes=3
        )
    )
    assert [entry.path for entry in found] == ["/", "/sl", "/z"]
    assert found[1].target == "tar\nget \\ back\n\n#"


@pytest.mark.parametrize(
    ("lines", "data", "inodes", "reason"),
    [
        (
            ROOT + b"sl S 1 777 0 0 x\nforged R 1 644 0 0 0 0 0\n",
            b"",
            2,
            "lists 3 files, its superblock says 2",
        ),
        (
            ROOT + b"sl S 1 777 0 0 x\n" + MARK + b"z R 1 644 0 0 0 0 0\n",
            b"",
            3,
            "lists 2 files, its superblock says 3",
        ),
        (ROOT + b"nowhere/x R 1 644 0 0 0 0 0\n", b"", 2, "before its directory"),
        (ROOT + b"x R 1 644 0 0 0 0 0\nx R 1 644 0 0 0 0 0\n", b"", 3, "'/x' twice"),
        (ROOT + b"x R 1 644 0 0 0 0 0\nstrange\n", b"", 2, "unknown line: b'strange"),
        (ROOT + b"x R 1 888 0 0 0 0 0\n", b"", 2, "unknown line: b'x R 1 888"),
        (ROOT + b"x R 1 644 0 0 4 7 0\n", b"abcd", 2, "at the wrong offset"),
        (ROOT + b"x R 1 644 0 0 4 0 0\n", b"abcde", 2, "more data than it lists"),
        (ROOT + b"x R 1 644 0 0 9000000000000000000 0 1\n", b"", 2, "more than a tebibyte"),
        (ROOT + b"y L x\n", b"", 1, "unknown line: b'y L x"),
        (b"x R 1 644 0 0 0 0 0\n", b"", 1, "before its directory"),
        (b"", b"", 1, "lists 0 files"),
        (b"x" * (1 << 20) + b"\n", b"", 1, "truncated or too long"),
    ],
)
def test_a_stream_that_is_not_what_the_superblock_says_is_refused(
    lines: bytes, data: bytes, inodes: int, reason: str
) -> None:
    with pytest.raises((ValueError, EOFError), match=reason):
        listed(lines, data, inodes=inodes)


@pytest.mark.parametrize(
    ("cut", "kind"),
    [
        (3, ValueError), (len(ROOT), EOFError), (-(len(MARK) + 4), EOFError), (-5, ValueError),
        (-1, EOFError),
    ],
)  # fmt: skip
def test_a_stream_that_is_cut_off_is_noticed(cut: int, kind: type[Exception]) -> None:
    whole = ROOT + b"x R 1 644 0 0 4 0 0\n" + MARK + b"abcd"
    with pytest.raises((EOFError, ValueError)) as caught:
        read_rows(io.BytesIO(whole[:cut]), inodes=2, progress=ignored)
    assert type(caught.value) is kind
    assert str(caught.value) in {"a line of its listing is truncated or too long", ""}


def test_the_text_of_a_squashfs_is_carried_for_what_anybody_may_read_below_etc() -> None:
    lines, data = [ROOT], b""
    for path, mode, content in (
        ("etc", None, b""),
        ("etc/closed", 0o750, b""),
        ("etc/closed/open", None, b""),
        ("etc/closed/open/x", 0o644, b"deep"),
        ("etc/hosts", 0o644, b"127.0.0.1\n"),
        ("etc/latin", 0o644, b"\xff\xfe"),
        ("etc/nul", 0o644, b"a\0b"),
        ("etc/large", 0o644, b"x" * (LONGEST_TEXT + 1)),
        ("etc/shadow", 0o640, b"secret"),
        ("usr", None, b""),
        ("usr/hosts", 0o644, b"elsewhere"),
    ):
        if content:
            lines.append(f"{path} R 1 {mode:o} 0 0 {len(content)} {len(data)} 0\n".encode())
            data += content
        else:
            lines.append(f"{path} D 1 {mode or 0o755:o} 0 0\n".encode())
    found = entries(listed(b"".join(lines), data, inodes=len(lines)))
    assert {entry.path: entry.text for entry in found if entry.text is not None} == {
        "/etc/hosts": "127.0.0.1\n"
    }


def test_the_packages_of_a_squashfs_come_first() -> None:
    folders = b"".join(b"%s D 1 755 0 0\n" % p for p in (b"var", b"var/lib", b"var/lib/dpkg"))
    size = len(STATUS)
    rows = listed(
        ROOT + folders + b"var/lib/dpkg/status R 1 644 0 0 %d 0 0\n" % size, STATUS, inodes=5
    )
    assert rows[0] == InstalledPackage(
        name="less", architecture="", version="643-1", installed_size=311 * 1024
    )
    assert len(entries(rows)) == len(rows) - 1 == 5


def tree(root: Path) -> Path:
    put(root, "etc/hosts", "127.0.0.1\n")
    put(root, "etc/shadow", "secret").chmod(0o640)
    put(root, "etc/private/key", "secret")
    (root / "etc/private").chmod(0o710)
    put(root, "var/lib/dpkg/status", STATUS)
    put(root, "tmp/left-out", "x")
    put(root, "srv/left-out", "x")
    os.link(root / "etc/hosts", root / "etc/hosts2")
    (root / "link").symlink_to("etc/hosts")
    put(root, os.fsdecode(b"etc/na\xffme\n"), "x")
    return root


def test_a_directory_is_listed_as_a_build_takes_it(tmp_path: Path) -> None:
    rows = list(tree_rows(tree(tmp_path), exclude=("/srv/*",), keep=("/link",)))
    assert [row.name for row in rows if isinstance(row, InstalledPackage)] == ["less"]
    by_path = {entry.path: entry for entry in entries(rows)}
    assert list(by_path) == sorted(by_path, key=os.fsencode)
    assert not [path for path in by_path if "left-out" in path]
    assert by_path["/etc/hosts2"].first == "/etc/hosts"
    assert by_path["/link"].target == "etc/hosts"
    texts = {path for path, entry in by_path.items() if entry.text is not None}
    assert texts == {"/etc/hosts", "/etc/hosts2", "/etc/na\udcffme\n"}


def test_a_status_file_that_nobody_could_have_made_is_said_so(tmp_path: Path) -> None:
    root = tree(tmp_path)
    os.truncate(root / "var/lib/dpkg/status", MOST_BYTES + 1)
    with pytest.raises(StepError, match="/var/lib/dpkg/status in the source cannot be read"):
        list(tree_rows(root, exclude=(), keep=()))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    rows = list(tree_rows(tree(tmp_path / "tree"), exclude=(), keep=()))
    target = tmp_path / "out/inventory.jsonl"
    assert write_inventory(rows, target) == len(rows) + 2
    assert list(decode_rows(target.read_text("ascii").splitlines())) == rows


ROWS: list[Row] = [
    InstalledPackage(name="a", architecture="all", version="1", installed_size=0),
    a_file("/x"),
    a_file("/y", text="words\n"),
]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: lines[:-1],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines, lines[1]],
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines],
        lambda lines: [lines[0], *lines[2:-2], lines[-1]],
        lambda lines: [*lines[:2], lines[2].replace("420", '"420"'), *lines[3:]],
        lambda lines: [*lines[:2], lines[2].replace("420", "true"), *lines[3:]],
        lambda lines: [*lines[:2], lines[2].replace('"f"', '"q"'), *lines[3:]],
        lambda lines: [*lines[:2], "null\n", *lines[3:]],
        lambda lines: [*lines[:2], "7\n", *lines[3:]],
        lambda lines: [*lines[:2], "{}\n", *lines[3:]],
        lambda lines: [*lines[:2], '{"package": ["a"]}\n', *lines[3:]],
        lambda lines: [*lines[:2], "[" * 5000, *lines[3:]],
        lambda lines: ['{"format":2}\n', *lines[1:]],
        lambda _lines: [],
    ],
)
def test_an_inventory_that_is_not_whole_is_refused(
    spoil: Callable[[list[str]], list[str]],
) -> None:
    lines = list(encode_rows(ROWS))
    assert list(decode_rows(lines)) == ROWS
    with pytest.raises(ValueError, match="inventory"):
        list(decode_rows(spoil(lines)))
