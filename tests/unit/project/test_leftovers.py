"""Which loop devices the tests with a real engine have to give back, and which are not theirs."""

from pathlib import Path

import pytest

from tests.support.leftovers import Attached, attached, ours

PLACES = ("/tmp/distroclone-tests-7-", "/home/me/project/.demo/")


def make_device(blocks: Path, number: int, file: str | None) -> None:
    folder = blocks / f"loop{number}"
    folder.mkdir(parents=True)
    if file is not None:
        (folder / "loop").mkdir()
        (folder / "loop/backing_file").write_text(f"{file}\n", "utf-8", "surrogateescape")


def left(*files: str, strangers: bool = False) -> list[str]:
    devices = {Attached(f"loop{number}", file) for number, file in enumerate(files)}
    return sorted(each.file for each in ours(devices, places=PLACES, strangers=strangers))


def test_each_attached_device_is_told_with_its_file(tmp_path: Path) -> None:
    make_device(tmp_path, 0, "/srv/foreign image.img")
    make_device(tmp_path, 1, None)
    make_device(tmp_path, 2, "/cache.img")
    make_device(tmp_path, 13, "/tmp/distroclone-tests-7-x/volume.img (deleted)")
    make_device(tmp_path, 14, "/srv/\udcff.img")
    (tmp_path / "vda").mkdir()
    assert attached(tmp_path) == {
        Attached("loop0", "/srv/foreign image.img"),
        Attached("loop2", "/cache.img"),
        Attached("loop13", "/tmp/distroclone-tests-7-x/volume.img"),
        Attached("loop14", "/srv/\udcff.img"),
    }


def test_a_foreign_image_that_was_mounted_meanwhile_is_not_ours(tmp_path: Path) -> None:
    make_device(tmp_path, 0, "/cache.img")
    before = attached(tmp_path)
    make_device(tmp_path, 1, "/var/lib/snapd/snaps/core_1.snap")
    make_device(tmp_path, 2, "/home/me/project/.demo/cache.img")
    assert ours(attached(tmp_path) - before, places=PLACES, strangers=False) == {
        Attached("loop2", "/home/me/project/.demo/cache.img")
    }


@pytest.mark.parametrize(
    "file",
    [
        "/tmp/distroclone-tests-7-abc/volume.img",
        "/home/me/project/.demo/cache.img",
        "/",
        "/cache.img",
        "/work/cache.img",
        "/work/tmpab_d3fgh/image",
        "/tmpab_d3fgh/image",
    ],
)
def test_an_image_in_our_folders_or_of_our_containers_is_ours(file: str) -> None:
    assert left(file) == [file]


@pytest.mark.parametrize(
    "file",
    [
        "/tmp/distroclone-tests-8-abc/volume.img",
        "/tmp/distroclone-tests-7/volume.img",
        "/home/me/project/.demo.img",
        "/home/me/cache.img",
        "/cache.img.old",
        "/cacheximg",
        "/work/image",
        "",
    ],
)
def test_another_name_is_somebody_elses(file: str) -> None:
    assert left(file) == []


def test_while_others_use_the_names_of_our_containers_those_say_nothing() -> None:
    assert left("/cache.img", "/work/cache.img", "/tmpab_d3fgh/image", strangers=True) == []
    files = ["/", "/home/me/project/.demo/cache.img", "/tmp/distroclone-tests-7-abc/volume.img"]
    assert left(*files, strangers=True) == files
