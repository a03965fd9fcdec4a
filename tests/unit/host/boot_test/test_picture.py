"""The picture of a screen comes out of a container as a tar, and lands in one file."""

import io
import tarfile
from pathlib import Path

import pytest

from builder.basics.errors import HostError, StepError
from builder.host.boot_test.picture import save_picture


def archive(content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        member = tarfile.TarInfo("screen.png")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def test_a_picture_lands_in_its_file(tmp_path: Path) -> None:
    whole = archive(b"picture" * 1000)
    save_picture([whole[:700], whole[700:]], tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"picture" * 1000


@pytest.mark.parametrize("stream", [archive(b"picture" * 1000)[:900], b"no tar at all"])
def test_half_a_picture_is_none(stream: bytes, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="picture of the screen is incomplete"):
        save_picture([stream], tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"no/a\.png"):
        save_picture([archive(b"x")], tmp_path / "no" / "a.png")
