"""Packages are installed in the order of their lock, and what that leaves is accounted for."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.formats.added_packages import (
    Action,
    AddedPackage,
    PackagesLock,
    Phase,
    RemovedPackage,
)
from builder.inside.added.install import Installation, is_fleeting
from builder.inside.steps.install import InstallStep
from builder.inside.system.tool_error import ToolError
from builder.inside.tree.tree import Tree
from tests.support.machines import CLOCK, RecordingSystem, open_tree
from tests.support.trees import make_system, put


def package(name: str, architecture: str) -> AddedPackage:
    content = name.encode()
    return AddedPackage(
        name=name,
        version="1",
        architecture=architecture,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        url=f"http://a.example/{name}.deb",
    )


NEED, WISH = package("need", "all"), package("wish", "amd64")
OLD = RemovedPackage(name="old", version="1", architecture="all")
LOCK = PackagesLock(
    format=1,
    wishes=("wish",),
    packages=(NEED, WISH),
    phases=(
        Phase(action=Action.UNPACK, packages=(0,)),
        Phase(action=Action.CONFIGURE, packages=(0,)),
        Phase(action=Action.UNPACK, packages=(1,)),
        Phase(action=Action.CONFIGURE, packages=(1,)),
    ),
)
FILES = "/var/cache/distroclone-builder-packages"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    for each in LOCK.packages:
        (folder / each.key).write_bytes(each.name.encode())
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for folder in ("usr/sbin", "usr/local/sbin", "etc", "var/cache", "var/lib/dpkg/info"):
        (root / folder).mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    return root


def installed(root: Path, store: Path, system: RecordingSystem) -> frozenset[bytes]:
    return Installation(lock=LOCK, store=store).into(Tree(root, clock=CLOCK), system)


def test_dpkg_gets_the_packages_in_the_order_of_the_lock(root: Path, store: Path) -> None:
    system = RecordingSystem()
    installed(root, store, system)
    dpkg = [command for command in system.commands if command[0] == "dpkg"]
    options = ("dpkg", "--force-confold", "--force-unsafe-io")
    assert dpkg == [
        (*options, "--no-triggers", "--auto-deconfigure", "--unpack", f"{FILES}/{NEED.key}"),
        (*options, "--no-triggers", "--configure", "need"),
        (*options, "--no-triggers", "--auto-deconfigure", "--unpack", f"{FILES}/{WISH.key}"),
        (*options, "--no-triggers", "--configure", "wish:amd64"),
        (*options, "--triggers-only", "--pending"),
        (*options, "--configure", "--pending"),
        ("dpkg", "--audit"),
    ]
    assert all(place == root for place in system.roots)
    assert all(each["INITRD"] == "No" for each in system.environments)


def test_what_goes_may_be_needed_by_what_is_still_there(root: Path, store: Path) -> None:
    system = RecordingSystem()
    Installation(lock=REMOVING, store=store).into(Tree(root, clock=CLOCK), system)
    assert system.commands[0][-3:] == ("--force-depends", "--remove", "old")


def test_no_service_starts_and_no_initramfs_is_made(root: Path, store: Path) -> None:
    (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 0\n")
    ours = installed(root, store, RecordingSystem())
    assert (root / "usr/sbin/policy-rc.d").read_text().endswith("exit 101\n")
    assert (root / "usr/local/sbin/update-initramfs").stat().st_mode & 0o111
    assert b"/usr/sbin/policy-rc.d" in ours
    assert b"/usr/local/sbin/update-initramfs" in ours


def test_where_sbin_is_a_link_the_real_paths_are_ours(root: Path, store: Path) -> None:
    (root / "usr/bin").mkdir()
    (root / "usr/sbin").rmdir()
    (root / "usr/sbin").symlink_to("bin")
    assert b"/usr/bin/policy-rc.d" in installed(root, store, RecordingSystem())


def test_a_file_that_is_gone_is_named(root: Path, store: Path) -> None:
    (store / WISH.key).write_bytes(b"other")
    with pytest.raises(StepError, match="wish:amd64=1 is not there any more"):
        installed(root, store, RecordingSystem())


def test_what_dpkg_says_is_the_reason(root: Path, store: Path) -> None:
    def answer(argv: Sequence[str]) -> str:
        lines = ["Unpacking", "dpkg: dependency problems prevent configuration of wish:"]
        raise ToolError("{tool} failed", command=argv, output=lines, tool="dpkg")

    with pytest.raises(StepError, match="dependency problems prevent configuration of wish") as why:
        installed(root, store, RecordingSystem(answer))
    assert "packages lock" in str(why.value.hint)


def test_what_is_left_half_installed_is_an_error(root: Path, store: Path) -> None:
    def answer(argv: Sequence[str]) -> str:
        return "The following packages are only half configured\n" if "--audit" in argv else ""

    with pytest.raises(StepError, match="are not wholly installed: The following packages"):
        installed(root, store, RecordingSystem(answer))


@pytest.mark.parametrize(
    "path",
    [
        b"/var/log/dpkg.log",
        b"/var/cache/ldconfig/aux-cache",
        b"/boot/initrd.img-6",
        b"/usr/share/info/dir",
        b"/tmp",
        b"/var/lib/systemd/catalog/database",
    ],
)
def test_what_differs_at_each_run_stays_out(path: bytes) -> None:
    assert is_fleeting(path)


@pytest.mark.parametrize(
    "path", [b"/var/log", b"/boot/vmlinuz-6", b"/usr/share/info/a.info", b"/var/tmp", b"/tmpfiles"]
)
def test_what_does_not_differ_gets_in(path: bytes) -> None:
    assert not is_fleeting(path)


REMOVING = PackagesLock(
    format=1,
    wishes=(),
    packages=(),
    phases=(Phase(action=Action.REMOVE, packages=(0,)),),
    removes=("old",),
    removed=(OLD,),
)


@pytest.fixture
def system_tree(tmp_path: Path) -> Path:
    return make_system(tmp_path / "system")


def removing(
    root: Path, tmp_path: Path, paths: Sequence[str]
) -> tuple[InstallStep, RecordingSystem]:
    """Return the step for a system of which dpkg then takes these paths away."""
    for path in paths:
        put(root, path, "old")
    listed = "".join(f"/{path}\n" for path in paths)
    put(root, "var/lib/dpkg/info/old.list", listed)

    def answer(argv: Sequence[str]) -> str:
        place = system.roots[-1]
        assert place is not None
        if "--remove" in argv:
            for path in paths:
                (place / path).unlink()
        return ""

    system = RecordingSystem(answer)
    step = InstallStep(
        root=root.with_name("before"),
        scratch=open_tree(root),
        store=tmp_path / "store",
        lock=REMOVING,
        source_date_epoch=CLOCK,
        journal=tmp_path / "journal.json",
    )
    shutil.copytree(root, step.root, symlinks=True)
    return step, system


def test_what_went_with_a_package_is_accounted_for(tmp_path: Path, system_tree: Path) -> None:
    step, system = removing(system_tree, tmp_path, ["usr/bin/old", "etc/cron.d/old"])
    step.run(system)
    rows = {(each["path"], each["change"], each["rule"])
            for each in json.loads(step.journal.read_text())}  # fmt: skip
    assert ("/usr/bin/old", "removed", "removed-packages") in rows
    assert ("/etc/cron.d/old", "removed", "removed-packages") in rows
    assert not (step.root / "usr/bin/old").exists()


def test_a_system_that_could_not_start_any_more_is_refused(
    tmp_path: Path, system_tree: Path
) -> None:
    step, system = removing(system_tree, tmp_path, ["usr/sbin/modprobe"])
    with pytest.raises(StepError, match="lacks what starts a system: the programs of kmod"):
        step.run(system)


def test_each_path_is_accounted_for(root: Path, store: Path, tmp_path: Path) -> None:
    made = tmp_path / "scratch"
    made.mkdir()

    def answer(argv: Sequence[str]) -> str:
        place = system.roots[-1]
        assert place is not None
        if argv[-1] == "wish:amd64":
            (place / "usr/bin").mkdir()
            (place / "usr/bin/wish").write_text("wish")
            (place / "var/lib/dpkg/info/wish.list").write_text("/.\n/usr/bin\n/bin/wish\n")
            (place / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nwish:x:9:9::/:\n")
            (place / "var/log").mkdir()
            (place / "var/log/dpkg.log").write_text("now")
        return ""

    system = RecordingSystem(answer)
    scratch = open_tree(root)
    step = InstallStep(
        root=root.with_name("before"),
        scratch=scratch,
        store=store,
        lock=LOCK,
        source_date_epoch=CLOCK,
        journal=tmp_path / "journal.json",
    )
    shutil.copytree(root, step.root)
    step.run(system)
    rows = [(each["path"], each["change"], each["rule"])
            for each in json.loads(step.journal.read_text())]  # fmt: skip
    assert rows == [
        ("/etc/passwd", "changed", "maintainer-scripts"),
        ("/usr/bin", "added", "added-packages"),
        ("/usr/bin/wish", "added", "added-packages"),
        ("/var/lib/dpkg/info/wish.list", "added", "package-database"),
        ("/var/log", "added", "maintainer-scripts"),
    ]
    assert (step.root / "usr/bin/wish").read_text() == "wish"
    assert not (step.root / "usr/sbin/policy-rc.d").exists()
    assert not (step.root / "var/log/dpkg.log").exists()
    assert not (step.root / FILES.lstrip("/")).exists()
    assert system.notes[-1] == (
        "Packages added: 2, removed: 0; other paths that their scripts wrote: 2"
    )
