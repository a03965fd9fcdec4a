"""What a build publishes names nothing that was removed, and nothing that the user wrote for it."""

import json
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
import pytest

from builder.formats.identities import ImageIdentity
from tests.container.conftest import Built
from tests.container.test_build import probed
from tests.support.built import LISTED
from tests.support.command_line import run
from tests.support.unpacked import strings

pytestmark = pytest.mark.container

PATTERNS = ("/opt/nonesuch-of-klient-meier", "/usr/local/share/demo/odd names/#hash")
DESCRIPTION = "distroclone-backup"  # of the demo's snapshots
# Names of what the demo has, and no live system may have.
PLANTED = (
    "wg0.conf", "home.nmconnection", "00:11:22:33:44:55", "66:77:88:99:AA:BB", "ssh_host_rsa_key",
    "crontabs/alice", "dcb05ec7dcb05ec7dcb05ec7dcb05ec7",
)  # fmt: skip


@pytest.fixture(scope="module")
def own(
    demo_cache: Path, builder_image: ImageIdentity, tmp_path_factory: pytest.TempPathFactory
) -> Built:
    """A build with patterns of its user's own."""
    folder = tmp_path_factory.mktemp("published")
    config = folder.with_name("build.yaml")
    config.write_text(json.dumps({"version": 1, "exclude": PATTERNS}))  # which is YAML too
    ended = run(
        "build", "--config", config, "--cache-image", demo_cache, "--output", folder,
        "--compression", "fast",
    )  # fmt: skip
    assert ended.code == 0, ended.errors
    (iso,) = folder.glob("*.iso")
    return Built(ended=ended, folder=folder, iso=iso)


@pytest.fixture(scope="module")
def private(own: Built) -> Mapping[str, Any]:
    path = own.folder / f"{own.iso.stem}.private.json"
    assert own.ended.data["private"] == str(path)
    return dict(json.loads(path.read_text()))


@pytest.fixture(scope="module")
def words(private: Mapping[str, Any]) -> list[str]:
    """Everything that may not be published: what the demo is known to have, and what was told."""
    changes = {each["path"] for each in private["record"]["changes"] if each["change"] == "removed"}
    changes |= {each["path"] for each in private["left_out"] if each["path"].count("/") > 2}
    assert len(changes) > 10
    return [*PATTERNS, private["description"], private["key"], *PLANTED, *sorted(changes)]


def test_the_private_file_has_what_the_others_count(own: Built, private: Mapping[str, Any]) -> None:
    path = own.folder / f"{own.iso.stem}.private.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert DESCRIPTION in private["description"]
    assert private["record"]["settings"] == {"exclude": list(PATTERNS)}
    named = " ".join((*strings(private["record"]["changes"]), *strings(private["left_out"])))
    assert [word for word in ("/etc/wireguard", "ssh_host_rsa_key") if word not in named] == []
    manifest = json.loads((own.folder / f"{own.iso.stem}.manifest.json").read_text())
    counted = sum(each["count"] for each in manifest["changes"])
    assert counted == len(private["record"]["changes"])
    assert manifest["private"]["settings"] == {"exclude": len(PATTERNS)}


@pytest.mark.parametrize("suffix", [each for each in LISTED if each.endswith("json")])
def test_no_published_text_names_it(own: Built, words: list[str], suffix: str) -> None:
    text = (own.folder / f"{own.iso.stem}.{suffix}").read_text()
    found = "\n".join((text, *strings(json.loads(text))))
    assert [word for word in words if word in found] == []


def test_the_sums_and_the_medium_name_none_of_it(own: Built, words: list[str]) -> None:
    sums = (own.folder / "SHA256SUMS").read_text()
    assert [word for word in (*words, "private") if word in sums] == []
    content = own.iso.read_bytes()  # whatever is not compressed: the menu, the lists, the volume
    assert [word for word in words if word.encode() in content] == []


def test_no_file_of_the_system_has_the_users_words(
    client: docker.DockerClient,
    builder_image: ImageIdentity,
    own: Built,
    private: Mapping[str, Any],
) -> None:
    words = [PATTERNS[0], private["description"], private["key"]]
    assert probed(client, builder_image, own, words)["found"] == []


@pytest.mark.full
def test_it_is_reproduced_with_the_private_file_and_without_it_says_what_is_missing(
    own: Built, demo_cache: Path, tmp_path: Path
) -> None:
    published = tmp_path / "published"
    published.mkdir()
    for suffix in LISTED:
        shutil.copy(own.folder / f"{own.iso.stem}.{suffix}", published)
    shutil.copy(own.folder / "SHA256SUMS", published)
    assert run("verify", published).data["verified"] is True
    manifest = published / f"{own.iso.stem}.manifest.json"
    ended = run("reproduce", manifest, "--cache-image", demo_cache)
    assert ended.code == 2
    assert "settings that its manifest does not name: exclude" in ended.error["message"]
    private = own.folder / f"{own.iso.stem}.private.json"
    again = run("reproduce", manifest, "--cache-image", demo_cache, "--private", private)
    assert again.data["same"] is True, again.data["differences"]


def test_verify_knows_the_private_file_of_an_iso(own: Built, built: Built) -> None:
    checks = {each["name"]: each["verdict"] for each in run("verify", own.folder).data["checks"]}
    assert checks["private"] == "ok"
    other = built.folder / f"{built.iso.stem}.private.json"
    ended = run("verify", own.folder, "--private", other)
    assert ended.code == 6
    (wrong,) = [each for each in ended.events[-1]["data"]["checks"] if each["name"] == "private"]
    assert "does not belong to this ISO" in wrong["finding"]
