"""What a file system must keep to hold a cache is tried, and refused with what it does not keep.

That real ones pass is tried in tests/container, which needs root.
"""

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from builder.basics.errors import SourceError
from builder.inside.backup import holding
from builder.inside.backup.holding import PROBE, check_holding
from tests.support.trees import put


def unsupported(*_arguments: object, **_more: object) -> NoReturn:
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


def ignored(*_arguments: object, **_more: object) -> None:
    pass


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("chown", "owners"),
        ("chmod", "modes"),
        ("link", "links"),
        ("mknod", "devices and pipes"),
        ("setxattr", "extended attributes"),
        ("setxattr", "ACLs"),
    ],
)
@pytest.mark.parametrize("how", [unsupported, ignored])
def test_a_file_system_without_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, what: str, how: object
) -> None:
    monkeypatch.setattr(holding, "_TRIALS", {what: holding._TRIALS[what]})
    monkeypatch.setattr(os, call, how)
    with pytest.raises(SourceError, match=f"on a-fs, which does not keep {what}"):
        check_holding(tmp_path, filesystem="a-fs")
    monkeypatch.undo()
    assert [*tmp_path.iterdir()] == []


def test_names_that_it_cannot_hold_are_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "_TRIALS", {"all names": holding._TRIALS["all names"]})
    check_holding(tmp_path, filesystem="ext4")
    monkeypatch.setattr(holding, "_LONGEST_NAME", 256)  # one more than it can
    with pytest.raises(SourceError, match="does not keep all names"):
        check_holding(tmp_path, filesystem="ext4")


def test_memory_is_no_place_for_a_backup(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="in memory") as caught:
        check_holding(tmp_path, filesystem="tmpfs")
    assert "its drive is not mounted" in caught.value.advice
    assert [*tmp_path.iterdir()] == []


def test_what_a_killed_one_left_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, f"{PROBE}/owner")
    monkeypatch.setattr(holding, "_TRIALS", {"modes": holding._TRIALS["modes"]})
    assert check_holding(tmp_path, filesystem="ext4")
    assert [*tmp_path.iterdir()] == []


def test_times_to_the_second_are_told_from_finer_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "_TRIALS", {})
    monkeypatch.setattr(os, "utime", ignored)
    assert not check_holding(tmp_path, filesystem="ext3")
