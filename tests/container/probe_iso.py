"""Runs inside a container: unpacks the results in /results, searches them, and tells in JSON.

Whatever is packed is unpacked: the ISO, its file system, its EFI partition, every initramfs with
all its archives, compressed files in any of them, and the strings of JSON. Contents, paths and the
targets of links are searched for `words`, paths and targets for `names` too. What is read only as
it is: the second stage of the BIOS loader, which grub-mkimage compresses in a format of its own.
"""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.spellings import Words
from tests.support.unpacked import unpacked

RESULTS = Path("/results")
SCRATCH = Path("/scratch")
DEMO = "usr/local/share/demo"
FAT = b"\x55\xaa"  # at the end of the first sector


class Search:
    """Everything that was found, and where."""

    def __init__(self, words: list[str], names: list[str]) -> None:
        self._words, self._names = Words(words), Words(names)
        self.places: dict[str, list[str]] = {}
        self.named: set[str] = set()
        self.damaged: list[str] = []
        self.files = 0

    def look_at(self, place: str, data: bytes) -> int:
        """Search a file with all that is in it; return how many parts that were."""
        count = 0
        for name, content in unpacked(place, data, damaged=self.damaged.append):
            count += 1
            self.look_at_name(name)
            self._note(self._words.found_in(content), name)
        return count

    def look_at_name(self, name: str) -> None:
        """Search a path, or the target of a link."""
        encoded = os.fsencode(name)
        self._note(self._words.found_in(encoded), f"{name} (its name)")
        if any(True for _ in self._names.found_in(encoded)):
            self.named.add(name)

    def look_below(self, top: Path, place: str) -> None:
        """Search a folder."""
        for path in below(top):
            name = f"{place}:/{path.relative_to(top)}"
            if path.is_symlink():
                self.look_at_name(f"{name} -> {path.readlink()}")
            elif path.is_file():
                self.files += 1
                self.look_at(name, path.read_bytes())
            else:
                self.look_at_name(name)

    def _note(self, words: Iterator[str], place: str) -> None:
        for word in words:
            self.places.setdefault(word, []).append(place)


def main() -> None:
    """Unpack, look, print."""
    asked = json.loads(sys.argv[1])
    search, initramfs, tree = Search(asked["words"], asked["names"]), [], None
    SCRATCH.mkdir()
    for name in asked["files"]:
        search.look_at(name, (RESULTS / name).read_bytes())
    for iso in (RESULTS / name for name in asked["files"] if name.endswith(".iso")):
        medium = SCRATCH / iso.name
        run("xorriso", "-no_rc", "-indev", iso, "-osirrox", "on", "-extract", "/", medium)
        for path in (path for path in [*below(medium)] if path.is_file()):
            start = path.open("rb").read(512)
            if start.startswith(b"hsqs"):
                packed = SCRATCH / f"{iso.name}:{path.name}"
                run("unsquashfs", "-q", "-n", "-d", packed, path)
                search.look_below(packed, f"{iso.name}:{path.name}")
                if (packed / DEMO).exists():
                    tree = facts(packed)
                path.unlink()
            elif start.endswith(FAT) and b"FAT" in start:
                packed = SCRATCH / f"{iso.name}:{path.name}"
                packed.mkdir()
                run("mcopy", "-s", "-i", path, "::/", packed)
                search.look_below(packed, f"{iso.name}:{path.name}")
            elif path.name.startswith("initrd"):
                size = path.stat().st_size
                parts = search.look_at(f"{iso.name}:{path.name}", path.read_bytes())
                initramfs.append([size, parts])
                path.unlink()
        search.look_below(medium, iso.name)
    json.dump(
        {
            "initramfs": initramfs,
            "files": search.files,
            "found": [word for word in asked["words"] if word in search.places],
            "places": search.places,
            "named": sorted(search.named),
            "damaged": search.damaged,
            "tree": tree,
        },
        sys.stdout,
    )


def below(top: Path) -> Iterator[Path]:
    """Yield all paths below a folder."""
    for folder, folders, files in os.walk(top):
        yield from (Path(folder, name) for name in (*folders, *files))


def facts(root: Path) -> dict[str, Any]:
    """What a careful copy keeps."""
    demo = root / DEMO
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


if __name__ == "__main__":
    main()
