"""Runs inside a container: makes results in /results that have a word in every place.

Prints the places as JSON: the word, and how the search is to call where it is.
"""

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

RESULTS = Path("/results")
WORK = Path("/work-of-planting")
PLANTED: dict[str, str] = {}


def main() -> None:
    """Plant, pack, print."""
    tree, medium = WORK / "tree", WORK / "medium"
    for folder in (tree, medium / "live"):
        folder.mkdir(parents=True)
    plant_in_tree(tree)
    squashfs = medium / "live/filesystem.squashfs"
    run("mksquashfs", tree, squashfs, "-comp", "zstd", "-no-progress", "-quiet")
    (medium / "live/initrd.img").write_bytes(initramfs())
    (medium / "plain.txt").write_text(word("on-the-medium", "a.iso:/plain.txt"))
    (medium / word("named-on-the-medium", "(its name)")).touch()
    run("xorriso", "-no_rc", "-as", "mkisofs", "-quiet", "-J", "-R", "-V",
        word("VOLUME", "a.iso").upper(), "-o", RESULTS / "a.iso", medium)  # fmt: skip
    escaped = "".join(f"\\u{ord(each):04x}" for each in word("json-escapes", "a.json!text"))
    inside = base64.b64encode(b"x" + word("base64", "a.json").encode() + b"y").decode()
    (RESULTS / "a.json").write_text(f'{{"{escaped}": ["{inside}"]}}')
    (RESULTS / "a.log").write_text("dcbword-log")
    json.dump(PLANTED, sys.stdout)


def word(name: str, place: str) -> str:
    """Return a word that is nowhere else."""
    PLANTED[f"dcbword-{name}"] = place
    return f"dcbword-{name}"


def plant_in_tree(tree: Path) -> None:
    """Write files in which a word is as it is, in another encoding, or packed once more."""
    place = "a.iso:filesystem.squashfs:/"
    (tree / "plain").write_text("x" * 5000 + word("plain", f"{place}plain") + "x" * 5000)
    (tree / "upper").write_text(word("upper", f"{place}upper").upper())
    (tree / "wide").write_bytes(word("wide", f"{place}wide").encode("utf-16-le"))
    (tree / "big").write_bytes(word("big", f"{place}big").encode("utf-16-be"))
    (tree / "hex").write_text(word("hex", f"{place}hex").encode().hex())
    (tree / "percent").write_text(word("per cent/ä", f"{place}percent").replace(" ", "%20")
                                  .replace("ä", "%C3%A4"))  # fmt: skip
    for name, pack in (("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)):
        (tree / name).write_bytes(pack(word(name, f"{place}{name}!0").encode()))
    with tarfile.open(tree / "tar", "w:gz") as archive:
        member = tarfile.TarInfo(word("named-in-tar", "(its name)"))
        content = gzip.compress(word("in-tar", f"{place}tar!0!dcbword-named-in-tar!0").encode())
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    with zipfile.ZipFile(tree / "zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("member", word("in-zip", f"{place}zip!member"))
    (tree / word("named", "(its name)")).touch()
    (tree / word("folder", "(its name)")).mkdir()
    (tree / "link").symlink_to(word("target", "link -> dcbword-target (its name)"))


def initramfs() -> bytes:
    """Return archives in a row, as mkinitramfs makes them: one as it is, and compressed ones."""
    place = "a.iso:initrd.img!"
    early = archive("kernel/microcode", word("early", f"{place}kernel/microcode").encode())
    inner = gzip.compress(word("deep", f"{place}1!etc/inner.gz!0").encode())
    first = archive("etc/inner.gz", inner, word("named-in-initramfs", "(its name)"))
    second = archive("etc/second", word("second", f"{place}2!etc/second").encode())
    return early + bytes(512) + gzip.compress(first) + bytes(3) + lzma.compress(second)


def archive(name: str, content: bytes, *more: str) -> bytes:
    """Return a cpio archive with a file, and empty ones (cpio(5), "newc")."""
    members = ((name, content), *((each, b"") for each in more), ("TRAILER!!!", b""))
    return b"".join(member(each, data) for each, data in members)


def member(name: str, content: bytes) -> bytes:
    """Return one member of such an archive."""
    raw = os.fsencode(name) + b"\0"
    numbers = (1, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw), 0)
    header = b"070701" + b"".join(b"%08x" % number for number in numbers) + raw
    return header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4)


def run(*words: object) -> None:
    """Run a tool."""
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
