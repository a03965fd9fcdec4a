"""The output folder: whole results or none."""

import os
import signal
from pathlib import Path

import pytest

from builder.basics.errors import HostError, Interrupted, UsageError, VerificationError
from builder.basics.signals import interruptible
from builder.basics.sizes import readable_size
from builder.host.output.delivery import output_folder
from tests.support.deliveries import (
    FILES,
    RUN,
    WANTED,
    archive,
    artefact,
    deliver,
    names,
)


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
    other = f".distroclone-builder-{'0' * 16}.partial"
    (tmp_path / other).mkdir()
    with output_folder(tmp_path) as output:
        assert stale.name in names(tmp_path)  # a signature needs no room, and nobody's results
        output.remove_stale(keep=["0" * 16])
        assert names(tmp_path) == [other, "mine"]
        output.remove_stale()
        assert names(tmp_path) == ["mine"]


def test_a_folder_of_results_is_found_again_and_then_stays(tmp_path: Path) -> None:
    with output_folder(tmp_path) as output:
        with output.partial_again(RUN) as (made, was_there):
            assert (made.is_dir(), was_there) == (True, False)
        assert not made.exists()
        made.mkdir()
        with output.partial_again(RUN) as (found, was_there):
            assert (found, was_there) == (made, True)
        assert made.is_dir()


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("gone")
    for name, reason in (
        ("file", "it is no folder"),
        ("link", "it is a link to gone, which is no"),
    ):
        with (
            pytest.raises(HostError, match=f"{name} cannot be used: {reason}") as caught,
            output_folder(tmp_path / name),
        ):
            pass
        assert "--output" in caught.value.advice


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
