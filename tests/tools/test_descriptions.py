"""SBOMs and provenance of real trees, and the package database read out of a real ISO."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from packageurl import PackageURL

from builder.border import paths
from builder.formats.package import Distribution, Package
from builder.inside.iso.iso_packages import UnreadableError, read_iso_packages
from builder.inside.iso.iso_report import Extent, files_argv, parse_files
from builder.inside.sbom.components import Inventory, LiveSystem, read_components
from builder.inside.sbom.cyclonedx_document import cyclonedx_text
from builder.inside.sbom.spdx_document import spdx_text
from builder.inside.tree.tree import Tree
from tests.support.media import EPOCH, Work, real_system

pytestmark = pytest.mark.tools

_ROW = r"${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n"
SYSTEM = LiveSystem(name="x", version="13", description="", medium_id="0", tree_digest="")
TINY = (
    Package(name="adduser", architecture="all", version="3.152"),
    Package(name="base-files", architecture="amd64", version="13.8"),
)


@pytest.fixture(scope="module")
def image() -> Inventory:
    """What the builder image itself holds: a real Debian."""
    distribution = Distribution(id="debian", version="13")
    components = read_components(Tree(Path("/")), Path("/nowhere"), distribution)
    return Inventory(system=SYSTEM, source_date_epoch=EPOCH, components=components)


def test_the_packages_of_a_real_debian_are_those_that_dpkg_lists(image: Inventory) -> None:
    listing = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={_ROW}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = set()
    for each in image.components:
        package = each.package
        source = each.source or f"{package.name} {package.version}"
        found.add(f"{package.name} {package.version} {package.architecture} {source}")
    assert found == set(listing.splitlines())


def test_the_package_urls_are_those_of_the_library_in_the_image(image: Inventory) -> None:
    for each in image.components:
        assert PackageURL.from_string(each.url).to_string() == each.url
    written = json.loads(cyclonedx_text(image))["components"]
    assert {each["purl"] for each in written} == {each.url for each in image.components}


def test_the_licences_of_a_real_debian_are_known_where_they_are_machine_readable(
    image: Inventory,
) -> None:
    known = {each.package.name: each.license for each in image.components}
    assert known["squashfs-tools"] == "GPL-2.0-or-later"
    assert "LGPL-2.1-or-later" in known["btrfs-progs"] or known["btrfs-progs"] == ""
    assert sum(bool(text) for text in known.values()) > len(known) / 2
    assert json.loads(spdx_text(image))["hasExtractedLicensingInfos"]


def test_the_provenance_speaks_of_all_results_and_of_what_they_came_from(built: Work) -> None:
    folder = built.iso.parent
    data = json.loads((folder / "Tiny-13-console.provenance.json").read_text())
    assert data["_type"] == "https://in-toto.io/Statement/v1"
    assert data["predicateType"] == "https://slsa.dev/provenance/v1"
    subjects = {each["name"]: each["digest"]["sha256"] for each in data["subject"]}
    others = {"SHA256SUMS", "Tiny-13-console.provenance.json", "Tiny-13-console.private.json"}
    files = [path for path in folder.iterdir() if path.name not in others]
    assert subjects == {path.name: sha256(path) for path in files}
    definition = data["predicate"]["buildDefinition"]
    digests = {each["name"]: each["digest"] for each in definition["resolvedDependencies"]}
    assert digests["lock file"] == {"sha256": sha256(paths.LOCK)}
    assert digests["builder image"] == {"sha256": "0" * 64}
    assert definition["internalParameters"] == {"source_date_epoch": EPOCH}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def extents(iso: Path) -> tuple[Extent, ...]:
    return parse_files(real_system().run(files_argv(iso)))


def test_the_packages_are_read_out_of_the_iso(built: Work) -> None:
    found = read_iso_packages(built.iso, extents(built.iso), system=real_system())
    assert found == TINY


def packed(tmp_path: Path, make_status: str) -> Path:
    """Return a squashfs in which a shell command made the status file."""
    root = tmp_path / "root"
    (root / "var/lib/dpkg").mkdir(parents=True)
    subprocess.run(["sh", "-c", make_status], cwd=root / "var/lib/dpkg", check=True)
    image = tmp_path / "x"
    argv = ["mksquashfs", os.fspath(root), os.fspath(image), "-quiet"]
    subprocess.run(argv, check=True, capture_output=True)
    return image


@pytest.mark.parametrize(
    ("make_status", "reason"),
    [
        ("true", "no matches for"),
        ("mkdir status", "is a directory"),
        ("mkfifo status", "is not a regular file"),
        ("ln -s /etc/passwd status", "failed to resolve symbolic link"),
        ("ln -s ../../../../../../etc/hostname status", "failed to resolve symbolic link"),
        ("mknod status c 1 5 || mkfifo status", "is not a regular file"),
        ("truncate -s 2G status", "is larger than"),
    ],
)
def test_a_status_that_is_no_file_or_too_large_is_not_read(
    tmp_path: Path, make_status: str, reason: str
) -> None:
    image = packed(tmp_path, make_status)
    whole = Extent(path="live/filesystem.squashfs", start=0, size=image.stat().st_size)
    with pytest.raises(UnreadableError, match=reason):
        read_iso_packages(image, [whole], system=real_system())


@pytest.mark.parametrize("kept", [0, 50, 96, 4096])
def test_a_squashfs_that_is_cut_off_or_none_is_not_read(tmp_path: Path, kept: int) -> None:
    image = packed(tmp_path, "seq 100000 >status")
    content = image.read_bytes()
    image.write_bytes(content[:kept] + b"\xff" * (len(content) - kept))
    whole = Extent(path="live/filesystem.squashfs", start=0, size=len(content))
    with pytest.raises(UnreadableError, match=r"valid SQUASHFS superblock|File system corruption"):
        read_iso_packages(image, [whole], system=real_system())
