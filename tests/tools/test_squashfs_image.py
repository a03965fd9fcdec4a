"""A real squashfs, read back."""

import dataclasses
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.border.events import Event, StepProgress
from builder.inside.medium import identity as medium
from tests.support.media import EPOCH, Work, make_root, real_system, squashfs_step

pytestmark = pytest.mark.tools

CAPABILITY = b"\x01\x00\x00\x02\x00\x20\x00\x00" + bytes(12)  # cap_net_raw+ep, version 2


def output(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def work(tmp_path: Path) -> Work:
    made = Work(base=tmp_path)
    make_root(made)
    return made


def test_capabilities_stay_and_other_attributes_do_not(work: Work, tmp_path: Path) -> None:
    ping = work.root / "bin/ping"
    os.setxattr(ping, "security.capability", CAPABILITY)
    os.setxattr(work.root / "etc/os-release", "user.note", b"y")
    squashfs_step(work).run(real_system())
    unpacked = tmp_path / "unpacked"
    squashfs = os.fspath(work.iso_tree / medium.SQUASHFS)
    output("unsquashfs", "-no-progress", "-d", os.fspath(unpacked), squashfs)
    assert os.listxattr(unpacked / "bin/ping") == ["security.capability"]
    assert os.listxattr(unpacked / "etc/os-release") == []
    assert os.getxattr(unpacked / "bin/ping", "security.capability") == CAPABILITY


def test_no_time_is_later_than_the_snapshot_and_earlier_ones_stay(work: Work) -> None:
    squashfs_step(work).run(real_system())
    squashfs = os.fspath(work.iso_tree / medium.SQUASHFS)
    times = {
        line.split()[-1].removeprefix("squashfs-root"): " ".join(line.split()[3:5])
        for line in output("unsquashfs", "-lls", "-UTC", squashfs).splitlines()
        if "squashfs-root" in line and " -> " not in line
    }
    assert times[""] == "2025-06-17 14:30"
    assert times["/bin/ping"] == "2025-06-17 14:30"
    assert times["/etc/os-release"] == "2025-06-17 14:13"
    status = output("unsquashfs", "-s", "-UTC", squashfs)
    assert "Creation or last append time Tue Jun 17 14:30:00 2025" in status


def test_progress_reaches_the_end(work: Work) -> None:
    events: list[Event] = []
    squashfs_step(work).run(real_system(events))
    fractions = [event.fraction for event in events if isinstance(event, StepProgress)]
    assert fractions[-1] == 1.0


def test_the_packages_are_listed_beside_it(work: Work) -> None:
    squashfs_step(work).run(real_system())
    listed = (work.iso_tree / medium.PACKAGES).read_text()
    assert listed == "adduser\t3.152\nbase-files\t13.8\n"


def test_a_second_run_replaces_the_image_and_gives_the_same_bytes(work: Work) -> None:
    squashfs = work.iso_tree / medium.SQUASHFS
    squashfs_step(work).run(real_system())
    first = squashfs.read_bytes()
    (work.root / "etc/os-release").touch()
    os.utime(work.root / "etc/os-release", (EPOCH - 1000, EPOCH - 1000))
    squashfs_step(work).run(real_system())
    assert squashfs.read_bytes() == first


def test_a_folder_that_cannot_be_read_ends_the_step() -> None:
    # Root can read everything, so somebody else runs the same command here.
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        base.chmod(0o777)
        (base / "root/locked").mkdir(parents=True)
        (base / "root/locked").chmod(0)
        argv = squashfs_step(Work(base=base)).argv()
        argv[2] = os.fspath(base / "x.squashfs")
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        with pytest.raises(StepError) as caught:
            real_system().run([*as_nobody, *argv])
    assert any("Could not open" in line for line in caught.value.output)


def test_a_full_disk_is_said_so(work: Work, small_disk: Path) -> None:
    (work.root / "noise").write_bytes(os.urandom(3 << 20))
    step = dataclasses.replace(
        squashfs_step(work), target=small_disk / "x.squashfs", packages=small_disk / "x.packages"
    )
    with pytest.raises(StepError, match="the disk is full") as caught:
        step.run(real_system())
    assert "Free space" in caught.value.advice


def test_memory_and_processors_decide_no_byte(work: Work) -> None:
    (work.root / "random").write_bytes(os.urandom(24 << 20))
    step = squashfs_step(work)
    step.run(real_system())
    wanted = step.target.read_bytes()
    for memory, processors in (("32M", "1"), ("200M", "9"), ("1G", "24")):
        argv = step.argv()
        argv[argv.index("-mem") + 1] = memory
        argv[argv.index("-processors") + 1] = processors
        real_system().run(argv)
        assert step.target.read_bytes() == wanted
