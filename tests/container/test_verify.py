"""A real ISO is read by the real tools: whole it is verified, spoilt it is not."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builder.formats.identities import ImageIdentity
from builder.host.build.session import Outcome
from builder.host.cli import main
from tests.support.built import sha256
from tests.support.keys import ssh_key
from tests.support.results import flip_bit, write_sums

pytestmark = pytest.mark.container


@pytest.fixture
def results(demo_build: Outcome, tmp_path: Path) -> Path:
    """The demo build's folder with files of its own, but for what costs room and time."""
    folder = tmp_path / "iso"
    folder.mkdir()
    for each in demo_build.folder.iterdir():
        link = os.link if each.suffix == ".iso" else shutil.copy
        link(each, folder / each.name)
    return folder


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    capsys.readouterr()
    code = main.run(["verify", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out


def own_iso(folder: Path) -> Path:
    """Put a copy in place of the linked ISO, so that it may be spoilt."""
    (iso,) = folder.glob("*.iso")
    copy = folder / "copy"
    shutil.copy(iso, copy)
    return copy.replace(iso)


def forge(folder: Path, change: Callable[[dict[str, Any]], object] = lambda _data: None) -> None:
    """Let all descriptions fit what lies there, as whoever spoilt it could; `change` a manifest."""
    (manifest,), (provenance,) = folder.glob("*.manifest.json"), folder.glob("*.provenance.json")
    data = json.loads(manifest.read_text())
    for row in data["artefacts"]:
        path = folder / row["path"]
        row |= {"size": path.stat().st_size, "sha256": sha256(path)}
    change(data)
    manifest.write_text(json.dumps(data))
    statement = json.loads(provenance.read_text())
    for subject in statement["subject"]:
        subject["digest"]["sha256"] = sha256(folder / subject["name"])
    provenance.write_text(json.dumps(statement))
    names = {subject["name"] for subject in statement["subject"]} | {provenance.name}
    write_sums(folder, {name: sha256(folder / name) for name in names})


def test_a_real_build_is_verified_signature_and_all(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ssh_key(tmp_path / "key")
    assert main.run(["sign", str(results), "--key", str(key)]) == 0
    code, text = told(capsys, results, "--signed-by", f"{key}.pub")
    assert code == 0
    assert ": sums, manifest, content, sbom, provenance, private, signature\n" in text
    assert "Not checked" not in text


def test_a_build_signs_what_it_delivers(
    builder_image: ImageIdentity,
    demo_cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key, output = ssh_key(tmp_path / "key"), tmp_path / "iso"
    words = ["build", "--cache-image", demo_cache, "--output", output, "--compression", "fast"]
    assert main.run([*map(str, words), "--sign", str(key), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["data"]
    assert result["signature"] == str(output / "SHA256SUMS.sig")
    code, text = told(capsys, output, "--signed-by", f"{key}.pub")
    assert code == 0
    assert ": sums, manifest, content, sbom, provenance, private, signature\n" in text


def spoilt_squashfs(iso: Path) -> None:
    flip_bit(iso, iso.stat().st_size // 2)


def spoilt_partition(iso: Path) -> None:
    """Spoil the label of the FAT, which lies behind the ISO filesystem."""
    with iso.open("rb") as file:
        file.seek(-(64 << 20), os.SEEK_END)
        tail = file.read()
    flip_bit(iso, iso.stat().st_size - len(tail) + tail.rindex(b"FAT"))


def no_iso(iso: Path) -> None:
    iso.write_bytes(b"no ISO at all" * 10_000)


def cut_off(iso: Path) -> None:
    os.truncate(iso, iso.stat().st_size // 3)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoilt_squashfs, "live/filesystem.squashfs differs"),
        (spoilt_partition, "EFI system partition differs"),
        (no_iso, "✘ content: The ISO"),
        (cut_off, "✘ content: The ISO"),
    ],
)
def test_a_spoilt_iso_is_known_by_what_is_inside_although_the_sums_were_forged(
    results: Path, spoil: Callable[[Path], None], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    iso = own_iso(results)
    spoil(iso)
    code, text = told(capsys, iso)
    assert (code, "✘ sums" in text) == (6, True)
    forge(results)
    code, text = told(capsys, iso)
    assert code == 6
    assert "✔ sums" in text
    assert "✔ manifest" in text
    assert reason in text
    assert "NOT verified" in text


@pytest.mark.parametrize("ending", ["cdx.json", "spdx.json", "provenance.json"])
def test_one_bit_in_what_describes_the_iso_is_noticed(
    results: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = results.glob(f"*.{ending}")
    flip_bit(path, path.stat().st_size // 2)
    code, text = told(capsys, results)
    assert code == 6
    check = "provenance" if ending == "provenance.json" else "sbom"
    assert f"✘ {check}: {path.name} is not the file that SHA256SUMS lists" in text


def without_libc(data: dict[str, Any]) -> None:
    """Take a package out of a manifest, a CycloneDX or an SPDX document."""
    for place in ("packages", "components"):
        if place in data:
            data[place] = [each for each in data[place] if each["name"] != "libc6"]


def test_a_package_that_every_description_hides_is_found_in_the_iso(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (*results.glob("*.cdx.json"), *results.glob("*.spdx.json")):
        data = json.loads(path.read_text())
        without_libc(data)
        path.write_text(json.dumps(data))
    forge(results)
    code, text = told(capsys, results)
    assert code == 6
    assert "✘ sbom: Debian-13-console.cdx.json does not list the packages" in text
    forge(results, without_libc)
    code, text = told(capsys, results)
    assert code == 6
    assert "✔ content" in text
    assert "✔ provenance" in text
    assert "✘ sbom: The package database in the ISO does not list the packages" in text
    assert "pkg:deb/debian/libc6@" in text
