"""What a container wrote into our folder itself is taken only if it is what was planned."""

import json
import os
import stat
from pathlib import Path

import pytest

from builder.basics.codec import from_data
from builder.basics.errors import HostError, VerificationError
from builder.border.handover import MARK, Mark
from builder.host.output.delivery import output_folder
from tests.support.deliveries import (
    FILES,
    PLANNED,
    RUN,
    WANTED,
    archive,
    artefact,
    deliver,
    names,
    written,
)


def test_what_a_container_wrote_itself_is_verified_and_gets_its_names(tmp_path: Path) -> None:
    written(tmp_path, FILES, WANTED)
    assert names(tmp_path) == ["SHA256SUMS", "x.iso", "x.manifest.json"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (FILES | {"out/x.iso": b"i" * 4999 + b"j"}, "not what the container built"),
        (FILES | {"out/x.iso": b"i" * 4999}, "not what the container built"),
        ({name: content for name, content in FILES.items() if name != "out/x.iso"}, "missing"),
        (FILES | {"out/extra": b""}, "something unexpected: extra"),
    ],
)
def test_nothing_but_the_whole_result_is_taken_from_a_container(
    tmp_path: Path, files: dict[str, bytes], words: str
) -> None:
    with pytest.raises(VerificationError, match=words):
        written(tmp_path, files, WANTED)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("link", "is a symbolic link, not a file"),
        ("pipe", "is not a regular file"),
        ("folder", "is not a regular file"),
    ],
)
def test_what_is_no_plain_file_is_no_result(tmp_path: Path, kind: str, reason: str) -> None:
    with output_folder(tmp_path) as output, output.partial(RUN) as partial:
        for each in WANTED[1:]:
            (partial / each.name).write_bytes(FILES[f"out/{each.name}"])
        place = partial / WANTED[0].name
        if kind == "link":
            place.symlink_to(__file__)
        elif kind == "pipe":
            os.mkfifo(place)
        else:
            place.mkdir()
        with pytest.raises(VerificationError, match=f"x.iso {reason}"):
            output.receive(partial, WANTED, planned=PLANNED, on_progress=lambda _done: None)
    assert names(tmp_path) == []


def test_the_folder_for_results_says_whose_it_is_and_is_closed_to_others(tmp_path: Path) -> None:
    with output_folder(tmp_path) as output, output.partial(RUN) as partial:
        assert partial.parent == tmp_path
        assert partial.stat().st_mode & 0o777 == 0o700
        mark = from_data(Mark, json.loads((partial / MARK).read_bytes()))
        assert mark == Mark(run=RUN, folder=str(tmp_path))
    assert names(tmp_path) == []


@pytest.mark.parametrize("strange", ["thesis.odt", "SHA256SUMS.sig", "y.iso", "x.ISO"])
def test_a_container_cannot_choose_which_files_are_replaced(tmp_path: Path, strange: str) -> None:
    (tmp_path / strange).write_text("of the user")
    files = FILES | {f"out/{strange}": b"x"}
    wanted = [*WANTED, artefact(strange, b"x")]
    with pytest.raises(VerificationError, match=f"something unexpected: {strange}"):
        written(tmp_path, files, wanted)
    with pytest.raises(VerificationError, match=f"something unexpected: {strange}"):
        deliver(tmp_path, archive(files), wanted)
    assert names(tmp_path) == [strange]
    assert (tmp_path / strange).read_text() == "of the user"


@pytest.mark.parametrize("name", PLANNED)
def test_a_planned_result_that_a_container_leaves_out_is_missed(tmp_path: Path, name: str) -> None:
    files = {path: content for path, content in FILES.items() if path != f"out/{name}"}
    wanted = [each for each in WANTED if each.name != name]
    with pytest.raises(VerificationError, match=f"lack {name}"):
        written(tmp_path, files, wanted)
    with pytest.raises(VerificationError, match=f"lack {name}"):
        deliver(tmp_path, archive(files), wanted)
    assert names(tmp_path) == []


def test_a_result_that_is_announced_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match=r"unexpected: x\.iso"):
        written(tmp_path, FILES, [*WANTED, WANTED[0]])
    assert names(tmp_path) == []


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1644, 0o666, 0o600])
def test_every_result_gets_mode_0644(tmp_path: Path, mode: int) -> None:
    with output_folder(tmp_path) as output, output.partial(RUN) as partial:
        for each in WANTED:
            (partial / each.name).write_bytes(FILES[f"out/{each.name}"])
            (partial / each.name).chmod(mode)
        output.receive(partial, WANTED, planned=PLANNED, on_progress=lambda _done: None)
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o644}


@pytest.mark.parametrize("mode", [0o644, 0o777, 0o400])
def test_the_private_file_is_its_owners_alone(tmp_path: Path, mode: int) -> None:
    files = {"x.iso": b"iso", "x.private.json": b"{}", "SHA256SUMS": b"sums"}
    wanted = [artefact(name, content) for name, content in files.items()]
    with output_folder(tmp_path) as output, output.partial(RUN) as partial:
        for name, content in files.items():
            (partial / name).write_bytes(content)
            (partial / name).chmod(mode)
        output.receive(partial, wanted, planned=[*files], on_progress=lambda _done: None)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    assert modes == {"x.iso": 0o644, "x.private.json": 0o600, "SHA256SUMS": 0o644}


def test_fetched_results_have_mode_0644_whatever_the_stream_and_the_umask_say(
    tmp_path: Path,
) -> None:
    before = os.umask(0o077)
    try:
        deliver(tmp_path, archive(FILES, mode=0o6777), WANTED)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o644}


def test_a_mode_that_cannot_be_taken_away_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    with output_folder(tmp_path) as output, output.partial(RUN) as partial:
        for each in WANTED:
            (partial / each.name).write_bytes(FILES[f"out/{each.name}"])
        (partial / "x.iso").chmod(0o4755)
        for name in ("fchown", "fchmod"):  # as for files of another user
            monkeypatch.setattr(os, name, refused)
        with pytest.raises(VerificationError, match=r"x\.iso has mode 4755, not 0644"):
            output.receive(partial, WANTED, planned=PLANNED, on_progress=lambda _done: None)
        (partial / "x.iso").chmod(0o777)
        partial.chmod(0o777)  # as everything is on a file system that keeps no modes
        output.receive(partial, WANTED, planned=PLANNED, on_progress=lambda _done: None)


@pytest.mark.parametrize("way", ["folder", "stream"])
def test_results_are_given_to_the_owner_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda _file, user, group: given.append((user, group)))
    if os.geteuid() == 0:
        os.chown(tmp_path, 1234, 2345)
    if way == "folder":
        written(tmp_path, FILES, WANTED)
    else:
        deliver(tmp_path, archive(FILES), WANTED)
    owner = tmp_path.stat()
    assert given == [(owner.st_uid, owner.st_gid)] * 3


def test_a_result_with_a_second_name_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with output_folder(folder) as output, output.partial(RUN) as partial:
        for each in WANTED:
            (partial / each.name).write_bytes(FILES[f"out/{each.name}"])
        (tmp_path / "also").hardlink_to(partial / "x.iso")
        with pytest.raises(VerificationError, match=r"x\.iso has 2 names"):
            output.receive(partial, WANTED, planned=PLANNED, on_progress=lambda _done: None)
    assert names(folder) == []


@pytest.mark.parametrize("name", ["SHA256SUMS", "x.iso", "x.manifest.json"])
def test_a_pipe_in_the_place_of_a_result_is_refused_and_not_waited_for(
    tmp_path: Path, name: str
) -> None:
    os.mkfifo(tmp_path / name)
    with output_folder(tmp_path) as output:
        output.check_no_other_build("x")
        with pytest.raises(HostError, match=f"not a file .*: {tmp_path}/{name}"):
            output.check_names_free(*PLANNED)
    with pytest.raises(HostError, match="not a file"):
        deliver(tmp_path, archive(FILES), WANTED)
    assert names(tmp_path) == [name]
