"""The output folder: whole results or none."""

import hashlib
import io
import json
import os
import signal
import stat
import tarfile
from pathlib import Path

import pytest

from builder.basics.codec import from_data
from builder.basics.errors import HostError, Interrupted, UsageError, VerificationError
from builder.basics.signals import interruptible
from builder.basics.sizes import readable_size
from builder.border.handover import MARK, Artefact, Mark
from builder.host.output.delivery import output_folder

RUN = "0123456789abcdef"


def artefact(name: str, content: bytes) -> Artefact:
    return Artefact(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def archive(
    files: dict[str, bytes], *, links: dict[str, str] | None = None, mode: int = 0o644
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        top = tarfile.TarInfo("out")
        top.type = tarfile.DIRTYPE
        tar.addfile(top)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return buffer.getvalue()


def pieces(data: bytes, size: int = 700) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def deliver(folder: Path, data: bytes, artefacts: list[Artefact]) -> list[float]:
    fractions: list[float] = []
    with output_folder(folder) as output, output.partial(RUN) as partial:
        output.fetch(
            pieces(data), partial, artefacts, planned=PLANNED, on_progress=fractions.append
        )
        output.receive(partial, artefacts, planned=PLANNED, on_progress=fractions.append)
    return fractions


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


FILES = {"out/x.iso": b"i" * 5000, "out/x.manifest.json": b"{}", "out/SHA256SUMS": b"sums"}
WANTED = [artefact(name.removeprefix("out/"), content) for name, content in FILES.items()]
PLANNED = [each.name for each in WANTED]


def test_verified_results_get_their_names_and_nothing_else_stays(tmp_path: Path) -> None:
    fractions = deliver(tmp_path / "new" / "folder", archive(FILES), WANTED)
    assert names(tmp_path / "new" / "folder") == ["SHA256SUMS", "x.iso", "x.manifest.json"]
    assert (tmp_path / "new/folder/x.iso").read_bytes() == b"i" * 5000
    assert fractions[-1] == 1.0


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (FILES | {"out/x.iso": b"i" * 4999 + b"j"}, "x.iso is not what the container built"),
        (
            {name: content for name, content in FILES.items() if name != "out/x.iso"},
            "x.iso is missing",
        ),
        (FILES | {"out/extra": b""}, "unexpected: out/extra"),
        (FILES | {"out/x.iso": b"i" * 5001}, "unexpected: out/x.iso"),
    ],
    ids=["one byte differs", "one file is missing", "one file too many", "one byte too many"],
)
def test_anything_but_the_whole_result_leaves_the_folder_as_it_was(
    tmp_path: Path, files: dict[str, bytes], reason: str
) -> None:
    (tmp_path / "x.iso").write_bytes(b"the old one")
    with pytest.raises(VerificationError, match=reason):
        deliver(tmp_path, archive(files), WANTED)
    assert names(tmp_path) == ["x.iso"]
    assert (tmp_path / "x.iso").read_bytes() == b"the old one"


def test_a_link_among_the_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="unexpected"):
        deliver(tmp_path, archive({}, links={"out/x.iso": "/etc/passwd"}), WANTED)
    assert names(tmp_path) == []


def test_a_path_that_climbs_lands_nowhere(tmp_path: Path) -> None:
    climbing = archive(FILES | {"out/../../evil": b"x"})
    with pytest.raises(VerificationError, match=r"unexpected.*evil"):
        deliver(tmp_path / "out", climbing, WANTED)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("name", ["../x.iso", "/x.iso", ".hidden", "a b", ""])
def test_a_result_whose_name_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    (tmp_path / "x.iso").write_bytes(b"i")
    with pytest.raises(VerificationError, match="unexpected"):
        deliver(folder, archive({f"out/{name}": b"i"}), [artefact(name, b"i")])
    assert (tmp_path / "x.iso").exists()
    assert names(folder) == []


def test_a_stream_that_breaks_off_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="incomplete"):
        deliver(tmp_path, archive(FILES)[:3000], WANTED)
    assert names(tmp_path) == []


def test_the_signature_of_older_results_goes_with_them(tmp_path: Path) -> None:
    signatures = ("SHA256SUMS.sig", "SHA256SUMS.asc")
    for name in signatures:
        (tmp_path / name).write_text("of the old ones")
    deliver(tmp_path, archive(FILES), WANTED)
    assert names(tmp_path) == ["SHA256SUMS", "x.iso", "x.manifest.json"]
    for name in signatures:
        (tmp_path / name).write_text("of the old ones")
    with pytest.raises(VerificationError, match="incomplete"):
        deliver(tmp_path, archive(FILES)[:3000], WANTED)
    assert set(signatures) < set(names(tmp_path))


def test_two_builds_cannot_use_one_folder(tmp_path: Path) -> None:
    second = output_folder(tmp_path)
    with output_folder(tmp_path), pytest.raises(HostError, match="Another build"), second:
        pass
    with output_folder(tmp_path):
        pass


def test_what_a_crashed_build_left_is_removed(tmp_path: Path) -> None:
    stale = tmp_path / f".distroclone-builder-{RUN}.partial"
    stale.mkdir()
    (stale / "x.iso").write_bytes(b"half")
    (tmp_path / "mine").mkdir()
    with output_folder(tmp_path):
        assert names(tmp_path) == ["mine"]


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostError, match="cannot be used"), output_folder(tmp_path / "file"):
        pass


def test_a_folder_without_write_permission_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(HostError, match="cannot write"), output_folder(tmp_path):
        pass


def test_sums_of_another_build_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text("0" * 64 + "  other.iso\n")
    (tmp_path / "other.iso").touch()
    with output_folder(tmp_path) as output:
        output.check_no_other_build("other")
        with pytest.raises(UsageError, match=r"other\.iso"):
            output.check_no_other_build("x")
        (tmp_path / "other.iso").unlink()
        output.check_no_other_build("x")


def test_too_little_space_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with output_folder(tmp_path) as output, pytest.raises(HostError, match="free"):
        output.check_free(2**60)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1536, "1.5 KiB"), (5 * 2**30, "5.0 GiB"), (2**50, "1024.0 TiB")],
)
def test_sizes_are_readable(count: int, text: str) -> None:
    assert readable_size(count) == text


@pytest.mark.parametrize("name", ["x.iso", "x.manifest.json", "SHA256SUMS"])
def test_a_folder_in_the_way_of_one_result_keeps_all_of_them_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "precious").mkdir(parents=True)
    with pytest.raises(HostError, match=f"has the name of a result: {tmp_path}/{name}"):
        deliver(tmp_path, archive(FILES), WANTED)
    assert names(tmp_path) == [name]


def test_an_interruption_while_the_names_are_given_comes_when_all_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        os.kill(os.getpid(), signal.SIGTERM)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with interruptible(), pytest.raises(Interrupted):
        deliver(tmp_path, archive(FILES), WANTED)
    assert names(tmp_path) == ["SHA256SUMS", "x.iso", "x.manifest.json"]


def written(folder: Path, files: dict[str, bytes], wanted: list[Artefact]) -> None:
    """Deliver what a container wrote into our folder itself."""
    with output_folder(folder) as output, output.partial(RUN) as partial:
        for name, content in files.items():
            (partial / name.removeprefix("out/")).write_bytes(content)
        output.receive(partial, wanted, planned=PLANNED, on_progress=lambda _done: None)


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
