"""What speaks against a rollback is said before anything of the system is changed."""

import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from builder.basics.errors import BuilderError, HostError, SourceError, UsageError
from builder.border.whole_systems import LookedBack
from builder.inside.onto_disk import looking_back
from builder.inside.onto_disk.looking_back import look_back
from builder.inside.onto_disk.protecting import rules
from builder.inside.source.unfinished import MARK as UNFINISHED
from builder.inside.tree.tree import Tree
from tests.support.rolled import rollback_request
from tests.support.trees import KERNEL, make_kernel, make_system, put

PEOPLE = "anna:x:1000:1000::/home/anna:/bin/bash\n"


class Rsync:
    """A system whose rsync says what a test wants."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.argv: Sequence[str] = ()

    def run(self, argv: Sequence[str], *, progress: Callable[[str], float | None], **_: Any) -> str:
        self.argv = argv
        for line in self.lines:
            assert progress(line) is not None
        return ""


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """A snapshot, and the system that it is of."""
    made = tmp_path / "old", tmp_path / "new"
    for root in made:
        make_system(root)
        put(root, "etc/machine-id", f"{7:032x}\n")
        put(root, "etc/hostname", "kiosk\n")
        put(root, "etc/fstab", "UUID=1 / ext4 defaults 0 1\n")
        put(root, "etc/passwd", PEOPLE)
    return made


def looked(trees: tuple[Path, Path], *lines: str, **more: object) -> LookedBack:
    request = rollback_request(trees[1], **more)
    return look_back(request, system=Rsync(*lines), source=trees[0], target=trees[1])  # type: ignore[arg-type]


def test_the_plan_says_what_would_change_and_what_stays(trees: tuple[Path, Path]) -> None:
    put(trees[1], "etc/passwd", f"{PEOPLE}bob:x:1001:1001::/home/bob:/bin/sh\n")
    make_kernel(trees[1], "9.9.9-new")
    found = looked(
        trees, ">f+++++++++ 20 etc/old", ">f.st...... 7 etc/hosts", "*deleting   0 etc/new"
    )
    assert (found.system, found.hostname) == ("Debian GNU/Linux 13 (trixie)", "kiosk")
    assert (found.kernels, found.leaving, found.size) == ((KERNEL,), ("bob",), 27)
    assert [each.some for each in (found.added, found.changed, found.deleted)] == [
        ("/etc/old",), ("/etc/hosts",), ("/etc/new",),
    ]  # fmt: skip
    assert found.protected == ("/etc/fstab", "/etc/machine-id")


def test_looking_is_a_trial(trees: tuple[Path, Path]) -> None:
    rsync = Rsync()
    look_back(rollback_request(trees[1]), system=rsync, source=trees[0], target=trees[1])  # type: ignore[arg-type]
    assert {"--dry-run", "--delete", "--numeric-ids", "-aAXH"} <= {*rsync.argv}


def other_root(old: Path, _new: Path) -> None:
    put(old, "etc/fstab", "UUID=2 / ext4 defaults 0 1\n")


def other_machine(old: Path, _new: Path) -> None:
    put(old, "etc/machine-id", f"{8:032x}\n")


def no_kernel(old: Path, _new: Path) -> None:
    (old / f"boot/vmlinuz-{KERNEL}").unlink()


def no_menu(_old: Path, new: Path) -> None:
    put(new, "boot/grub/grub.cfg", "menu")


def not_merged(old: Path, _new: Path) -> None:
    (old / "bin").unlink()
    put(old, "bin/sh", "x")


def unfinished(old: Path, _new: Path) -> None:
    put(old, UNFINISHED, "1\n")


def empty(old: Path, _new: Path) -> None:
    (old / "usr").rename(old.parent / "gone")
    (old / "usr").mkdir()


def no_system(_old: Path, new: Path) -> None:
    (new / "etc/machine-id").unlink()
    (new / "usr/lib/os-release").unlink()


@pytest.mark.parametrize(
    ("done", "kind", "reason"),
    [
        (other_root, SourceError, "/ was on another disk .*: UUID=2, and now UUID=1"),
        (other_machine, SourceError, "The snapshot is of another system"),
        (not_merged, SourceError, "/bin is a link in one"),
        (unfinished, SourceError, "There is no whole system in the snapshot"),
        (empty, SourceError, "There is no whole system in the snapshot"),
        (no_system, UsageError, "There is no system to roll back"),
    ],
)
def test_what_would_not_start_any_more_is_refused(
    trees: tuple[Path, Path],
    done: Callable[[Path, Path], None],
    kind: type[BuilderError],
    reason: str,
) -> None:
    done(*trees)
    with pytest.raises(kind, match=reason):
        looked(trees)


@pytest.mark.parametrize("done", [no_kernel, no_menu])
def test_a_snapshot_that_would_not_start_leaves_the_kernels_of_today(
    trees: tuple[Path, Path], done: Callable[[Path, Path], None]
) -> None:
    assert looked(trees).kernels == (KERNEL,)
    done(*trees)
    assert looked(trees).kernels == ()
    found = rules(Tree(trees[0]), Tree(trees[1]), rollback_request(trees[1]))
    assert {"- /boot/**", "- /usr/lib/modules"} <= {*found}


def test_a_damaged_system_is_still_the_one_of_the_snapshot(trees: tuple[Path, Path]) -> None:
    (trees[1] / "usr/lib/os-release").unlink()
    assert looked(trees).kernels == (KERNEL,)


def test_the_engine_that_does_it_does_not_go(trees: tuple[Path, Path]) -> None:
    put(trees[1], "usr/bin/dockerd", "x")
    with pytest.raises(SourceError, match="The snapshot has no /usr/bin/dockerd"):
        looked(trees, kernel=KERNEL)
    assert looked(trees).deleted.count == 0  # of another system: nothing of it runs
    put(trees[0], "usr/bin/dockerd", "x")
    assert looked(trees, kernel=KERNEL).deleted.count == 0


def test_homes_are_not_rolled_back_to_nothing(trees: tuple[Path, Path]) -> None:
    put(trees[1], "home/anna/letter", "x")
    with pytest.raises(SourceError, match="The snapshot has no homes"):
        looked(trees, homes=True, filters=())


def test_a_disk_that_is_too_full_is_told_before(
    trees: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_back, "_SPARE", 1 << 60)
    with pytest.raises(HostError, match=r"/ has .* free; .* is needed there for a while"):
        looked(trees, ">f.st...... 7 etc/hosts")


def test_files_that_nobody_can_change_are_told_before(
    trees: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    def unchangeable(path: bytes) -> bool:
        asked.append(path)
        return True

    monkeypatch.setattr(looking_back, "is_unchangeable", unchangeable)
    with pytest.raises(HostError, match=r"2 files .* immutable or append-only, such as /etc/hosts"):
        looked(trees, ">f.st...... 7 etc/hosts", "*deleting   0 etc/li\\#012ne",
               ">f+++++++++ 1 etc/added")  # fmt: skip
    assert asked == [os.fsencode(trees[1]) + end for end in (b"/etc/hosts", b"/etc/li\nne")]


def test_packages_that_are_being_installed_are_waited_for(trees: tuple[Path, Path]) -> None:
    lock = put(trees[1], "var/lib/dpkg/lock-frontend")
    child, parent = os.pipe(), os.pipe()
    if (number := os.fork()) == 0:  # a lock of fcntl(2) is one of a process
        descriptor = os.open(lock, os.O_RDWR)
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
        os.write(child[1], b"x")
        os.read(parent[0], 1)
        os._exit(0)
    os.read(child[0], 1)
    try:
        with pytest.raises(HostError, match="Packages are being installed or removed right now"):
            looked(trees)
    finally:
        os.write(parent[1], b"x")
        os.waitpid(number, 0)
        for each in (*child, *parent):
            os.close(each)
    assert looked(trees).deleted.count == 0
