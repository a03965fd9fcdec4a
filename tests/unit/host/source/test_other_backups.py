"""Another program's rsync into a cache is found by its command line."""

from pathlib import Path

import pytest

from builder.basics.errors import HostError
from builder.host.source.other_backups import check_no_other


def process(tmp_path: Path, *words: object, number: str = "4711") -> Path:
    folder = tmp_path / "proc" / number
    folder.mkdir(parents=True)
    (folder / "cmdline").write_bytes(b"".join(str(word).encode() + b"\0" for word in words))
    return tmp_path / "proc"


@pytest.mark.parametrize("tail", ["", "/"])
def test_a_running_rsync_into_the_cache_is_waited_for(tmp_path: Path, tail: str) -> None:
    (tmp_path / "real/.rootfs_cache").mkdir(parents=True)
    (tmp_path / "cache").symlink_to("real")
    processes = process(
        tmp_path, "/usr/bin/rsync", "-aAXH", "/", f"{tmp_path}/real/.rootfs_cache{tail}"
    )
    with pytest.raises(HostError, match="process 4711"):
        check_no_other(tmp_path / "cache", processes=processes)


@pytest.mark.parametrize(
    "words",
    [
        ("rsync", "-a", "/", "/elsewhere/.rootfs_cache"),
        ("rsync", "-a", "{cache}/.rootfs_cache/", "/elsewhere"),
        ("vim", "{cache}/.rootfs_cache"),
        (),
    ],
)
def test_what_else_runs_is_nobodys_business(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / ".rootfs_cache").mkdir()
    processes = process(tmp_path, *(word.format(cache=tmp_path) for word in words))
    (processes / "self").mkdir()
    (processes / "12").mkdir()  # one that has just ended
    check_no_other(tmp_path, processes=processes)
