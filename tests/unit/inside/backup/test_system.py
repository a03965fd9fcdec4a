"""The system that is copied is the one that was meant."""

from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import HostError, SourceError
from builder.border.backups import FolderIdentity, FreezeSystemRequest
from builder.inside.backup import system as module
from builder.inside.backup.system import (
    BOOT_ID,
    check_identity,
    check_same_system,
    check_system,
    freeze_system,
    not_rewritten,
    warn_of_one_disk,
)
from builder.inside.source.unfinished import mark, unmark
from tests.support.systems import RecordingSystem
from tests.support.trees import put


def identity(path: Path) -> FolderIdentity:
    status = path.stat()
    return FolderIdentity(
        boot=BOOT_ID.read_text().strip(), device=status.st_dev, inode=status.st_ino
    )


@pytest.fixture(autouse=True)
def all_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A container that sees all users, as root has them."""
    users = tmp_path / "uid_map"
    users.write_text("         0          0 4294967295\n")
    monkeypatch.setattr(module, "_USERS", users)
    return users


def test_the_folder_that_is_meant_is_known(tmp_path: Path) -> None:
    check_identity(identity(tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"boot": "another"}, "another machine"),
        ({"device": 1}, "another folder"),
        ({"inode": 1}, "another folder"),
    ],
)
def test_another_system_is_never_taken_for_it(
    tmp_path: Path, wrong: dict[str, str | int], reason: str
) -> None:
    expected = replace(identity(tmp_path), **wrong)  # type: ignore[arg-type]
    with pytest.raises(HostError, match=reason):
        check_identity(expected, tmp_path)


def test_an_engine_that_hides_users_cannot_copy_their_files(
    tmp_path: Path, all_users: Path
) -> None:
    all_users.write_text("0 1000 1\n1 100000 65536\n")
    with pytest.raises(HostError, match="only some of the users"):
        check_identity(identity(tmp_path), tmp_path)


MACHINES = ("0123456789abcdef" * 2, "fedcba9876543210" * 2)


@pytest.mark.parametrize(
    ("there", "fits"),
    [(MACHINES[0], True), (MACHINES[1], False), ("", True), ("uninitialized", True)],
)
def test_a_drive_with_another_machines_backup_is_not_taken_for_ours(
    tmp_path: Path, there: str, fits: bool
) -> None:
    put(tmp_path, "source/etc/machine-id", f"{MACHINES[0]}\n")
    put(tmp_path, "cache/etc/machine-id", f"{there}\n")
    if fits:
        check_same_system(tmp_path / "source", tmp_path / "cache")
        return
    with pytest.raises(SourceError, match="backup of another system"):
        check_same_system(tmp_path / "source", tmp_path / "cache")


def test_a_cache_that_is_new_is_anybodys(tmp_path: Path) -> None:
    put(tmp_path, "source/etc/machine-id", f"{MACHINES[0]}\n")
    (tmp_path / "cache").mkdir()
    check_same_system(tmp_path / "source", tmp_path / "cache")


def test_an_empty_mount_point_is_no_system(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no system to back up"):
        check_system(tmp_path)


@pytest.mark.parametrize("name", ["etc", "../x", ""])
def test_a_system_is_frozen_under_names_of_our_own_alone(tmp_path: Path, name: str) -> None:
    system = RecordingSystem()
    request = FreezeSystemRequest(name=name, system=identity(tmp_path))
    with pytest.raises(SourceError, match="Invalid name"):
        freeze_system(request, system=system, source=tmp_path)
    assert system.commands == []


def test_a_snapshot_is_never_put_into_an_older_one(tmp_path: Path) -> None:
    name = ".distroclone-builder-0123456789abcdef"
    (tmp_path / name).mkdir()
    request = FreezeSystemRequest(name=name, system=identity(tmp_path))
    with pytest.raises(SourceError, match="is already there"):
        freeze_system(request, system=RecordingSystem(), source=tmp_path)


def test_a_cache_on_the_systems_own_disk_is_warned_of(tmp_path: Path) -> None:
    system = RecordingSystem()
    warn_of_one_disk(tmp_path, Path("/proc"), system=system)
    assert system.notes == []
    warn_of_one_disk(tmp_path, tmp_path, system=system)
    assert "if its disk fails, both are gone" in system.notes[0]


def test_what_a_backup_wrote_to_meanwhile_is_not_trusted(tmp_path: Path) -> None:
    with not_rewritten(tmp_path):
        [*tmp_path.iterdir()]
    with pytest.raises(SourceError, match="A backup was writing"), not_rewritten(tmp_path):
        mark(tmp_path, now=1)
    with pytest.raises(SourceError, match="A backup was writing"), not_rewritten(tmp_path):
        unmark(tmp_path)
