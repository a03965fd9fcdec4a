"""Caches that cannot be used, and hostile ones: each with its exit code and what to do."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import docker
import pytest

from builder.formats.identities import ImageIdentity
from tests.support.command_line import run
from tests.support.leftovers import left_by
from tests.support.trees import ELF_ARM64, KERNEL, META, make_cache, put

pytestmark = pytest.mark.container


@pytest.mark.parametrize(
    ("made", "missing"),
    [
        ((), (".rootfs_cache/", ".backup_meta")),
        ((".rootfs_cache",), (".backup_meta",)),
        ((".backup_meta",), (".rootfs_cache/",)),
    ],
)
def test_a_folder_without_a_cache_is_refused_with_what_it_lacks(
    builder_image: ImageIdentity, tmp_path: Path, made: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    if ".rootfs_cache" in made:
        (tmp_path / ".rootfs_cache").mkdir()
    if ".backup_meta" in made:
        put(tmp_path, ".backup_meta", META)
    ended = run("snapshots", "--cache", tmp_path)
    assert ended.code == 4
    (listed,) = (ended.error["message"].rpartition("missing: ")[2],)
    assert [name for name in (".rootfs_cache/", ".backup_meta") if name in listed] == [*missing]
    assert "--cache" in ended.error["hint"]
    assert any(str(tmp_path) in note for note in ended.error["notes"])


@pytest.mark.parametrize("option", ["--cache", "--cache-image", "--tree"])
def test_a_cache_that_is_not_there_is_named(
    builder_image: ImageIdentity, tmp_path: Path, option: str
) -> None:
    ended = run("snapshots", option, tmp_path / "none")
    assert ended.code == 4
    assert str(tmp_path / "none") in ended.error["message"]
    assert option in ended.error["hint"]


@pytest.mark.parametrize("option", ["--cache", "--tree"])
def test_a_file_in_place_of_a_folder_is_named(
    builder_image: ImageIdentity, tmp_path: Path, option: str
) -> None:
    (tmp_path / "backup.tar").touch()
    ended = run("snapshots", option, tmp_path / "backup.tar")
    assert ended.code == 4, ended.errors
    assert ended.error["message"] == f"{tmp_path / 'backup.tar'} is not a folder"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.mkdir(), "not a file"),
        (lambda path: path.write_text("text"), "does not hold a btrfs volume"),
        (lambda path: os.truncate(path, 300 << 20), "is truncated"),
        (lambda path: _overwrite(path, start=0x10000 + 0x50, count=16), "cannot be mounted"),
    ],
)  # fmt: skip
def test_a_cache_image_that_is_none_is_named_for_what_it_is(
    demo_cache: Path, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    image = tmp_path / "cache.img"
    if words in ("is truncated", "cannot be mounted"):
        subprocess.run(["cp", "--sparse=always", demo_cache, image], check=True)
    spoil(image)
    ended = run("snapshots", "--cache-image", image)
    assert ended.code == 4, ended.errors
    assert words in ended.error["message"]
    assert ended.error["hint"]


def _overwrite(path: Path, *, start: int, count: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * count)


def _no_kernel(tree: Path) -> None:
    (tree / f"boot/vmlinuz-{KERNEL}").unlink()


def _no_modules(tree: Path) -> None:
    shutil.rmtree(tree / "usr/lib/modules")


def _no_udev(tree: Path) -> None:
    (tree / "usr/lib/systemd/systemd-udevd").unlink()


def _other_architecture(tree: Path) -> None:
    put(tree, "usr/bin/dash", ELF_ARM64)


def _no_packages(tree: Path) -> None:
    (tree / "var/lib/dpkg/status").unlink()


def _loops(tree: Path) -> None:
    (tree / "usr/lib/modules").rename(tree / "elsewhere")
    (tree / "usr/lib/modules").symlink_to("modules")


def _leads_out(tree: Path) -> None:
    shutil.rmtree(tree / "boot")
    (tree / "boot").symlink_to("/boot/../../../../../boot")


@pytest.mark.parametrize(
    ("spoil", "reason", "remedy"),
    [
        (_no_kernel, "/boot", "new backup"),
        (_no_modules, "no modules", "new backup"),
        (_no_udev, "udev", "apt install"),
        (_other_architecture, "arm64", "amd64"),
        (_no_packages, "/var/lib/dpkg/status", "new backup"),
        (_loops, "no modules", "new backup"),
        (_leads_out, "/boot", "new backup"),
    ],
)
@pytest.mark.usefixtures("builder_image")
def test_a_tree_that_cannot_become_an_iso_is_refused_before_any_work(
    client: docker.DockerClient,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    reason: str,
    remedy: str,
) -> None:
    base = make_cache(tmp_path / "cache")
    spoil(base / ".rootfs_cache")
    ended = run("build", "cache", "--cache", base, "--output", tmp_path / "output")
    assert ended.code == 4, ended.errors
    assert reason in ended.error["message"]
    assert remedy in ended.error["hint"]
    assert not any(event["event"] == "step-started" for event in ended.events)
    assert left_by(client, ended.process) == []
    assert list((tmp_path / "output").iterdir()) == []


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _unreadable(path: Path) -> None:
    path.write_text(META)
    path.chmod(0)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text('META_DATE="$(touch /tmp/pwned)"\nMETA_SIZE=`id`\n;reboot\n'),
        lambda path: path.write_bytes(b'META_DISTRO="' + b"A" * (20 << 20)),
        lambda path: path.write_bytes(b'META_DISTRO="\x1b]0;x\x07\x00\xff\r\n\x1b[2J"\n' * 1000),
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to(".backup_meta"),
        _fifo,
        _unreadable,
        lambda path: path.mkdir(),
    ],
    ids=["shell", "huge", "controls", "link-out", "link-to-itself", "fifo", "no-mode", "folder"],
)
def test_hostile_metadata_of_the_backup_runs_nothing_and_hangs_nothing(
    builder_image: ImageIdentity, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    base = make_cache(tmp_path / "cache")
    (base / ".backup_meta").unlink()
    make(base / ".backup_meta")
    before = time.monotonic()
    ended = run("snapshots", "--cache", base)
    assert time.monotonic() - before < 10
    assert ended.code in (0, 4), ended.errors
    if ended.code == 0:
        assert [each["selector"] for each in ended.data["candidates"]] == ["cache"]
    else:
        assert ".backup_meta" in ended.error["message"]
    assert "\x1b" not in ended.errors
    assert not Path("/tmp/pwned").exists()


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in pairwise("abcdefgh"))
    + "]><snapshot><num>3</num><date>&h;</date></snapshot>"
)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text(LAUGHS),
        lambda path: path.write_text('<!DOCTYPE x SYSTEM "/etc/passwd"><snapshot/>'),
        lambda path: path.write_text("<snapshot><num>3</num>" + " " * (10 << 20)),
        lambda path: path.write_bytes(b"<snapshot><num>3\xff\x00"),
        lambda path: path.write_text(""),
        _fifo,
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.mkdir(),
    ],
    ids=["laughs", "dtd", "huge", "malformed", "empty", "fifo", "link-out", "folder"],
)
def test_a_hostile_info_xml_costs_its_own_snapshot_alone(
    cache: Path, make: Callable[[Path], None]
) -> None:
    with put_aside(cache / ".rootfs_cache/.snapshots/3/info.xml") as path:
        make(path)
        before = time.monotonic()
        listed = run("snapshots", "--cache", cache).data
        assert time.monotonic() - before < 10
    selectors = [each["selector"] for each in listed["candidates"]]
    assert selectors == ["1", "@2026-06-10_09:15", "2", "cache"]
    assert any(each["path"].endswith("/3") for each in listed["skipped"])


@contextmanager
def put_aside(path: Path) -> Iterator[Path]:
    """Have a file out of the way, and put it back whatever is there then."""
    aside = path.with_name("aside")
    path.rename(aside)
    try:
        yield path
    finally:
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        aside.replace(path)
