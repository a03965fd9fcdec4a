"""An output folder as a build leaves it, with a tiny file for the ISO, and ways to spoil it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STEM = "Debian-13-xfce"
ISO, MANIFEST, SUMS = f"{STEM}.iso", f"{STEM}.manifest.json", "SHA256SUMS"
CONTENT = bytes(range(256)) * 64
PARTS = {
    "EFI system partition": CONTENT[:1024],
    "live/filesystem.squashfs": CONTENT[1024:4096],
    "live/vmlinuz-6.12": CONTENT[4096:5000],
}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def row(path: str, content: bytes) -> dict[str, Any]:
    return {"path": path, "size": len(content), "sha256": digest(content)}


def manifest_data(**changed: object) -> dict[str, Any]:
    """Return what the manifest of the tiny ISO says."""
    data = {
        "format": 1,
        "builder": "0.1.0",
        "artefacts": [row(ISO, CONTENT)],
        "contents": [row(path, content) for path, content in PARTS.items()],
        "medium_id": "0" * 32,
        "volume_id": "DEBIAN_13_XFCE",
        "snapshot": {
            "selector": "3",
            "kind": "snapper",
            "number": 3,
            "taken": "2026-06-17T14:29:21Z",
            "description": "weekly",
        },
        "system": {"distro_id": "debian"},
        "recipe": {"name": None},
        "image": {"id": "sha256:" + "0" * 64, "locked": True},
        "tools": {"xorriso": "1.5.6"},
        "source_date_epoch": 1_781_706_560,
        "packages": [],
        "source": {"digest": "sha256:" + "1" * 64, "format": 1, "files": 2, "bytes": 3},
    }
    return data | changed


def write_sums(folder: Path, digests: Mapping[str, str]) -> None:
    lines = [f"{value}  {name}\n" for name, value in sorted(digests.items())]
    (folder / SUMS).write_text("".join(lines))


def write_manifest(folder: Path, content: bytes) -> None:
    """Write a manifest, and the sums that fit it: whoever edits one can edit the other."""
    (folder / MANIFEST).write_bytes(content)
    write_sums(folder, {ISO: digest(CONTENT), MANIFEST: digest(content)})


def write_results(folder: Path, **changed: object) -> Path:
    """Write all results; `changed` goes into the manifest."""
    folder.mkdir(exist_ok=True)
    (folder / ISO).write_bytes(CONTENT)
    write_manifest(folder, json.dumps(manifest_data(**changed)).encode())
    return folder


def flip_bit(path: Path, position: int, bit: int = 0) -> None:
    """Turn one bit of a file round."""
    with path.open("r+b") as file:
        file.seek(position)
        (value,) = file.read(1)
        file.seek(position)
        file.write(bytes([value ^ 1 << bit]))
