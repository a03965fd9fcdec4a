"""What a build of the demo cache leaves, and what must not be in it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

_PLANTED = Path(__file__).parents[2] / "fixtures/demo-cache/planted.json"
SBOMS = ("cdx.json", "spdx.json")
LISTED = ("iso", "manifest.json", *SBOMS, "provenance.json")
UNLISTED = ("log", "private.json")  # for nobody else
MARKERS = sorted({entry["marker"] for entry in json.loads(_PLANTED.read_text())["planted"]})


def sha256(path: Path) -> str:
    """Return the digest of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sums(folder: Path) -> Mapping[str, str]:
    """Return the digests in SHA256SUMS, by name."""
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}
