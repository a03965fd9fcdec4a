"""Where a build puts its results: the host's folder when it is certainly that, else the volume."""

import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.basics.codec import to_data
from builder.basics.errors import HostError, StepError
from builder.border.handover import MARK, Mark
from builder.inside.output.results import Results, results_folder
from tests.support.systems import RecordingSystem

RUN = "0123456789abcdef"


def marked(folder: Path, *, run: str = RUN) -> Path:
    folder.mkdir()
    mark = Mark(run=run, folder="/home/me/iso")
    (folder / MARK).write_text(json.dumps(to_data(mark)))
    return folder


def test_a_folder_with_the_mark_of_this_run_takes_the_results_itself(tmp_path: Path) -> None:
    bound, system = marked(tmp_path / "bound"), RecordingSystem()
    results = results_folder(bound, tmp_path / "volume", run=RUN, system=system)
    assert results == Results(folder=bound, output="/home/me/iso")
    assert results.delivered
    assert [each.name for each in bound.iterdir()] == [MARK]
    assert system.notes == []


@pytest.mark.parametrize("mark", [None, "", "[]", "{}", '{"run": 1, "folder": ""}', "[" * 100_000])
def test_without_a_good_mark_the_results_go_to_the_volume_and_that_is_said(
    tmp_path: Path, mark: str | None
) -> None:
    bound, volume, system = tmp_path / "bound", tmp_path / "volume", RecordingSystem()
    bound.mkdir()
    if mark is not None:
        (bound / MARK).write_text(mark)
    results = results_folder(bound, volume, run=RUN, system=system)
    assert results == Results(folder=volume)
    assert not results.delivered
    assert volume.is_dir()
    (note,) = system.notes
    assert "copied out of the container" in note


def test_the_mark_of_another_run_is_none(tmp_path: Path) -> None:
    bound = marked(tmp_path / "bound", run="f" * 16)
    results = results_folder(bound, tmp_path / "volume", run=RUN, system=RecordingSystem())
    assert not results.delivered


def test_a_mark_that_is_a_link_or_a_pipe_is_none(tmp_path: Path) -> None:
    real = marked(tmp_path / "real")
    for name, make in (
        ("link", lambda path: path.symlink_to(real / MARK)),
        ("pipe", os.mkfifo),
    ):
        bound = tmp_path / name
        bound.mkdir()
        make(bound / MARK)
        volume = tmp_path / f"{name}-volume"
        assert not results_folder(bound, volume, run=RUN, system=RecordingSystem()).delivered


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ESTALE])
def test_a_folder_that_cannot_be_written_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    bound, volume = marked(tmp_path / "bound"), tmp_path / "volume"
    monkeypatch.setattr(Path, "write_text", refusing(number))
    assert not results_folder(bound, volume, run=RUN, system=RecordingSystem()).delivered


def test_a_folder_whose_disk_is_full_is_still_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound, volume = marked(tmp_path / "bound"), tmp_path / "volume"
    monkeypatch.setattr(Path, "write_text", refusing(errno.ENOSPC))
    results = results_folder(bound, volume, run=RUN, system=RecordingSystem())
    with pytest.raises(HostError, match=r"/home/me/iso has [\d.]+ [KMGT]iB free; about"):
        results.check_room(1 << 60)


def refusing(number: int) -> Callable[..., int]:
    def refuse(*_words: object, **_options: object) -> int:
        raise OSError(number, os.strerror(number))

    return refuse


def finished(folder: Path) -> None:
    (folder / "x.iso").write_bytes(b"iso")
    (folder / "x.iso").chmod(0o600)
    (folder / "SHA256SUMS").write_text(f"{'a' * 64}  x.iso\n")


def test_finished_files_belong_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    finished(tmp_path)
    given = os.geteuid() == 0
    if given:
        os.chown(tmp_path, 65534, 65533)
    sums, iso = Results(folder=tmp_path, output="/home/me/iso").settled()
    assert (iso.name, iso.size, iso.sha256) == ("x.iso", 3, "a" * 64)
    assert (sums.name, sums.size) == ("SHA256SUMS", 72)
    status = (tmp_path / "x.iso").stat()
    assert status.st_mode & 0o7777 == 0o644
    owner = tmp_path.stat()
    assert (status.st_uid, status.st_gid) == (owner.st_uid, owner.st_gid)
    assert not given or status.st_uid == 65534


def test_what_the_sums_do_not_list_is_described_too_and_stays_private(tmp_path: Path) -> None:
    finished(tmp_path)
    (tmp_path / "x.private.json").write_bytes(b"{}")
    found = {each.name: each for each in Results(folder=tmp_path).settled("x.private.json")}
    assert found.keys() == {"x.iso", "SHA256SUMS", "x.private.json"}
    private = found["x.private.json"]
    assert (private.size, private.sha256) == (2, hashlib.sha256(b"{}").hexdigest())
    assert (tmp_path / "x.private.json").stat().st_mode & 0o7777 == 0o600


@pytest.mark.parametrize("number", [errno.EPERM, errno.EINVAL, errno.ENOTSUP])
def test_a_filesystem_without_owners_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    finished(tmp_path)
    monkeypatch.setattr(os, "fchown", refusing(number))
    assert len(Results(folder=tmp_path, output="/home/me/iso").settled()) == 2


def test_a_quota_that_is_exceeded_is_no_such_thing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(tmp_path)
    monkeypatch.setattr(os, "fchown", refusing(errno.EDQUOT))
    with pytest.raises(OSError, match="quota"):
        Results(folder=tmp_path, output="/home/me/iso").settled()


FULL = "xorriso : FAILURE : Image size 12345s exceeds free space on media 10s"


@pytest.mark.parametrize("line", [FULL, "cp: x: No space left on device"])
def test_a_tool_that_finds_the_output_folder_full_names_it(tmp_path: Path, line: str) -> None:
    results = Results(folder=tmp_path, output="/home/me/iso")
    command = ("xorriso", "-o", f"{tmp_path}/x.iso", "/work/iso")
    with pytest.raises(HostError, match="The output folder /home/me/iso is full") as caught:
        fail(results, StepError("failed", command=command, output=[line]))
    assert "--output" in caught.value.advice
    assert (caught.value.command, caught.value.output) == (command, (line,))


def test_a_full_work_volume_is_not_blamed_on_the_output_folder(tmp_path: Path) -> None:
    error = StepError("failed", command=("mksquashfs", "/work/root", "/work/x"), output=[FULL])
    for results in (Results(folder=tmp_path, output="/home/me/iso"), Results(folder=tmp_path)):
        with pytest.raises(StepError, match="failed"):
            fail(results, error)
        with pytest.raises(OSError, match="No space"):
            fail(results, OSError(errno.ENOSPC, "No space", "/work/x"))


def fail(results: Results, error: Exception) -> None:
    with results.room_named():
        raise error
