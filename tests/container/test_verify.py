"""A real ISO is read by the real tools: whole it is verified, spoilt it is not."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.host import main
from builder.host.session import Outcome
from builder.plan import ImageIdentity
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


def forge(folder: Path) -> None:
    """Let manifest and sums name the ISO that lies there, as whoever spoilt it could."""
    (iso,), (manifest,) = folder.glob("*.iso"), folder.glob("*.manifest.json")
    data = json.loads(manifest.read_text())
    row = next(row for row in data["artefacts"] if row["path"] == iso.name)
    row |= {"size": iso.stat().st_size, "sha256": digest(iso)}
    manifest.write_text(json.dumps(data))
    write_sums(folder, {each.name: digest(each) for each in (iso, manifest)})


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_a_real_build_is_verified_signature_and_all(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ssh_key(tmp_path / "key")
    assert main.run(["sign", str(results), "--key", str(key)]) == 0
    code, text = told(capsys, results, "--signed-by", f"{key}.pub")
    assert code == 0
    assert ": sums, manifest, content, signature\n" in text
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
    assert (code, ": sums, manifest, content, signature\n" in text) == (0, True)


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
