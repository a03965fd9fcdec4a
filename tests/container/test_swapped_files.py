"""Somebody swaps files of the source while a build reads them, so the build gives nothing.

He puts everything back as it was, with its times, so that nothing but the kernel's own date of the
change is left to see. He runs beside the build, as whoever owns the tree can.
"""

import os
import re
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from tests.support.caches import ROOTFS
from tests.support.command_line import running
from tests.support.leftovers import left_by

pytestmark = pytest.mark.container

_OUTSIDE = b"NOTHING-OF-THIS-MAY-BE-IN-AN-ISO " * 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """What takes the place of a file, or of the folder that it is in."""

    name: str
    act: Callable[[Path, Path], None]  # the file, and a file outside the tree
    folder: bool = False


def _other_content(path: Path, _outside: Path) -> None:
    path.write_bytes(_OUTSIDE[: path.stat().st_size])


def _larger(path: Path, _outside: Path) -> None:
    path.write_bytes(_OUTSIDE)


def _link(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to(outside)


def _link_to_what_is_left_out(path: Path, _outside: Path) -> None:
    path.unlink()
    path.symlink_to("../../../home/zaphod/key")


def _device(path: Path, _outside: Path) -> None:
    path.unlink()
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))


def _pipe(path: Path, _outside: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path, _outside: Path) -> None:
    path.parent.rename(path.parent.with_name("aside"))
    path.parent.symlink_to("../../home/zaphod")


SWAPS = (
    Swap(name="content", act=_other_content),
    Swap(name="size", act=_larger),
    Swap(name="link-out", act=_link),
    Swap(name="link-to-what-is-left-out", act=_link_to_what_is_left_out),
    Swap(name="device", act=_device),
    Swap(name="pipe", act=_pipe),
    Swap(name="folder", act=_folder, folder=True),
)


_INNOCENT = bytes(range(256)) * 256
_LONG_AGO = (1, 1)


class Swapper:
    """Swaps, in a folder of its own for each kind, and puts back, until it is told to stop."""

    def __init__(self, tree: Path, outside: Path) -> None:
        self.rounds = 0
        self.swaps: tuple[Swap, ...] = SWAPS
        self._folders = {swap: tree / f"opt/swapped/{swap.name}" for swap in SWAPS}
        self._outside = outside
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        for folder in self._folders.values():
            folder.mkdir(parents=True)
            (folder / "key").write_bytes(_INNOCENT)
        self._date()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()

    def _go_on(self) -> None:
        while not self._done.is_set():
            for swap in self.swaps:
                swap.act(self._folders[swap] / "key", self._outside)
            self._done.wait(0.01)
            for swap in self.swaps:
                _put_back(swap, self._folders[swap])
            self._date()
            self._done.wait(0.01)
            self.rounds += 1

    def _date(self) -> None:
        for folder in self._folders.values():
            os.utime(folder / "key", _LONG_AGO)
            os.utime(folder, _LONG_AGO)
            os.utime(folder.parent, _LONG_AGO)


def _put_back(swap: Swap, folder: Path) -> None:
    if swap.folder:
        folder.unlink()
        folder.with_name("aside").rename(folder)
    else:
        (folder / "key").unlink(missing_ok=True)
        (folder / "key").write_bytes(_INNOCENT)


@pytest.fixture
def swapper(plain_cache: Path, tmp_path: Path) -> Iterator[Swapper]:
    """One at work in the tree, where a key lies in a home, which is left out."""
    tree, outside = plain_cache / ROOTFS, tmp_path / "outside"
    outside.write_bytes(_OUTSIDE)
    (tree / "home/zaphod").mkdir()
    (tree / "home/zaphod/key").write_bytes(_OUTSIDE)
    swapper = Swapper(tree, outside)
    try:
        yield swapper
    finally:
        swapper.stop()
        shutil.rmtree(tree / "opt/swapped")
        shutil.rmtree(tree / "home/zaphod")


WHEN = {  # how it is staged, the step that reads meanwhile, the next one
    "copied": ("rsync", "stage", "configure"),
    "packed": ("overlay", "squashfs", "boot"),
    "digested": ("overlay", "check", "stage"),
}


@pytest.mark.parametrize("when", WHEN)
def test_whoever_swaps_files_meanwhile_gets_no_iso(
    client: docker.DockerClient, plain_cache: Path, tmp_path: Path, swapper: Swapper, when: str
) -> None:
    staging, during, until = WHEN[when]
    words = ("--tree", plain_cache / ROOTFS, "--output", tmp_path / "iso", "--staging", staging)
    if when == "copied":  # rsync waits for somebody to write to a pipe, and is ended an hour later
        swapper.swaps = tuple(each for each in SWAPS if each.act is not _pipe)
    with running("build", *words, "--compression", "fast", "--no-block-cache") as build:
        build.wait_for_step(during)
        swapper.start()
        with suppress(AssertionError):  # it may have ended by then
            build.wait_for_step(until)
        swapper.stop()
        ended = build.end()
    assert swapper.rounds > 5
    assert ended.code in {4, 5}
    # rsync may meet one as a device, which nothing that is mounted there can open.
    if not re.search("changed|vanished", str(ended.error)):
        assert when == "copied", ended.error
        assert "something writes to the source" in ended.error["hint"]
        assert any("/opt/swapped/" in line for line in ended.error["output"]), ended.error
    assert left_by(client, ended.process) == []
    assert [path.suffix for path in (tmp_path / "iso").iterdir()] == [".log"]
