"""Runs inside a container: mounts /cache.img read-only and tells what is in it, as JSON."""

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

VOLUME = Path("/mnt")
BASE = VOLUME / "SysLinuxOS_backup"
ROOTFS = BASE / ".rootfs_cache"


def main() -> None:
    """Mount, look, unmount, print."""
    for number in range(256):
        node = Path(f"/dev/loop{number}")
        if not node.exists():
            os.mknod(node, stat.S_IFBLK | 0o660, os.makedev(7, number))
    options = "ro,loop,rescue=nologreplay"
    # Without notes in /run/mount: by them, umount would free a loop device that frees itself.
    subprocess.run(["mount", "--no-mtab", "-o", options, "/cache.img", VOLUME], check=True)
    try:
        facts = _facts(json.loads(Path("/recipe/planted.json").read_text())["planted"])
    finally:
        subprocess.run(["umount", "--no-mtab", VOLUME], check=True)
    json.dump(facts, sys.stdout)


def _facts(planted: list[dict[str, str]]) -> dict[str, Any]:
    snapshots = sorted((ROOTFS / ".snapshots").iterdir())
    trees = {
        "cache": ROOTFS,
        "raw": BASE / ".snapshots/@2026-06-10_09:15",
        **{path.name: path / "snapshot" for path in snapshots if (path / "snapshot").exists()},
    }
    return {
        "meta": (BASE / ".backup_meta").read_text(),
        "raw_meta": (BASE / ".snapshots/@2026-06-10_09:15.meta").read_text(),
        "snapshots_mode": stat.S_IMODE((ROOTFS / ".snapshots").stat().st_mode),
        "infos": {path.name: _info(path / "info.xml") for path in snapshots},
        "trees": {name: _tree(path, planted) for name, path in trees.items()},
        "copy": _hard_to_copy(ROOTFS),
    }


def _info(path: Path) -> dict[str, str | None]:
    root = ET.fromstring(path.read_text())  # noqa: S314 - snapper's own file
    userdata = {each.findtext("key"): each.findtext("value") for each in root.iter("userdata")}
    facts = {name: root.findtext(name) for name in ("type", "num", "date", "description")}
    return {**facts, "tree": userdata.get("tree")}


def _tree(tree: Path, planted: list[dict[str, str]]) -> dict[str, Any]:
    missing = [entry["path"] for entry in planted if not _holds(tree, entry)]
    return {
        "inode": tree.stat().st_ino,
        "read_only": b"ro=true" in _tool("btrfs", "property", "get", "-ts", os.fspath(tree), "ro"),
        "entries": sorted(os.listdir(tree)),  # noqa: PTH208 - names
        "kernels": sorted(path.name for path in tree.glob("boot/vmlinuz-*")),
        "modules": sorted(path.name for path in tree.glob("usr/lib/modules/*")),
        "live_boot": (tree / "usr/share/initramfs-tools/scripts/live").exists(),
        "packages": _digest(tree / "var/lib/dpkg/status"),
        "motd": (tree / "etc/motd").read_text() if (tree / "etc/motd").exists() else "",
        "not_planted": missing,
    }


def _holds(tree: Path, entry: dict[str, str]) -> bool:
    path = tree / entry["path"]
    return path.is_file() and entry["marker"].encode() in path.read_bytes()


def _hard_to_copy(tree: Path) -> dict[str, Any]:
    demo = tree / "usr/local/share/demo"
    return {
        "names": [os.fsencode(name).hex() for name in sorted(os.listdir(demo / "odd names"))],  # noqa: PTH208
        "links": len({path.stat().st_ino for path in _linked(tree)}),
        "sparse_bytes": (demo / "sparse.img").stat().st_blocks * 512,
        "capability": os.getxattr(tree / "usr/local/bin/demo-ping", "security.capability").hex(),
        "acl": "system.posix_acl_access" in os.listxattr(demo / "shared/plan.txt"),
        "outside": os.readlink(tree / "etc/demo-outside"),  # noqa: PTH115
        "logs": {
            path.name: [stat.S_IMODE(path.stat().st_mode), path.stat().st_gid]
            for path in sorted((tree / "var/log").iterdir())
        },
    }


def _linked(tree: Path) -> list[Path]:
    demo = tree / "usr/local/share/demo"
    return [demo / "one", demo / "two", tree / "usr/local/bin/three"]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _tool(*argv: str) -> bytes:
    return subprocess.run(argv, check=True, capture_output=True).stdout


if __name__ == "__main__":
    main()
