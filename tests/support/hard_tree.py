"""A tree with all that is hard to stage, and changes as a build makes them; needs root."""

import os
import socket
import stat
import struct
from pathlib import Path

from builder.inside.tree.tree import Tree

CLOCK = 1_750_170_600  # 2025-06-17 14:30 UTC
RULES = (
    "- /home/*", "- /tmp/*", "- /opt/partly/gone*", "- *.left-out", "- /srv/hidden",
    "+ /var/log/**/", "- /var/log/**", "+x security.capability", "-x *",
)  # fmt: skip
CAPABILITY = b"\x01\x00\x00\x02\x00\x20\x00\x00" + bytes(12)  # cap_net_raw+ep, version 2
_KEPT = "security.capability"
_ACL = "system.posix_acl_access"
_DEFAULT_ACL = "system.posix_acl_default"
_FOLDERS = (
    "boot", "etc/empty", "etc/old", "usr/bin", "usr/lib/moved/deep", "usr/lib/swapped", "usr/share",
    "home/alice", "tmp/session", "opt/partly/gone-folder", "opt/only", "srv/hidden/a/b", "srv/data",
    "var/log/samba/cores", "var/lib/lists", "root",
)  # fmt: skip
_ODD_NAMES = (b"new\nline", b"latin-1 \xe9", b"--dashes", b" blanks ", b".wh.aufs", b"n" * 255)


def acl(*, group: int, mask: int, other: int = 0) -> bytes:
    """Return a list that lets user 33 read and write, limited by `mask`."""
    entries = ((1, 7, -1), (2, 6, 33), (4, group, -1), (16, mask, -1), (32, other, -1))
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, bits, owner & 0xFFFFFFFF) for tag, bits, owner in entries
    )


def make_hard_tree(root: Path) -> Path:
    """Make the tree at `root`, which must not exist; returns it."""
    for name in _FOLDERS:
        (root / name).mkdir(parents=True)
    _make_files(root)
    _make_links(root)
    _make_specials(root)
    _make_deep(root)
    _dress(root)
    for place, _folders, files in os.walk(os.fsencode(root), topdown=False):
        for number, file in enumerate((*sorted(files), b".")):
            path, time = place + b"/" + file, (CLOCK - 90_000 - 977 * number) * 10**9 + number
            os.utime(path, ns=(time, time), follow_symlinks=False)
    for name, seconds in (("etc/issue", 0), ("etc/empty", 1), ("srv", 2**31), ("opt/partly", 5)):
        os.utime(root / name, (seconds, seconds))
    return root


def _make_files(root: Path) -> None:
    files = {
        "etc/issue": b"issue\n", "etc/motd": b"motd\n", "etc/motd.left-out": b"x", "etc/none": b"",
        "etc/old/one": b"1", "etc/old/two": b"2", "usr/bin/ping": b"p" * 3000,
        "usr/bin/tool": b"t" * 5000, "usr/bin/shared": b"s" * 200_000, "usr/bin/twin": b"same",
        "usr/lib/twin": b"same", "usr/lib/moved/deep/file": b"deep", "usr/lib/swapped/a": b"a",
        "usr/lib/becomes-folder": b"f", "usr/share/big": os.urandom(1 << 20) * 3 + b"tail",
        "home/alice/private": b"private", "tmp/session/x": b"x", "opt/partly/stays": b"stays",
        "opt/partly/gone-1": b"1", "opt/only/x.left-out": b"x", "srv/hidden/a/b/c": b"c",
        "var/log/samba/log": b"log", "var/log/syslog": b"log", "var/lib/lists/one": b"1",
        "var/lib/lists/two": b"2", "usr/share/zeros": bytes(3 << 20),
        "usr/share/zeros-in": b"a" * (1 << 20) + bytes(2 << 20) + b"b", "usr/share/few-zeros":
        bytes(100), "usr/share/pages": (b"z" * 4096 + bytes(8192)) * 40,
    }  # fmt: skip
    for name, content in files.items():
        (root / name).write_bytes(content)
    for letters in _ODD_NAMES:
        with open(os.fsencode(root / "srv/data") + b"/" + letters, "xb") as odd:  # noqa: PTH123
            odd.write(letters)
    with (root / "usr/share/sparse").open("wb") as sparse:
        sparse.truncate(9 << 20)
        sparse.seek(5 << 20)
        sparse.write(b"in the middle")


def _make_links(root: Path) -> None:
    (root / "etc/absolute").symlink_to("/etc/issue")
    (root / "usr/lib/dangling").symlink_to("nowhere")
    os.lchown(root / "usr/lib/dangling", 12, 34)
    pairs = (
        ("usr/bin/shared", "usr/lib/shared"), ("usr/bin/shared", "home/alice/shared"),
        ("usr/bin/shared", "boot/shared"), ("usr/bin/tool", "home/alice/tool"),
        ("usr/bin/ping", "usr/bin/ping6"), ("usr/share/zeros", "srv/data/zeros"),
        ("usr/lib/dangling", "etc/dangling"), ("home/alice/private", "srv/data/public"),
        ("etc/motd", "srv/data/motd"), ("var/log/syslog", "srv/data/syslog"),
        ("var/lib/lists/one", "var/lib/lists/uno"),
    )  # fmt: skip
    for first, second in pairs:
        os.link(root / first, root / second, follow_symlinks=False)


def _make_specials(root: Path) -> None:
    os.mkfifo(root / "srv/data/pipe")
    os.link(root / "srv/data/pipe", root / "srv/data/pipe-2")
    os.mknod(root / "srv/data/console", stat.S_IFCHR | 0o620, os.makedev(5, 1))
    os.mknod(root / "srv/data/disk", stat.S_IFBLK | 0o660, os.makedev(8, 0))
    place = os.getcwd()  # noqa: PTH109
    os.chdir(root / "srv/data")  # the name of a socket has room for 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.bind("socket")
    finally:
        os.chdir(place)


def _make_deep(root: Path) -> None:
    deep = root / "srv/deep"
    for number in range(60):
        deep /= f"{number:02}-{'d' * 20}"
    deep.mkdir(parents=True)
    (deep / "bottom").write_bytes(b"bottom")


def _dress(root: Path) -> None:
    for name, uid, gid, mode in (
        (".", 0, 0, 0o755), ("tmp", 0, 0, 0o1777), ("root", 0, 0, 0o700), ("home", 7, 8, 0o2751),
        ("var/log", 0, 4, 0o2775), ("var/log/samba", 33, 4, 0o2750), ("usr/bin/tool", 5, 6, 0o4751),
        ("usr/lib/moved", 9, 9, 0o3777), ("opt/partly", 70_000, 70_001, 0o711),
    ):  # fmt: skip
        os.chown(root / name, uid, gid)
        (root / name).chmod(mode)
    os.setxattr(root / "usr/bin/ping", _KEPT, CAPABILITY)
    os.setxattr(root / "usr/bin/twin", _KEPT, CAPABILITY)
    os.setxattr(root / "etc/issue", "user.origin", b"https://private.example.org/")
    os.setxattr(root / "etc/old", "trusted.note", b"mine")
    wide, narrow = acl(group=5, mask=7), acl(group=7, mask=4, other=4)
    for name, value in (
        ("etc/issue", wide), ("usr/bin/twin", narrow), ("usr/bin/shared", wide), ("srv", narrow),
        ("usr/lib/moved", wide), ("opt/only", narrow), ("home/alice/private", wide),
        ("usr/bin/tool", narrow), ("srv/data/console", wide),
    ):  # fmt: skip
        os.setxattr(root / name, _ACL, value)
    for name in ("srv", "var/lib/lists", "etc/empty"):
        os.setxattr(root / name, _DEFAULT_ACL, wide)


def change(root: Path) -> None:
    """Change a staged copy of the tree as rules do, and as programs in a chroot may."""
    tree = Tree(root, clock=CLOCK)
    tree.write("/etc/motd", b"welcome\n", mode=0o644)
    tree.write("/srv/data/motd", b"other\n", mode=0o600, uid=3, gid=4)
    tree.write("/var/lib/lists/new/file", b"new\n", mode=0o640)
    tree.symlink("/usr/lib/twin", "/usr/bin/twin")
    tree.remove("/etc/old")
    tree.write("/etc/old/three", b"3", mode=0o644)
    tree.remove("/var/lib/lists/one")
    tree.empty("/usr/lib/swapped")
    tree.write("/usr/lib/swapped/b", b"b", mode=0o644)
    tree.remove("/opt/only")
    tree.remove("/usr/lib/becomes-folder")
    (root / "usr/lib/becomes-folder").mkdir(mode=0o750)
    (root / "usr/bin/ping").chmod(0o711)
    with (root / "usr/lib/shared").open("ab") as stream:
        stream.write(b"more")
    with (root / "usr/share/zeros-in").open("r+b") as stream:
        stream.write(b"A")
    (root / "usr/lib/moved").rename(root / "usr/lib/renamed")
    (root / "usr/share/few-zeros").rename(root / "etc/none")
    os.link(root / "usr/share/big", root / "boot/big")
    (root / "boot/shared").unlink()
    os.chown(root / "srv/data/pipe", 1, 1)
    os.setxattr(root / "usr/share/pages", _KEPT, CAPABILITY)
    (root / "etc/empty/inherits").write_bytes(b"no list")
    (root / "tmp/back").mkdir()
    (root / "home/alice").mkdir()
    (root / "home/alice/private").write_bytes(b"another")
