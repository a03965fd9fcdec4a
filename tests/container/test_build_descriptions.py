"""What describes the ISO of a whole build: sums, manifest, SBOMs and provenance."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import docker
import pytest

from builder.border import paths
from builder.formats.identities import ImageIdentity
from tests.container.conftest import Built
from tests.support.built import LISTED, MARKERS, SBOMS, sha256, sums
from tests.support.containers import known_as
from tests.support.sboms import cyclonedx_problems, spdx_problems

pytestmark = pytest.mark.container

LOCK = Path(__file__).parents[2] / "containers/packages.lock"


def test_the_sums_are_right(built: Built) -> None:
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=built.folder, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stdout
    assert set(sums(built.folder)) == {f"{built.iso.stem}.{each}" for each in LISTED}


def test_the_manifest_and_the_result_agree_with_the_files(built: Built) -> None:
    manifest = json.loads((built.folder / f"{built.iso.stem}.manifest.json").read_text())
    digest = sha256(built.iso)
    rows = {row["path"]: (row["size"], row["sha256"]) for row in manifest["artefacts"]}
    described = [built.iso, *(built.folder / f"{built.iso.stem}.{each}" for each in SBOMS)]
    assert rows == {path.name: (path.stat().st_size, sha256(path)) for path in described}
    assert (manifest["snapshot"]["selector"], manifest["snapshot"]["number"]) == ("3", 3)
    assert manifest["source_date_epoch"] == 1781706560  # 2026-06-17 14:29:21, on FAT's clock
    assert manifest["source"]["digest"].startswith("sha256:")
    assert manifest["source"]["files"] > 5000
    assert manifest["source"]["bytes"] > 100_000_000
    told = {each["name"]: each["sha256"] for each in built.ended.data["artefacts"]}
    assert told[built.iso.name] == digest


def test_the_manifest_names_the_signed_loaders_that_are_on_the_medium(built: Built) -> None:
    manifest = json.loads((built.folder / f"{built.iso.stem}.manifest.json").read_text())
    chain = manifest["boot_chain"]
    assert (chain["vendor"], chain["origin"]) == ("Debian Secure Boot CA", "image")
    assert [each["path"] for each in chain["loaders"]] == [
        "EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi", "EFI/BOOT/mmx64.efi",
        "EFI/BOOT/BOOTIA32.EFI",
    ]  # fmt: skip
    assert [bool(each["signers"]) for each in chain["loaders"]] == [True, True, True, False]
    contents = {each["path"]: each["sha256"] for each in manifest["contents"]}
    for each in chain["loaders"]:
        assert contents[each["path"]] == each["sha256"]
    assert "boot/grub/x86_64-efi/grub.cfg" not in contents  # signed GRUB would take it for the menu
    assert ".disk/info" in contents
    kernels = [(each["version"], each["verified"]) for each in chain["kernels"]]
    assert kernels == [(version, True) for version in manifest["system"]["kernels"]]


def test_the_sboms_are_valid_by_the_official_tools_and_list_every_package(built: Built) -> None:
    cyclonedx, spdx = (
        (built.folder / f"{built.iso.stem}.{each}").read_text("utf-8") for each in SBOMS
    )
    assert cyclonedx_problems(cyclonedx) == []
    assert spdx_problems(spdx) == []
    manifest = json.loads((built.folder / f"{built.iso.stem}.manifest.json").read_text())
    installed = {(each["name"], each["version"]) for each in manifest["packages"]}
    assert len(installed) > 100
    stack = {(each["name"], each["version"]) for each in manifest["live_stack"]}
    assert "live-boot" in {name for name, _version in stack - installed}
    packages = installed | stack
    assert {(each["name"], each["version"]) for each in json.loads(cyclonedx)["components"]} == (
        packages
    )
    (subject, *others) = json.loads(spdx)["packages"]
    assert subject["name"] == built.iso.stem
    assert {(each["name"], each["versionInfo"]) for each in others} == packages


def test_the_provenance_names_results_tree_image_and_lock(
    client: docker.DockerClient, built: Built, builder_image: ImageIdentity
) -> None:
    text = (built.folder / f"{built.iso.stem}.provenance.json").read_text()
    manifest = json.loads((built.folder / f"{built.iso.stem}.manifest.json").read_text())
    statement = json.loads(text)
    named = {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}
    rest = set(sums(built.folder)) - {f"{built.iso.stem}.provenance.json"}
    assert named == {name: sums(built.folder)[name] for name in rest}
    definition = statement["predicate"]["buildDefinition"]
    digests = {each["name"]: each["digest"] for each in definition["resolvedDependencies"]}
    assert f"sha256:{digests['builder image']['sha256']}" == builder_image.id
    assert f"sha256:{digests['source tree']['distrocloneTree1']}" == manifest["source"]["digest"]
    lock = lock_in(client, builder_image)
    assert digests["lock file"] == {"sha256": hashlib.sha256(lock).hexdigest()}
    # Where Debian's archive has moved on, the image holds other packages, and a list of them.
    assert (lock == LOCK.read_bytes()) is builder_image.locked
    assert [marker for marker in MARKERS if marker in text] == []


def lock_in(client: docker.DockerClient, image: ImageIdentity) -> bytes:
    container = client.containers.create(known_as(client, image))
    try:
        stream, _facts = container.get_archive(os.fspath(paths.LOCK))
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            member = archive.extractfile(paths.LOCK.name)
            assert member is not None
            return member.read()
    finally:
        container.remove(force=True, v=True)
