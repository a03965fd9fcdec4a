"""Packages are added from a system's own archives: the same files give the same ISO, anywhere."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support.archives import Made, make_archive, served
from tests.support.caches import ROOTFS, made_place
from tests.support.command_line import Ended, run, running
from tests.support.keys import gpg, keyring
from tests.support.leftovers import left_by
from tests.support.shuffled_copy import shuffled_copy

pytestmark = pytest.mark.container

SYSTEM = "live/filesystem.squashfs"

# Everything that a script must not reach, and much that would be otherwise at the next run.
_POSTINST = """\
#!/bin/sh
set -e
update-initramfs -u
invoke-rc.d wish-daemon start || true
date >/var/log/wish.log
date >/var/log/dpkg.log
mkdir -p /var/lib/wish
ls /sys/class/net >/var/lib/wish/networks 2>/dev/null || true
echo made >/var/lib/wish/state
"""
WISH = Made(
    name="wish",
    depends="need (>= 1)",
    files={
        "usr/bin/wish": "#!/bin/sh\necho wish\n",
        "etc/init.d/wish-daemon": "#!/bin/sh\ntouch /etc/wish-started\n",
    },
    postinst=_POSTINST,
)
NEED = Made(name="need", files={"usr/share/need/data": "data\n"})
# Not wanted together with a package that every Debian has.
RIVAL = Made(name="rival", conflicts="tzdata", files={"usr/share/rival/data": "data\n"})
BAD = Made(
    name="bad", files={"usr/share/bad": "bad\n"}, postinst="#!/bin/sh\necho no >&2; exit 3\n"
)


class Archive:
    """An archive of packages, and the system that gets its packages from there."""

    def __init__(self, folder: Path, tree: Path, url: str) -> None:
        self.folder = folder
        self.tree = tree
        self.url = url

    def run(self, *words: object) -> Ended:
        """Run a command for the system."""
        return run(*words, "--tree", self.tree)


@contextmanager
def without_sources(tree: Path) -> Iterator[None]:
    """Take away the archives that the system knows: no test asks somebody else's machine."""
    apt = tree / "etc/apt"
    found = [each for each in (apt / "sources.list", apt / "sources.list.d") if each.exists()]
    for path in found:
        path.rename(path.with_name(f"{path.name}.away"))
    try:
        yield
    finally:
        for path in found:
            if path.is_dir():
                path.rmdir()
            path.with_name(f"{path.name}.away").rename(path)


@pytest.fixture(scope="module")
def archive(
    plain_cache: Path, client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archive]:
    folder, tree = tmp_path_factory.mktemp("archive"), plain_cache / ROOTFS
    with keyring():
        make_archive(folder, [WISH, NEED, RIVAL, BAD])
    source = tree / "etc/apt/sources.list.d/test.list"
    key = tree / "etc/apt/keyrings/test.gpg"
    hook = tree / "etc/apt/apt.conf.d/99test"
    with served(folder, client) as url, without_sources(tree):
        key.parent.mkdir(parents=True, exist_ok=True)
        source.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "key.gpg", key)
        source.write_text(
            f"deb [signed-by=/etc/apt/keyrings/test.gpg] {url} ./\n"
            f"deb [signed-by=/etc/apt/keyrings/test.gpg] {url}/none x main\n"
        )
        hook.write_text('APT::Update::Pre-Invoke {"touch /work/hook";};\n')
        try:
            yield Archive(folder, tree, url)
        finally:
            for path in (source, key, hook):
                path.unlink()


@pytest.fixture(scope="module")
def lock(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lock") / "packages.lock"
    ended = archive.run("packages", "lock", "--install", "wish", "--lock", path)
    assert ended.code == 0, ended.errors
    return path


@pytest.fixture(scope="module")
def store(lock: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    ended = run("packages", "fetch", lock, "--packages-from", folder)
    assert ended.code == 0, ended.errors
    return folder


@pytest.fixture(scope="module")
def built(
    archive: Archive, lock: Path, store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("added")
    ended = archive.run(
        "build", "--install", "wish", "--packages-lock", lock, "--packages-from", store,
        "--output", folder, "--compression", "fast", "--no-block-cache",
    )  # fmt: skip
    assert ended.code == 0, ended.errors
    return folder


def manifest(folder: Path) -> dict[str, Any]:
    (found,) = folder.glob("*.manifest.json")
    return dict(json.loads(found.read_text()))


def test_a_lock_has_what_a_wish_needs_and_where_it_is(lock: Path, archive: Archive) -> None:
    said = json.loads(lock.read_text())
    assert [each["name"] for each in said["packages"]] == ["need", "wish"]
    assert all(each["url"].startswith(archive.url) for each in said["packages"])


def test_the_files_are_kept_by_their_sha256(store: Path, lock: Path) -> None:
    said = json.loads(lock.read_text())
    names = {f"{each['sha256']}.deb" for each in said["packages"]}
    assert {path.name for path in store.iterdir()} == names


def test_the_packages_are_in_the_system_and_their_traces_are_not(built: Path) -> None:
    said = manifest(built)
    assert {"need", "wish"} <= {each["name"] for each in said["packages"]}
    (private,) = built.glob("*.private.json")
    changes = {
        each["path"]: each["rule"] for each in json.loads(private.read_text())["record"]["changes"]
    }
    assert changes["/usr/bin/wish"] == "added-packages"
    assert changes["/var/lib/dpkg/info/wish.list"] == "package-database"
    assert changes["/var/lib/wish/state"] == "maintainer-scripts"
    for path in ("/var/log/wish.log", "/usr/sbin/policy-rc.d", "/usr/local/sbin/update-initramfs"):
        assert path not in changes
    (log,) = built.glob("*.log")
    assert "policy-rc.d denied execution of start" in log.read_text()
    assert "/etc/wish-started" not in changes


def test_without_the_archive_a_copy_in_another_order_gives_the_same_bytes(
    archive: Archive, built: Path, lock: Path, store: Path, tmp_path: Path
) -> None:
    away = archive.folder.with_name("away")
    archive.folder.rename(away)
    try:
        with made_place() as place:
            shuffled_copy(archive.tree, place / "tree")
            ended = run(
                "build", "--tree", place / "tree", "--install", "wish", "--packages-lock", lock,
                "--packages-from", store, "--output", tmp_path, "--compression", "fast",
                "--no-block-cache", "--staging", "rsync",
            )  # fmt: skip
    finally:
        away.rename(archive.folder)
    assert ended.code == 0, ended.errors
    (first,), (second,) = built.glob("*.iso"), tmp_path.glob("*.iso")
    assert first.read_bytes() == second.read_bytes()


@pytest.fixture(scope="module")
def live(
    archive: Archive, store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Return what builds with the packages in the live layer, by how it stages."""
    config = tmp_path_factory.mktemp("config") / "build.yaml"
    config.write_text("version: 1\npackages: {install: [wish], layer: live}\n")

    def build(staging: str) -> Path:
        folder = tmp_path_factory.mktemp("live")
        ended = archive.run(
            "build", "--config", config, "--packages-from", store, "--output", folder,
            "--compression", "fast", "--no-block-cache", "--staging", staging,
        )  # fmt: skip
        assert ended.code == 0, ended.errors
        return folder

    return build


@pytest.mark.full
def test_in_the_live_layer_packages_leave_the_system_as_it_is(
    archive: Archive, live: Callable[[str], Path], tmp_path: Path
) -> None:
    first, second = live("overlay"), live("rsync")
    (one,), (other,) = first.glob("*.iso"), second.glob("*.iso")
    assert one.read_bytes() == other.read_bytes()
    plain = archive.run("build", "--output", tmp_path, "--compression", "fast")
    assert plain.code == 0, plain.errors
    without, said = manifest(tmp_path), manifest(first)
    system = {each["sha256"] for each in said["contents"] if each["path"] == SYSTEM}
    assert system == {each["sha256"] for each in without["contents"] if each["path"] == SYSTEM}
    assert {"need", "wish"} <= {each["name"] for each in said["packages"]}
    assert said["changes"] == without["changes"]
    rules = {each["rule"] for each in said["live_changes"]}
    assert {"added-packages", "package-database", "maintainer-scripts"} <= rules
    checked = run("verify", first, "--tree")
    assert checked.code == 0, checked.errors


@pytest.mark.full
def test_the_manifest_is_enough_to_verify_and_to_reproduce(
    archive: Archive, built: Path, store: Path
) -> None:
    checked = run("verify", built, "--tree")
    assert checked.code == 0, checked.errors
    (beside,) = built.glob("*.packages.lock")
    assert json.loads(beside.read_text()) == manifest(built)["packages_lock"]
    (said,) = built.glob("*.manifest.json")
    again = archive.run("reproduce", said, "--packages-from", store)
    assert again.data["same"] is True, again.errors


def test_a_dry_run_tells_what_would_be_added_and_which_archive_is_no_use(archive: Archive) -> None:
    ended = archive.run("build", "--install", "wish", "--dry-run")
    assert ended.code == 0, ended.errors
    plan = ended.data["plan"]["packages"]
    assert [each["name"] for each in plan["packages"]] == ["need", "wish"]
    notes = " ".join(str(event) for event in ended.events if event["event"] == "note")
    assert "/none" in notes
    assert "is past its date" in notes
    assert "good until 2020-09-25" in notes


def test_an_archive_that_somebody_else_signed_is_not_used(archive: Archive, tmp_path: Path) -> None:
    key = archive.tree / "etc/apt/keyrings/test.gpg"
    before = key.read_bytes()
    with keyring():
        key.write_bytes(gpg("--export"))
    try:
        ended = archive.run("packages", "lock", "--install", "wish", "--lock", tmp_path / "lock")
    finally:
        key.write_bytes(before)
    assert ended.code == 4, ended.errors
    assert not (tmp_path / "lock").exists()
    assert "is not signed" in " ".join(map(str, ended.events))


def test_an_archive_without_a_signature_is_not_used(archive: Archive, tmp_path: Path) -> None:
    signed = archive.folder / "InRelease"
    away = signed.rename(tmp_path / "InRelease")
    try:
        ended = archive.run("packages", "lock", "--install", "wish", "--lock", tmp_path / "lock")
    finally:
        away.rename(signed)
    assert ended.code == 4, ended.errors
    assert not (tmp_path / "lock").exists()


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        (("--install", "nowhere"), (4, "Unable to locate package nowhere")),
        (("--install", "need", "--packages-lock", "LOCK"), (2, "the lock of other packages: wish")),
        (
            ("--install", "wish", "--packages-lock", "LOCK", "--config", "LIVE"),
            (2, "the lock of other packages: wish (layer: system)"),
        ),
        (("--packages-lock", "LOCK"), (2, "A lock is no use without packages to add")),
        (("--stop-after", "install"), (2, "This build has no step install")),
        (("--install", "-o"), (2, '"-o" is not a valid package name')),
        (("--install", "wi.h"), (4, "Unable to locate package wi.h")),
        (("--install", "rival"), (4, "others would have to go: tzdata")),
        (("--remove", "dpkg"), (4, "Essential packages were removed")),
        (("--remove", "tzdata", "--packages-lock", "LOCK"), (2, "the lock of other packages")),
        (("--remove", "wish", "--install", "wish"), (2, "cannot be both added and removed")),
        (("--install", "wish", "--packages-lock", "/etc/hostname"), (2, "is no lock of packages")),
    ],
)
def test_what_cannot_be_added_is_refused_before_any_work(
    archive: Archive, lock: Path, tmp_path: Path, words: tuple[str, ...], refused: tuple[int, str]
) -> None:
    code, said = refused
    config = tmp_path / "build.yaml"
    config.write_text("version: 1\npackages: {layer: live}\n")
    chosen = [{"LOCK": lock, "LIVE": config}.get(word, word) for word in words]
    ended = archive.run("build", *chosen, "--output", tmp_path)
    assert ended.code == code, ended.errors
    assert said in ended.error["message"]
    assert list(tmp_path.glob("*.iso")) == []


@pytest.mark.parametrize("layer", ["system", pytest.param("live", marks=pytest.mark.full)])
def test_what_is_named_goes(archive: Archive, tmp_path: Path, layer: str) -> None:
    config, store, results = (tmp_path / name for name in ("build.yaml", "store", "iso"))
    store.mkdir()
    config.write_text(
        f"version: 1\npackages: {{install: [rival], remove: [tzdata], layer: {layer}}}\n"
    )
    ended = archive.run(
        "build", "--config", config, "--packages-from", store, "--output", results,
        "--compression", "fast", "--no-block-cache",
    )  # fmt: skip
    assert ended.code == 0, ended.errors
    said = manifest(results)
    names = {each["name"] for each in said["packages"]}
    assert "rival" in names
    assert "tzdata" not in names
    assert [each["name"] for each in said["packages_lock"]["removed"]] == ["tzdata"]
    rows = said["changes"] if layer == "system" else said["live_changes"]
    assert ("removed-packages", "removed") in {(each["rule"], each["change"]) for each in rows}
    checked = run("verify", results, "--tree")
    assert checked.code == 0, checked.errors


def test_to_remove_alone_needs_no_archive(archive: Archive, tmp_path: Path) -> None:
    source = archive.tree / "etc/apt/sources.list.d/test.list"
    away = source.rename(tmp_path / "test.list")
    try:
        ended = archive.run("packages", "lock", "--remove", "tzdata", "--lock", tmp_path / "lock")
    finally:
        away.rename(source)
    assert ended.code == 0, ended.errors
    said = json.loads((tmp_path / "lock").read_text())
    assert said["phases"] == [{"action": "remove", "packages": [0]}]


def test_files_that_nobody_has_are_named(
    client: docker.DockerClient, archive: Archive, lock: Path, tmp_path: Path
) -> None:
    other = json.loads(lock.read_text())
    for each in other["packages"]:
        each["url"] = each["url"].replace(".deb", ".gone")
    (tmp_path / "lock").write_text(json.dumps(other))
    (tmp_path / "empty").mkdir()
    ended = archive.run(
        "build", "--install", "wish", "--packages-lock", tmp_path / "lock",
        "--packages-from", tmp_path / "empty", "--output", tmp_path / "iso",
    )  # fmt: skip
    assert ended.code == 3, ended.errors
    assert "need:all=1.0 (the server says 404)" in ended.error["message"]
    assert "--packages-from" in ended.error["hint"]
    assert left_by(client, ended.process) == []


def test_a_signal_while_packages_are_installed_ends_the_build_and_leaves_nothing(
    client: docker.DockerClient, archive: Archive, lock: Path, store: Path, tmp_path: Path
) -> None:
    with running(
        "build", "--tree", archive.tree, "--install", "wish", "--packages-lock", lock,
        "--packages-from", store, "--output", tmp_path,
    ) as build:  # fmt: skip
        build.wait_for_step("install")
        build.send(signal.SIGTERM)
        ended = build.end()
    assert ended.code == 130, ended.errors
    assert left_by(client, ended.process) == []
    assert [path.suffix for path in tmp_path.iterdir()] == [".log"]


def test_a_script_that_fails_ends_the_build_and_leaves_nothing(
    client: docker.DockerClient, archive: Archive, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    ended = archive.run(
        "build", "--install", "bad", "--packages-from", store, "--output", tmp_path / "iso"
    )
    assert ended.code == 5, ended.errors
    assert "The packages cannot be installed" in ended.error["message"]
    assert left_by(client, ended.process) == []
    assert [path.suffix for path in (tmp_path / "iso").iterdir()] == [".log"]
