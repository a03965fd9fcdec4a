"""Backups as a user makes them: in containers, into a cache on a real btrfs."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from builder.formats.identities import ImageIdentity
from builder.inside.linux.btrfs import subvolume
from builder.inside.source.unfinished import MARK, is_unfinished
from tests.support.caches import ROOTFS, command, frozen, mounted_btrfs
from tests.support.command_line import Ended, run, running, wait_until
from tests.support.faithful import Facts, differences, facts
from tests.support.hard_tree import make_hard_tree
from tests.support.leftovers import container_of, left_by
from tests.support.trees import make_system, put

pytestmark = pytest.mark.container

LONGEST = 30  # seconds from a signal to the end
OURS = (b".snapshots", os.fsencode(MARK))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small system with all that is hard to copy."""
    system = make_system(tmp_path / "system")
    make_hard_tree(system / "opt/hard")
    put(system, "proc/1/environ", "of the kernel")
    put(system, "home/alice/letter", "private")
    return system


@pytest.fixture
def place(builder_image: ImageIdentity) -> Iterator[Path]:
    """An empty folder on a btrfs, for a cache."""
    with mounted_btrfs(512 << 20) as mount:
        folder = mount / "debian_backup"
        folder.mkdir()
        yield folder


def backup(source: Path, cache: Path, *more: object) -> Ended:
    return run("backup", "--source", source, "--cache", cache, *more)


def status(cache: Path, *more: object) -> Ended:
    return run("backup", "status", "--cache", cache, *more)


def snapshot(cache: Path, number: object) -> Path:
    return cache / ROOTFS / f".snapshots/{number}/snapshot"


def browsed(cache: Path, *words: object) -> list[tuple[str | None, str]]:
    ended = run("browse", *words, "--cache", cache)
    assert ended.code == 0, ended.errors
    return [(each["change"], each["path"]) for each in ended.data["entries"]]


def test_what_a_snapshot_has_is_listed_and_compared_with_another(source: Path, place: Path) -> None:
    hostile = put(source, os.fsdecode(b"etc/app/\x1b]0;x\x07\xff\n.conf"), "hostile")
    put(source, "etc/app/closed/key", "secret")
    (source / "etc/app/closed").chmod(0o700)
    (source / "etc/app/moved").symlink_to("/../../../etc/passwd")
    os.chown(source / "etc/app/closed", 1000, 1000)
    backup(source, place, "--new")
    hostile.unlink()
    put(source, "etc/app/closed/key", "another secret")
    put(source, "etc/app/closed/new")
    backup(source, place)
    name = os.fsdecode(b"/etc/app/\x1b]0;x\x07\xff\n.conf")
    assert browsed(place, "1", "/etc/app") == [
        (None, name), (None, "/etc/app/closed"), (None, "/etc/app/moved"),
    ]  # fmt: skip
    assert browsed(place, "1", "--find", ".CONF") == [(None, name)]
    assert browsed(place, "latest", "--changed-since", "1") == [
        ("deleted", name), ("changed", "/etc/app/closed/key"), ("added", "/etc/app/closed/new"),
    ]  # fmt: skip
    ended = run("browse", "1", "/etc/app/moved/x", "--cache", place)
    assert ended.error["message"] == "/etc/app/moved/x is not in the snapshot"


def make_long(source: Path) -> Path:
    """Give the system a file that takes minutes to read and no room at all; return it."""
    place = put(source, "opt/holes")
    with place.open("wb") as stream:
        stream.truncate(256 << 30)
    return place


def wanted(source: Path) -> Facts:
    """Return the facts of all that a backup with homes takes."""
    return {path: each for path, each in facts(source).items() if not path.startswith(b"/proc/")}


def test_a_system_goes_into_a_cache_and_comes_out_as_it_was(source: Path, place: Path) -> None:
    refused = backup(source, place)
    assert refused.code == 4
    assert "no backup cache" in refused.error["message"]
    assert [*place.iterdir()] == []
    first = backup(source, place, "--new", "--include-home")
    assert first.data["selector"] == "1"
    assert differences(wanted(source), facts(snapshot(place, 1), without=OURS)) == []
    put(source, "etc/new", "new")
    (source / "opt/hard/etc/motd").unlink()
    second = backup(source, place, "--include-home", "--keep-last", 1)
    assert (second.data["selector"], second.data["deleted_snapshots"]) == ("2", ["1"])
    assert second.data["deleted"] == 1
    assert differences(wanted(source), facts(snapshot(place, 2), without=OURS)) == []
    assert not snapshot(place, 1).parent.exists()
    found = status(place, "--max-age", "1h")
    assert found.data["troubles"] == []
    assert [each["selector"] for each in found.data["snapshots"]] == ["2"]
    (listed, _cache) = run("snapshots", "--cache", place).data["candidates"]
    assert (listed["selector"], listed["problems"]) == ("2", [])
    checked = run("check", "--read-data", "--cache", place).data
    assert [each["wholeness"] for each in checked["snapshots"]] == ["whole"]
    assert checked["troubles"] == []
    assert checked["read"] > 0
    target = place.parent / "restored"
    restored = run("restore", "latest", "--cache", place, "--to", target)
    assert restored.data["selector"] == "2"
    assert differences(wanted(source), facts(target)) == []
    assert run("delete", "--all", "--cache", place, "--yes").data["all"]
    assert [*place.iterdir()] == []


@pytest.mark.full
def test_a_system_on_btrfs_is_frozen_while_it_is_copied(
    client: docker.DockerClient, source: Path, place: Path
) -> None:
    system = place.parent / "system"
    command("btrfs", "subvolume", "create", system)
    command("cp", "--archive", f"{source}/.", system)
    put(system, "var/large", os.urandom(100 << 20))
    with running("backup", "--source", system, "--cache", place, "--new") as started:
        started.wait_for_step("copy")
        assert [subvolume(each) is not None for each in system.glob(".distroclone*")] == [True]
        put(system, "etc/later")
        ended = started.end()
    assert ended.data["changed"] == 0
    assert not (snapshot(place, 1) / "etc/later").exists()
    assert not (snapshot(place, 1) / "home/alice").exists()  # nobody asked for homes
    assert frozen(system) == []
    assert left_by(client, ended.process) == []


@pytest.mark.full
def test_who_kills_the_client_or_the_container_loses_nothing(
    client: docker.DockerClient, source: Path, place: Path
) -> None:
    backup(source, place, "--new", "--include-home")
    first = wanted(source)
    holes = make_long(source)
    with running("backup", "--source", source, "--cache", place, "--include-home") as started:
        started.wait_for_step("copy")
        wait_until(lambda: is_unfinished(place / ROOTFS))
        container = container_of(client, started.process.pid, "backup")
        assert container is not None
        container.kill()
        ended = started.end()
    assert ended.code == 5
    assert "exit code 137" in ended.error["message"]
    unfinished = status(place)
    assert unfinished.code == 8
    assert "did not finish" in unfinished.events[-1]["data"]["troubles"][0]
    refused = run("build", "cache", "--cache", place, "--dry-run")
    assert refused.code == 4
    assert "did not finish" in refused.error["message"]
    assert differences(first, facts(snapshot(place, 1), without=OURS)) == []

    holes.unlink()
    put(source, "opt/large", os.urandom(100 << 20))
    with running("backup", "--source", source, "--cache", place, "--include-home") as started:
        started.wait_for_step("copy")
        process = started.process.pid
        started.send(signal.SIGKILL)
        assert started.end().code == -signal.SIGKILL
    wait_until(lambda: container_of(client, process, "backup") is None, seconds=300)
    run("sweep")
    assert left_by(client, process) == []
    done = backup(source, place, "--include-home").data
    kept = facts(snapshot(place, done["selector"]), without=OURS)
    assert differences(wanted(source), kept) == []
    assert status(place).code == 0


@pytest.mark.full
def test_a_cache_that_somebody_writes_to_is_left_alone(source: Path, place: Path) -> None:
    """The lock is one for containers and whatever else runs on the machine."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        refused = backup(source, place, "--new")
    finally:
        os.close(descriptor)
    assert refused.code == 3
    assert "Another backup" in refused.error["message"]
    assert [*place.iterdir()] == []


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_backup_and_leaves_the_one_before(
    client: docker.DockerClient, source: Path, place: Path, number: signal.Signals
) -> None:
    backup(source, place, "--new")
    make_long(source)
    with running("backup", "--source", source, "--cache", place) as started:
        started.wait_for_step("copy")
        before = time.monotonic()
        started.send(number)
        ended = started.end()
    assert time.monotonic() - before < LONGEST
    assert ended.code == 130, ended.errors
    assert left_by(client, ended.process) == []
    found = status(place).events[-1]["data"]
    assert [each["selector"] for each in found["snapshots"] if each["complete"]] == ["1"]
    assert not found["running"]


@pytest.mark.full
def test_the_demo_system_is_backed_up_and_can_be_built(
    cache: Path, builder_image: ImageIdentity
) -> None:
    with mounted_btrfs(3 << 30) as mount:
        done = run("backup", "--source", cache / ROOTFS, "--cache", mount, "--new").data
        assert done["changed"] == 0
        assert frozen(cache / ROOTFS) == []
        plan = run("build", "latest", "--cache", mount, "--dry-run")
        assert plan.data["plan"]["candidate"]["selector"] == "1"
