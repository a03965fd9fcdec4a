"""Whole builds of the demo cache, from an image, from a mounted cache and from a plain one."""

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from builder.border.jobs import BUILD
from builder.formats.identities import ImageIdentity
from tests.container.conftest import Built
from tests.support.build_rights import capabilities
from tests.support.built import LISTED, MARKERS, UNLISTED, sha256, sums
from tests.support.caches import command, frozen
from tests.support.command_line import Ended, run, running
from tests.support.leftovers import container_of, left_by
from tests.support.probing import searched

pytestmark = pytest.mark.container

PEOPLE = ["alice", "dave"]  # of the demo


@pytest.fixture(scope="module")
def inside(
    client: docker.DockerClient, builder_image: ImageIdentity, built: Built
) -> dict[str, Any]:
    """What the probe found in the ISO."""
    return probed(client, builder_image, built, MARKERS)


def probed(
    client: docker.DockerClient, builder_image: ImageIdentity, built: Built, markers: list[str]
) -> dict[str, Any]:
    public = [f"{built.iso.stem}.{suffix}" for suffix in LISTED]
    return searched(
        client, builder_image, built.folder, markers, names=PEOPLE, files=[*public, "SHA256SUMS"]
    )


def test_the_output_folder_holds_the_iso_and_what_describes_it(built: Built) -> None:
    stem = built.iso.stem
    names = {path.name for path in built.folder.iterdir()}
    assert names == {"SHA256SUMS", *(f"{stem}.{each}" for each in (*UNLISTED, *LISTED))}
    assert stem == "Debian-13-console"
    assert 100 << 20 < built.iso.stat().st_size < 400 << 20


def test_with_json_every_line_is_an_event_and_the_last_one_is_the_result(built: Built) -> None:
    assert built.ended.strange == ()
    kinds = [event["event"] for event in built.ended.events]
    assert kinds.count("result") == 1
    assert kinds[-1] == "result"
    started = [event["step"] for event in built.ended.events if event["event"] == "step-started"]
    finished = [event["step"] for event in built.ended.events if event["event"] == "step-finished"]
    assert started == finished
    assert started[0] == "check"
    assert started[-1] == "deliver"


def test_the_choice_and_the_newer_cache_are_told(built: Built) -> None:
    notes = [event["message"] for event in built.ended.events if event["event"] == "note"]
    assert any(note.startswith("The source is 3: Debian GNU/Linux 13") for note in notes)
    assert any("cache itself is newer" in note for note in notes)
    assert any(note.startswith("The system is not copied: an overlay") for note in notes)


def test_the_log_names_every_command_and_no_secret(built: Built) -> None:
    log = (built.folder / f"{built.iso.stem}.log").read_text()
    for tool in ("mount --no-mtab --types overlay", "mksquashfs", "xorriso", "grub-mkimage"):
        assert re.search(rf"\| \$ (\S+=\S+ )*{tool} ", log), tool
    assert [marker for marker in MARKERS if marker in log] == []
    assert stat.S_IMODE((built.folder / f"{built.iso.stem}.log").stat().st_mode) == 0o600


def test_nothing_private_is_anywhere_in_the_results(inside: dict[str, Any]) -> None:
    assert inside["initramfs"]
    assert min(parts for _size, parts in inside["initramfs"]) > 500
    assert inside["files"] > 5000
    assert inside["places"] == {}
    assert inside["named"] == []


def test_the_search_would_find_what_is_there(
    client: docker.DockerClient, builder_image: ImageIdentity, built: Built
) -> None:
    there = ["second week", "run_scripts"]  # in the file system, and in an initramfs
    found = probed(client, builder_image, built, ["DCB-PLANTED-NOT", *there])
    assert found["found"] == there
    assert any(":filesystem.squashfs:/" in each for each in found["places"]["second week"])
    assert any(":initrd" in each and "!" in each for each in found["places"]["run_scripts"])


def test_the_folders_of_the_logs_stay_and_the_logs_go(inside: dict[str, Any]) -> None:
    tree = inside["tree"]
    groups = tree["groups"]
    assert tree["logs"]["journal"] == ["0o2755", groups["systemd-journal"]]
    assert "audit" not in tree["logs"]  # which no package expects
    assert tree["logs"]["private"][0] == "0o700"
    assert tree["log_files"] == []
    assert tree["tmp"] == "0o1777"


def test_what_is_hard_to_copy_is_in_the_iso(inside: dict[str, Any]) -> None:
    tree = inside["tree"]
    assert tree["capability"]
    assert not tree["acl"]  # squashfs holds none
    assert tree["inodes"] == 1
    size, blocks = tree["sparse"]
    assert blocks * 512 < size
    names = {bytes.fromhex(name) for name in tree["names"]}
    assert {b"new\nline", b"latin-1 \xe9", b"--dashes", b" leading and trailing "} <= names
    assert tree["outside"].startswith("/")


def test_a_copy_gives_the_same_iso_as_an_overlay(
    built: Built, demo_cache: Path, tmp_path: Path
) -> None:
    ended = run("build", "--cache-image", demo_cache, "--output", tmp_path,
                "--compression", "fast", "--staging", "rsync")  # fmt: skip
    assert ended.code == 0, ended.errors
    notes = [event["message"] for event in ended.events if event["event"] == "note"]
    assert "The system is copied with rsync, as requested" in notes
    assert sums(tmp_path) == sums(built.folder)
    assert sha256(tmp_path / built.iso.name) == sums(built.folder)[built.iso.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A build from a mounted cache, and what was seen while it ran."""

    ended: Ended
    folder: Path
    frozen: list[str]
    container: Mapping[str, Any]
    written: int  # bytes, by all its processes up to the last step


@pytest.fixture(scope="module")
def watched(
    client: docker.DockerClient, own_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Watched:
    """Build from a mounted cache, and delete the chosen snapshot while the build runs."""
    folder = tmp_path_factory.mktemp("watched")
    words = ("build", "--cache", own_cache, "--output", folder, "--compression", "fast",
             "--staging", "overlay")  # fmt: skip
    with running(*words) as build:
        build.wait_for_step("stage")
        seen = frozen(own_cache)
        container = container_of(client, build.process.pid, "build")
        assert container is not None
        shape = container.attrs
        command("btrfs", "subvolume", "delete", own_cache / ".rootfs_cache/.snapshots/3/snapshot")
        build.wait_for_step("manifest")
        written = bytes_written(shape["State"]["Pid"])
        ended = build.end()
    return Watched(ended=ended, folder=folder, frozen=seen, container=shape, written=written)


def bytes_written(process: int) -> int:
    """Return what a process and its ended children wrote to disks (proc_pid_io(5))."""
    lines = Path(f"/proc/{process}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


def test_a_mounted_cache_gives_the_same_iso_although_its_snapshot_is_deleted_meanwhile(
    client: docker.DockerClient, built: Built, watched: Watched, own_cache: Path
) -> None:
    assert watched.ended.code == 0, watched.ended.errors
    assert sums(watched.folder) == sums(built.folder)
    assert sha256(watched.folder / built.iso.name) == sums(built.folder)[built.iso.name]
    assert len(watched.frozen) == 1
    assert frozen(own_cache) == []
    assert left_by(client, watched.ended.process) == []


def test_the_build_container_sees_the_frozen_tree_alone_and_may_not_write_it(
    watched: Watched, own_cache: Path
) -> None:
    binds = {each["Destination"]: each for each in watched.container["Mounts"]}
    assert set(binds) == {"/block-cache", "/delivery", "/source", "/work"}
    assert binds["/block-cache"]["Type"] == binds["/work"]["Type"] == "volume"
    assert binds["/source"]["RW"] is False
    assert binds["/source"]["Source"] == str(own_cache / watched.frozen[0])
    assert binds["/delivery"]["Source"].startswith(f"{watched.folder}/.distroclone-builder-")


def test_the_iso_is_written_once_and_its_squashfs_once(watched: Watched) -> None:
    notes = [event["message"] for event in watched.ended.events if event["event"] == "note"]
    assert not any("copied out of the container" in note for note in notes)
    (iso,) = watched.folder.glob("*.iso")
    assert any("an overlay on the source" in note for note in notes)
    assert watched.written <= 2.5 * iso.stat().st_size


def test_the_build_container_has_no_network_and_few_powers(watched: Watched) -> None:
    config = watched.container["HostConfig"]
    assert config["NetworkMode"] == "none"
    assert config["Privileged"] is False
    assert capabilities(watched.container) == {*BUILD.capabilities}
    assert "no-new-privileges" in config["SecurityOpt"]
    assert config["Memory"] == config["MemorySwap"] == BUILD.limits.memory == 1536 << 20
    assert not config["Devices"]


def test_a_plain_cache_offers_itself_alone(plain_cache: Path) -> None:
    listed = run("snapshots", "--cache", plain_cache).data
    assert [each["selector"] for each in listed["candidates"]] == ["cache"]


def test_a_plain_cache_that_changes_meanwhile_gives_nothing(
    client: docker.DockerClient, plain_cache: Path, tmp_path: Path
) -> None:
    motd = plain_cache / ".rootfs_cache/etc/motd"
    words = ("build", "cache", "--cache", plain_cache, "--output", tmp_path,
             "--compression", "fast")  # fmt: skip
    with running(*words) as build:
        build.wait_for_step("configure")
        motd.write_text("a backup runs")
        ended = build.end()
    assert ended.code == 4
    assert "changed while it was being read" in ended.error["message"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".log"]
    assert left_by(client, ended.process) == []


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        (None, "3"), ("latest", "3"), ("2", "2"), ("cache", "cache"), ("2026-06-10", "2"),
        ("@2026-06-10_09:15", "@2026-06-10_09:15"),
    ],
)  # fmt: skip
def test_a_dry_run_says_what_a_selector_chooses_and_leaves_nothing(
    client: docker.DockerClient,
    cache: Path,
    tmp_path: Path,
    selector: str | None,
    chosen: str,
) -> None:
    words = [selector] if selector else []
    output = tmp_path / "output"
    ended = run("build", *words, "--dry-run", "--cache", cache, "--output", output)
    assert ended.data["plan"]["candidate"]["selector"] == chosen
    assert ended.data["output"] == str(output)
    assert not output.exists()
    assert frozen(cache) == []
    assert left_by(client, ended.process) == []


@pytest.mark.parametrize(
    ("selector", "code", "words"),
    [
        ("1", 4, "it is empty"),
        ("99", 2, "no snapshot 99"),
        ("4", 2, "no snapshot 4"),
        ("2020-01-01", 2, "2020"),
    ],
)
def test_what_cannot_be_chosen_is_refused_with_the_reason_and_the_choices(
    cache: Path, tmp_path: Path, selector: str, code: int, words: str
) -> None:
    ended = run("build", selector, "--cache", cache, "--output", tmp_path / "output")
    assert ended.code == code, ended.errors
    assert words in ended.error["message"]
    assert "cache" in ended.error["hint"]


def test_flags_win_over_the_config_and_the_config_over_defaults(
    demo_cache: Path, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    (tmp_path / "build.yaml").write_text(
        f"version: 1\nsource: {{cache_image: {demo_cache}, snapshot: '2'}}\n"
        "output: {name: from-the-file}\nlive: {hostname: of-the-file}\ncompression: max\n"
    )
    ended = run("build", "--config", tmp_path / "build.yaml", "--compression", "fast",
                "--dry-run", "--output", tmp_path / "output")  # fmt: skip
    plan = ended.data["plan"]
    assert plan["candidate"]["selector"] == "2"
    assert plan["iso_name"] == "from-the-file"
    assert plan["recipe"]["live"]["hostname"] == "of-the-file"
    assert plan["recipe"]["compression"]["name"] == "fast"


def test_images_are_read_beside_each_other(demo_cache: Path, cache: Path, tmp_path: Path) -> None:
    other = tmp_path / "cache.img"
    command("cp", "--sparse=always", demo_cache, other)
    words = ("build", "--cache-image", demo_cache, "--output", tmp_path / "output")
    with running(*words) as build:
        build.wait_for_step("stage")
        for image in (other, demo_cache):
            listed = run("snapshots", "--cache-image", image)
            assert listed.code == 0, listed.errors
            assert len(listed.data["candidates"]) == 5
