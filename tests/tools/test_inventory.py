"""A tree and the squashfs that is made of it have the same inventory."""

import hashlib
import os
import socket
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.formats.inventory import Entry, EntryType, Row
from builder.inside.inventory.iso_listing import iso_rows
from builder.inside.inventory.squashfs_listing import read_rows
from builder.inside.inventory.tree_listing import tree_rows
from builder.inside.medium import identity as medium
from builder.inside.medium.initrd_extra import gap_after
from tests.support import media
from tests.support.media import Work, real_system

pytestmark = pytest.mark.tools

CAPABILITY = b"\x01\x00\x00\x02\x00\x20\x00\x00" + bytes(12)
NAMES = (
    b"plain", b"sp ace", b'"quoted"', b"#", b"back\\slash", b"new\nline", b"bad\xff\xfe", b"t\tab",
    b" lead", b"trail ", b"-rf", b"x R 1 644 0 0 0 0 0", b"\x1b[31m", "é".encode(),
)  # fmt: skip


def strange_tree(root: Path) -> Path:
    """Make what a squashfs can hold, with names that no listing likes."""
    top = os.fsencode(root)
    root.mkdir()
    for number, name in enumerate(NAMES):
        os.mkdir(top + b"/" + name)  # noqa: PTH102 - bytes
        with open(top + b"/" + name + b"/" + name, "wb") as file:  # noqa: PTH123 - bytes
            file.write(name * 3)
        os.link(top + b"/" + name + b"/" + name, top + b"/hard-%d" % number)
        os.symlink(name, top + b"/" + name + b"/link")  # noqa: PTH211 - bytes
        os.utime(top + b"/" + name + b"/" + name, (number, 1_700_000_000 + number))
    os.link(root / "plain/link", root / "hard-link-of-a-link")
    os.mknod(root / "fifo", stat.S_IFIFO | 0o640)
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.link(root / "null", root / "null2")
    os.mknod(root / "disk", stat.S_IFBLK | 0o660, os.makedev(8, 300))
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.fspath(root / "socket"))
    (root / "capable").write_bytes(b"ping")
    (root / "capable").chmod(0o4755)
    os.setxattr(root / "capable", "security.capability", CAPABILITY)
    os.chown(root / "capable", 1000, 4_000_000_000, follow_symlinks=False)
    with (root / "sparse").open("wb") as file:
        file.truncate(3_000_000)
    (root / "large").write_bytes(os.urandom(2_500_000))
    (root / "etc").mkdir()
    (root / "etc/hosts").write_text("127.0.0.1\n")
    return root


def packed(root: Path, target: Path) -> Path:
    names = (os.fspath(root), os.fspath(target))
    command = ["mksquashfs", *names, "-noappend", "-comp", "zstd", "-quiet", "-no-progress"]
    subprocess.run(command, check=True, capture_output=True)
    return target


def read(squashfs: Path) -> list[Row]:
    inodes = int.from_bytes(squashfs.read_bytes()[4:8], "little")
    argv = ["unsquashfs", "-pf", "-", os.fspath(squashfs)]
    with real_system().reading(argv) as stream:
        return read_rows(stream, inodes=inodes, progress=lambda _done: None)


def undated(rows: list[Row]) -> list[Row]:
    """Leave out the time of the top, which is none in a tree, and whose links are one inode."""
    return [
        replace(
            row,
            mtime=0 if row.path == "/" else row.mtime,
            first=row.first if row.type is EntryType.FILE else "",
        )
        for row in rows
        if isinstance(row, Entry)
    ]


def test_a_tree_and_its_squashfs_have_the_same_inventory(tmp_path: Path) -> None:
    root = strange_tree(tmp_path / "tree")
    found = read(packed(root, tmp_path / "x.squashfs"))
    expected = undated(list(tree_rows(root, exclude=(), keep=("/*",))))
    assert undated(found) == expected
    assert len(expected) > 4 * len(NAMES)


@pytest.mark.parametrize(
    "target",
    ["two\nlines", "x\nforged R 1 644 0 0 0 0 0", "x\n#\n# START OF DATA - DO NOT MODIFY\n#"],
)
def test_a_link_with_a_target_like_a_listing_is_read_right_or_not_at_all(
    tmp_path: Path, target: str
) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a-link").symlink_to(target)
    (root / "z-file").write_text("words")
    squashfs = packed(root, tmp_path / "x.squashfs")
    if target == "two\nlines":
        assert [row.target for row in read(squashfs) if isinstance(row, Entry)][1] == target
        return
    with pytest.raises((ValueError, EOFError), match="its superblock says 3"):
        read(squashfs)


def test_a_damaged_squashfs_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/words").write_text("".join(f"{number}\n" for number in range(500_000)))
    squashfs = packed(tmp_path / "tree", tmp_path / "x.squashfs")
    content = bytearray(squashfs.read_bytes())
    content[96:104] = bytes(8)  # the head of the first block
    squashfs.write_bytes(content)
    with pytest.raises(StepError, match="unsquashfs failed"):
        read(squashfs)
    squashfs.write_bytes(content[: len(content) // 2])
    with pytest.raises(StepError, match="unsquashfs failed"):
        read(squashfs)


def test_an_iso_is_listed_with_what_its_live_layer_changes_and_what_boots(tmp_path: Path) -> None:
    work = Work(base=tmp_path / "work")
    media.make_root(work)
    media.pack_layer(work, {"etc/hostname": "live", "srv/x": "y"}, hides=["etc/os-release"])
    for step in (media.squashfs_step(work), media.boot_step(work), media.iso_step(work)):
        step.run(real_system())
    found = iso_rows(work.iso, system=real_system())
    assert found.live is not None
    above = {row.path: row for row in found.live if isinstance(row, Entry)}
    assert list(above) == ["/etc/hostname", "/etc/os-release", "/srv", "/srv/x"]
    assert [path for path, row in above.items() if row.is_whiteout] == ["/etc/os-release"]
    assert above["/etc/hostname"].text == "live"
    assert "/usr/share/big" in {row.path for row in found.system if isinstance(row, Entry)}
    made = {medium.initrd_path(name): content for name, content in media.INITRAMFS.items()}
    for path, content in made.items():
        (boot,) = [each for each in found.boots if each.path == path]
        assert boot.sha256 == hashlib.sha256(content + gap_after(len(content))).hexdigest()
        assert boot.size > len(content) + 100
    assert len(found.boots) == 2 * len(made)


def test_a_reader_that_gives_up_ends_the_tool() -> None:
    def give_up() -> None:
        with real_system().reading(["yes"]) as stream:
            assert stream.read(2) == b"y\n"
            raise KeyError

    with pytest.raises(KeyError):
        give_up()
    with pytest.raises(StepError, match="SIGPIPE"), real_system().reading(["yes"]) as stream:
        stream.read(2)
    with pytest.raises(StepError, match="not installed"), real_system().reading(["no-such-tool"]):
        pass
