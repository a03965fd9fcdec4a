"""The reader of an ISO's tables finds on a real one what is there, and nothing else."""

import subprocess
from pathlib import Path

import pytest

from builder.host.results.iso_folder import has_file
from tests.support.media import Work

pytestmark = pytest.mark.tools


def test_each_file_of_a_real_iso_is_found_and_no_other(built: Work, tmp_path: Path) -> None:
    folder = tmp_path / "iso"
    argv = ["osirrox", "-indev", str(built.iso), "-extract", "/", str(folder)]
    subprocess.run(argv, check=True, capture_output=True)
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]
    names = [path.relative_to(folder).as_posix() for path in files]
    assert "live/filesystem.squashfs" in names
    with built.iso.open("rb") as stream:
        assert [name for name in names if not has_file(stream, name)] == []
        for other in ("live", "live/", "live/installer.squashfs", "filesystem.squashfs", "a/b"):
            assert not has_file(stream, other)
