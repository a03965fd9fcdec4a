"""Runs inside the builder image: makes trees in /results, of the system in an ISO.

python3 -m tests.starts.inside.trees large|unsigned ISO TREE

`large` has a file that nothing compresses, so that its image is over 4 GiB. In `unsigned`, kernels
have no signature.
"""

import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from builder.inside.medium import identity as medium

RESULTS: Final = Path("/results")
_SIZE: Final = (4 << 30) + (16 << 20)
_PIECE: Final = 16 << 20


def main(kind: str, iso: str, target: str) -> None:
    """Make a tree."""
    tree = RESULTS / target
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "system.squashfs"
        _run("xorriso", "-no_rc", "-osirrox", "on", "-indev", RESULTS / iso,
             "-extract", f"/{medium.SQUASHFS}", image)  # fmt: skip
        _run("unsquashfs", "-no-progress", "-dest", tree, image)
    if kind == "large":
        _write_noise(tree / "usr/share/large")
        return
    kernels = list((tree / "boot").glob("vmlinuz-*"))
    if not kernels:
        sys.exit("The system has no kernel")
    for kernel in kernels:
        _run("sbattach", "--remove", kernel)


def _write_noise(place: Path) -> None:
    place.mkdir()
    source = random.Random(0)  # noqa: S311
    with (place / "noise").open("wb") as stream:
        for _piece in range(_SIZE // _PIECE):
            stream.write(source.randbytes(_PIECE))


def _run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
