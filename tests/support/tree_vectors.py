"""The test vectors of docs/tree-digest.md: reading them, making their trees, counting again.

What computes a digest here is written from that page alone and shares no code with the builder.
"""

import hashlib
import json
import os
import random
import re
import stat
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs/tree-digest.md"
VECTORS = sorted((PROJECT / "fixtures/tree-digest").glob("*.json"))

_KINDS = {
    "d": stat.S_IFDIR, "f": stat.S_IFREG, "l": stat.S_IFLNK, "p": stat.S_IFIFO,
    "s": stat.S_IFSOCK, "c": stat.S_IFCHR, "b": stat.S_IFBLK,
}  # fmt: skip


def load(vector: Path) -> dict[str, Any]:
    """Return what the file says."""
    data: dict[str, Any] = json.loads(vector.read_text("ascii"))
    return data


def page_block(language: str) -> str:
    """Return the text of the page's one code block in `language`, or of shell, with that name."""
    (found,) = re.findall(
        rf"^```(?:sh )?{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return str(found)


def digest_of(records: list[list[str]]) -> str:
    """Return the digest of records whose fields are written as in URLs."""
    text = b"".join(unquote_to_bytes(field) + b"\0" for record in records for field in record)
    return f"sha256:{hashlib.sha256(b'distroclone-tree 1' + bytes(1) + text).hexdigest()}"


def records_of(entries: list[dict[str, Any]]) -> list[list[bytes]]:
    """Return the records of the tree that `entries` describe."""
    kept = sorted(
        (entry for entry in entries if not entry.get("left_out")),
        key=lambda entry: unquote_to_bytes(entry["path"]),
    )
    by_path = {entry["path"]: entry for entry in entries}
    first: dict[str, bytes] = {}
    return [_record(entry, by_path[entry.get("link", entry["path"])], first) for entry in kept]


def _record(entry: dict[str, Any], inode: dict[str, Any], first: dict[str, bytes]) -> list[bytes]:
    path, kind = unquote_to_bytes(entry["path"]), inode["type"]
    content = unquote_to_bytes(inode.get("content", ""))
    value = {"f": hashlib.sha256(content).hexdigest().encode(), "l": content}.get(kind, b"")
    mode, xattrs = int(inode["mode"], 8), inode.get("xattrs", {})
    if acl := bytes.fromhex(xattrs.get("system.posix_acl_access", "")):
        allowed = {tag: bits for tag, bits, _id in struct.iter_unpack("<HHI", acl[4:])}
        mode = mode & ~0o070 | (allowed[0x04] & allowed.get(0x10, 7)) << 3
    leader = first.setdefault(inode["path"], path)
    return [
        path,
        kind.encode(),
        f"{mode:04o}".encode(),
        str(inode["uid"]).encode(),
        str(inode["gid"]).encode(),
        b"0" if path == b"/" else str(inode["mtime"][0]).encode(),
        str(len(content)).encode() if kind == "f" else b"",
        inode.get("device", "").encode() or value,
        xattrs.get("security.capability", "").encode(),
        b"" if leader == path else leader,
    ]


def make(root: Path, entries: list[dict[str, Any]], *, seed: int = 0) -> Path:
    """Make the tree at `root`, which must not exist; needs root. `seed` shuffles the order."""
    top = os.fsencode(root)
    real = [entry for entry in entries if "link" not in entry]
    folders = [entry for entry in real if entry["type"] == "d"]
    others = [entry for entry in real if entry["type"] != "d"]
    random.Random(seed).shuffle(others)  # noqa: S311
    for entry in sorted(folders, key=lambda entry: unquote_to_bytes(entry["path"])):
        os.mkdir(top + unquote_to_bytes(entry["path"]))  # noqa: PTH102
    for entry in others:
        _make_entry(top + unquote_to_bytes(entry["path"]), entry)
    for entry in entries:
        if "link" in entry:
            source = top + unquote_to_bytes(entry["link"])
            os.link(source, top + unquote_to_bytes(entry["path"]), follow_symlinks=False)
    for entry in (*others, *folders):
        _dress(top + unquote_to_bytes(entry["path"]), entry)
    return root


def _make_entry(place: bytes, entry: dict[str, Any]) -> None:
    content = unquote_to_bytes(entry.get("content", ""))
    match entry["type"]:
        case "f":
            with open(place, "xb") as stream:  # noqa: PTH123 - a Path has no bytes
                stream.write(content)
        case "l":
            os.symlink(content, place)  # noqa: PTH211
        case kind:
            major, minor = map(int, entry.get("device", "0:0").split(":"))
            os.mknod(place, _KINDS[kind] | 0o600, os.makedev(major, minor))


def _dress(place: bytes, entry: dict[str, Any]) -> None:
    os.chown(place, entry["uid"], entry["gid"], follow_symlinks=False)
    if entry["type"] != "l":
        os.chmod(place, int(entry["mode"], 8))  # noqa: PTH101
    for name, value in entry.get("xattrs", {}).items():
        os.setxattr(place, name, bytes.fromhex(value), follow_symlinks=False)
    seconds, nanoseconds = entry["mtime"]
    time = seconds * 1_000_000_000 + nanoseconds
    os.utime(place, ns=(time, time), follow_symlinks=False)
