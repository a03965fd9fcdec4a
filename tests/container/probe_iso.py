"""Runs inside a container: unpacks /medium.iso and tells what is in it, as JSON.

Whatever is packed is unpacked and searched: the file system, and every initramfs.
"""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

ISO = Path("/medium.iso")
SCRATCH = Path("/scratch")
ROOT = SCRATCH / "root"
ZSTD = b"\x28\xb5\x2f\xfd"  # RFC 8878, 3.1.1


def main() -> None:
    """Unpack, look, print."""
    markers = json.loads(sys.argv[1])
    SCRATCH.mkdir()
    run("xorriso", "-no_rc", "-indev", ISO, "-osirrox", "on", "-extract", "/", SCRATCH / "iso")
    run("unsquashfs", "-q", "-n", "-d", ROOT, SCRATCH / "iso/live/filesystem.squashfs")
    initramfs = sorted((SCRATCH / "iso/live").glob("initrd*"))
    for image in initramfs:
        (SCRATCH / f"{image.name}.cpio").write_bytes(decompressed(image.read_bytes()))
    json.dump(
        {
            "initramfs": [path.stat().st_size for path in SCRATCH.glob("*.cpio")],
            "files": sum(len(files) for _path, _folders, files in os.walk(SCRATCH)),
            "found": [marker for marker in markers if holds(marker)],
            "named": named([*markers, "alice", "dave"]),
            "tree": facts(ROOT),
        },
        sys.stdout,
    )


def decompressed(image: bytes) -> bytes:
    """Return an initramfs's compressed part, which archives as they are may stand around."""
    start = image.index(ZSTD)
    # It ends with an error at the archive behind the frame, but not before.
    done = subprocess.run(
        ["chroot", ROOT, "zstd", "-dc"], check=False, input=image[start:], capture_output=True
    )
    return done.stdout


def holds(marker: str) -> bool:
    """Whether any file, unpacked or the ISO itself, holds the marker."""
    return run_for_code("grep", "-raqF", "-e", marker, SCRATCH, ISO) == 0


def named(words: list[str]) -> list[str]:
    """Return the unpacked paths, and the targets of links, that have one of the words in them."""
    found = []
    for folder, folders, files in os.walk(SCRATCH):
        for path in (Path(folder, name) for name in (*folders, *files)):
            text = f"{path} {path.readlink()}" if path.is_symlink() else str(path)
            found += [text] if any(word in text for word in words) else []
    return sorted(found)


def facts(root: Path) -> dict[str, Any]:
    """What a careful copy keeps."""
    demo = root / "usr/local/share/demo"
    linked = [demo / "one", demo / "two", root / "usr/local/bin/three"]
    return {
        "logs": {
            path.name: [oct(stat.S_IMODE(path.stat().st_mode)), path.stat().st_gid]
            for path in sorted((root / "var/log").iterdir())
            if path.is_dir()
        },
        "log_files": [str(path) for path in (root / "var/log").rglob("*") if path.is_file()],
        "tmp": oct(stat.S_IMODE((root / "tmp").stat().st_mode)),
        "capability": os.getxattr(root / "usr/local/bin/demo-ping", "security.capability").hex(),
        "acl": "system.posix_acl_access" in os.listxattr(demo / "shared/plan.txt"),
        "inodes": len({path.stat().st_ino for path in linked}),
        "sparse": [(demo / "sparse.img").stat().st_size, (demo / "sparse.img").stat().st_blocks],
        "names": sorted(os.fsencode(path.name).hex() for path in (demo / "odd names").iterdir()),
        "outside": os.fspath((root / "etc/demo-outside").readlink()),
        "groups": {
            name: int(number)
            for name, _, number, _ in (
                line.split(":") for line in (root / "etc/group").read_text().splitlines()
            )
        },
    }


def run(*words: object) -> None:
    """Run a tool; what it prints is shown when it fails."""
    done = subprocess.run([str(word) for word in words], check=False, capture_output=True)
    if done.returncode:
        sys.exit(f"{words}: {done.returncode}\n{done.stdout!r}\n{done.stderr!r}")


def run_for_code(*words: object) -> int:
    """Run a tool for its exit code."""
    return subprocess.run([str(word) for word in words], check=False).returncode


if __name__ == "__main__":
    main()
