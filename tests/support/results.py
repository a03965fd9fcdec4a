"""An output folder as a build leaves it, with a tiny file for the ISO, and ways to spoil it."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builder.basics.codec import to_data
from builder.formats.added_packages import PackagesLock
from builder.formats.private_settings import public_data
from builder.formats.recipe import Recipe
from builder.host.config.compression_text import PRESETS

STEM = "Debian-13-xfce"
ISO, MANIFEST, SUMS = f"{STEM}.iso", f"{STEM}.manifest.json", "SHA256SUMS"
CYCLONEDX, SPDX = f"{STEM}.cdx.json", f"{STEM}.spdx.json"
PROVENANCE = f"{STEM}.provenance.json"
PRIVATE = f"{STEM}.private.json"
LOCK = f"{STEM}.packages.lock"
KEY = "5" * 64
CONTENT = bytes(range(256)) * 64
PARTS = {
    "EFI system partition": CONTENT[:1024],
    "live/filesystem.squashfs": CONTENT[1024:4096],
    "live/vmlinuz-6.12": CONTENT[4096:5000],
}
PACKAGES = (
    ("adduser", "all", "3.152", "pkg:deb/debian/adduser@3.152?arch=all&distro=debian-13"),
    (
        "libstdc++6", "amd64", "1:14.2.0-19+b1",
        "pkg:deb/debian/libstdc%2B%2B6@1:14.2.0-19%2Bb1?arch=amd64&distro=debian-13",
    ),
)  # fmt: skip


def start_of_squashfs(iso: bytes | bytearray) -> int:
    """Return where the first squashfs of an ISO starts: GRUB has its magic number, too."""
    return next(at for at in range(0, len(iso), 2048) if iso.startswith(b"hsqs", at))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def row(path: str, content: bytes) -> dict[str, Any]:
    return {"path": path, "size": len(content), "sha256": digest(content)}


def manifest_data(**changed: object) -> dict[str, Any]:
    """Return what the manifest of the tiny ISO says."""
    data = {
        "format": 2,
        "builder": "0.1.0",
        "artefacts": [row(ISO, CONTENT), row(CYCLONEDX, as_json(cyclonedx_data())),
                      row(SPDX, as_json(spdx_data()))],
        "contents": [row(path, content) for path, content in PARTS.items()],
        "medium_id": "0" * 32,
        "volume_id": "DEBIAN_13_XFCE",
        "snapshot": {
            "selector": "3",
            "kind": "snapper",
            "number": 3,
            "taken": "2026-06-17T14:29:21Z",
        },
        "system": {
            "distro_id": "debian",
            "distro_name": "Debian GNU/Linux",
            "pretty_name": "Debian GNU/Linux 13 (trixie)",
            "version": "13",
            "architecture": "amd64",
            "desktop": "xfce",
            "kernels": ["6.12"],
        },
        "recipe": recipe_data(),
        "image": {"id": "sha256:" + "0" * 64, "locked": True},
        "tools": {"xorriso": "1.5.6"},
        "source_date_epoch": 1_781_706_560,
        "packages": [
            {"name": name, "architecture": architecture, "version": version}
            for name, architecture, version, _url in PACKAGES
        ],
        "source": {"digest": "sha256:" + "1" * 64, "format": 1, "files": 2, "bytes": 3},
        "private": private_identity(private_data()["record"]),
    }  # fmt: skip
    return data | changed


def recipe_data(**changed: object) -> dict[str, Any]:
    """Return the recipe of all defaults, as it is written."""
    return public_data(Recipe(compression=PRESETS["standard"])) | changed


def format_one_data(**changed: object) -> dict[str, Any]:
    """Return what a manifest of format 1 would say of the tiny ISO."""
    data = manifest_data()
    del data["private"]
    data["snapshot"] |= {"description": "weekly"}
    return data | {"format": 1, "recipe": recipe_data(exclude=[])} | changed


def private_data(**record: object) -> dict[str, Any]:
    """Return what the private file of the tiny ISO says; `record` goes into its record."""
    return {
        "format": 1,
        "key": KEY,
        "description": "weekly",
        "left_out": [{"path": "/srv/acme", "rule": "data"}],
        "record": {"settings": {}, "changes": [], "findings": [], **record},
    }


def private_identity(record: Mapping[str, Any], *, key: str = KEY) -> dict[str, Any]:
    """Return what a manifest says of a private file with this record."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    found = hmac.new(bytes.fromhex(key), text.encode(), "sha256").hexdigest()
    return {
        "digest": f"hmac-sha256:{found}",
        "settings": {name: len(values) for name, values in record["settings"].items()},
    }


def cyclonedx_data(**changed: object) -> dict[str, Any]:
    """Return what the CycloneDX document of the tiny ISO says, as far as it is compared."""
    data = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [
            {"type": "library", "name": name, "version": version, "purl": url}
            for name, _architecture, version, url in PACKAGES
        ],
    }
    return data | changed


def spdx_data(**changed: object) -> dict[str, Any]:
    """Return what its SPDX document says, as far as it is compared."""
    data = {
        "spdxVersion": "SPDX-2.3",
        "packages": [
            {"SPDXID": "SPDXRef-LiveSystem", "name": STEM},
            *(
                {
                    "SPDXID": f"SPDXRef-{number}",
                    "name": name,
                    "versionInfo": version,
                    "externalRefs": [{"referenceType": "purl", "referenceLocator": url}],
                }
                for number, (name, _architecture, version, url) in enumerate(PACKAGES)
            ),
        ],
    }
    return data | changed


def provenance_data(subjects: Mapping[str, str], **changed: object) -> dict[str, Any]:
    """Return what its provenance says; `changed` goes into the build definition."""
    definition = {
        "buildType": "urn:distroclone-builder:live-iso:1",
        "externalParameters": {"recipe": recipe_data(), "selector": "3"},
        "internalParameters": {"source_date_epoch": 1_781_706_560},
        "resolvedDependencies": [
            {"name": "source tree", "digest": {"distrocloneTree1": "1" * 64}},
            {"name": "builder image", "digest": {"sha256": "0" * 64}},
            {"name": "lock file", "digest": {"sha256": "2" * 64}},
        ],
    }
    builder = {"version": {"distroclone-builder": "0.1.0"}}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [
            {"name": name, "digest": {"sha256": value}} for name, value in subjects.items()
        ],
        "predicate": {
            "buildDefinition": definition | changed,
            "runDetails": {"builder": builder},
        },
    }


def as_json(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data).encode()


def write_sums(folder: Path, digests: Mapping[str, str]) -> None:
    lines = [f"{value}  {name}\n" for name, value in sorted(digests.items())]
    (folder / SUMS).write_text("".join(lines))


def write_manifest(folder: Path, content: bytes) -> None:
    """Write a manifest, and what fits it: whoever edits one can edit the others."""
    (folder / MANIFEST).write_bytes(content)
    fit(folder)


def fit(folder: Path, **changed: object) -> None:
    """Let provenance and sums fit the files that lie there; `changed` goes into the provenance."""
    names = _there(folder, CYCLONEDX, ISO, LOCK, MANIFEST, SPDX)
    found = {name: digest((folder / name).read_bytes()) for name in names}
    write_provenance(folder, as_json(provenance_data(found, **changed)))


def write_provenance(folder: Path, content: bytes) -> None:
    """Write a provenance, and the sums that fit it."""
    (folder / PROVENANCE).write_bytes(content)
    names = _there(folder, CYCLONEDX, ISO, LOCK, MANIFEST, PROVENANCE, SPDX)
    write_sums(folder, {name: digest((folder / name).read_bytes()) for name in names})


def _there(folder: Path, *names: str) -> list[str]:
    return [name for name in names if name != LOCK or (folder / name).exists()]


def write_with_lock(folder: Path, lock: PackagesLock, content: bytes | None) -> Path:
    """Write results with a lock in the manifest, and `content` beside it; return the folder."""
    write_results(folder)
    if content is not None:
        (folder / LOCK).write_bytes(content)
    names = _there(folder, ISO, CYCLONEDX, SPDX, LOCK)
    rows = [row(each, (folder / each).read_bytes()) for each in names]
    write_manifest(folder, as_json(manifest_data(artefacts=rows, packages_lock=to_data(lock))))
    return folder


def write_results(folder: Path, **changed: object) -> Path:
    """Write all results; `changed` goes into the manifest."""
    folder.mkdir(exist_ok=True)
    (folder / ISO).write_bytes(CONTENT)
    (folder / CYCLONEDX).write_bytes(as_json(cyclonedx_data()))
    (folder / SPDX).write_bytes(as_json(spdx_data()))
    write_manifest(folder, as_json(manifest_data(**changed)))
    return folder


def write_sbom(folder: Path, name: str, content: bytes) -> None:
    """Write one of the SBOMs, and everything else that fits it."""
    (folder / name).write_bytes(content)
    rows = [row(each, (folder / each).read_bytes()) for each in (ISO, CYCLONEDX, SPDX)]
    write_manifest(folder, as_json(manifest_data(artefacts=rows)))


def write_with_stack(folder: Path, version: str) -> Path:
    """Write results that say of which live-boot every initramfs was made; return the folder."""
    stack = [{"name": "live-boot", "architecture": "all", "version": version}]
    url = f"pkg:deb/debian/live-boot@{version}?arch=all&distro=debian-13"
    component = {"type": "library", "name": "live-boot", "version": version, "purl": url}
    references = [{"referenceType": "purl", "referenceLocator": url}]
    element = {"SPDXID": "SPDXRef-x", "name": "live-boot", "versionInfo": version}
    components = [*cyclonedx_data()["components"], component]
    elements = [*spdx_data()["packages"], element | {"externalRefs": references}]
    write_results(folder)
    (folder / CYCLONEDX).write_bytes(as_json(cyclonedx_data(components=components)))
    (folder / SPDX).write_bytes(as_json(spdx_data(packages=elements)))
    rows = [row(each, (folder / each).read_bytes()) for each in (ISO, CYCLONEDX, SPDX)]
    write_manifest(folder, as_json(manifest_data(artefacts=rows, live_stack=stack)))
    return folder


def flip_bit(path: Path, position: int, bit: int = 0) -> None:
    """Turn one bit of a file round."""
    with path.open("r+b") as file:
        file.seek(position)
        (value,) = file.read(1)
        file.seek(position)
        file.write(bytes([value ^ 1 << bit]))
