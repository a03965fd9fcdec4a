"""One tiny build that all tests of finished media share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.media import Work, build, make_root


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """A finished build; nobody may change it."""
    work = Work(base=Path(tmp_path_factory.mktemp("built")))
    make_root(work)
    build(work)
    return work


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A folder on a filesystem with about 1 MiB free: a container's own /dev/shm, filled up."""
    shared = Path("/dev/shm")
    folder, filler = shared / "small", shared / "filler"
    folder.mkdir()
    try:
        with filler.open("wb") as stream:
            free = os.statvfs(shared).f_bavail * os.statvfs(shared).f_frsize
            assert free <= 256 << 20, "run these tests in a container: its /dev/shm is small"
            os.posix_fallocate(stream.fileno(), 0, max(free - (1 << 20), 1))
        yield folder
    finally:
        filler.unlink(missing_ok=True)
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()
