"""Sticks on a real disk, a loop device, as the tools of others judge them; needs root."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from builder.basics.errors import HostError
from builder.host.stick.ext4 import NewFileSystem, ext4_blocks
from builder.host.stick.layout import Persistence
from builder.host.stick.stick import Wish, prepared
from tests.support.caches import PREFIX, command
from tests.support.command_line import run
from tests.support.sticks import ISO_SIZE, make_iso
from tests.support.terminal import on_terminal

pytestmark = pytest.mark.container

_SIZE = 200 << 20  # bytes
_FILLED = 40  # MiB, in which all that is written lies, but for a few blocks
# What is on the stick before. The second partition is where that for persistence will be.
_OLD = "label: gpt\nstart=2MiB, size=4MiB\nstart=8MiB, size=120MiB\nstart=136MiB, size=40MiB\n"


@contextmanager
def attached(image: Path, *options: str) -> Iterator[Path]:
    """Attach a file to a loop device."""
    device = Path(command("losetup", "--find", "--show", *options, image).strip())
    try:
        yield device
    finally:
        # It has something to delete only where `part` was asked for.
        subprocess.run(["partx", "--delete", device], stderr=subprocess.DEVNULL, check=False)
        command("losetup", "--detach", device)


@contextmanager
def mounted(device: Path, place: Path) -> Iterator[None]:
    """Mount a device."""
    command("mount", device, place)
    try:
        yield
    finally:
        command("umount", place)


def part(device: Path, number: int) -> Path:
    """Return the device of a partition; some kernels know no GPT, so partx tells them."""
    command("partx", "--update", device)
    path = Path(f"{device}p{number}")
    assert path.is_block_device()
    return path


@pytest.fixture
def place() -> Iterator[Path]:
    with ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/var/tmp"))
        undo.callback(folder.rmdir)
        for name in ("stick.img", "Demo-1.iso", "SHA256SUMS"):
            undo.callback((folder / name).unlink, missing_ok=True)
        (folder / "mount").mkdir()
        undo.callback((folder / "mount").rmdir)
        yield folder


@pytest.fixture
def iso(place: Path) -> Path:
    return make_iso(place)


@pytest.fixture
def image(place: Path) -> Path:
    """An old stick: full of old data, with a table and three file systems."""
    path = place / "stick.img"
    with path.open("wb") as stream:
        for _each in range(_FILLED):
            stream.write(b"\xa5" * (1 << 20))
        stream.truncate(_SIZE)
    subprocess.run(["sfdisk", "--quiet", path], input=_OLD, text=True, check=True)
    with attached(path) as device:
        command("mkfs.ext4", "-q", "-L", "old", part(device, 1))
        command("mkfs.btrfs", "-q", "-f", "-L", "persistence", part(device, 2))
        command("mkswap", "-L", "swap", part(device, 3))
    return path


def written(iso: Path, device: Path, *options: object) -> None:
    ended = run("stick", iso, device, "--allow-fixed-disk", "--yes", device.name, *options)
    assert ended.code == 0, ended.errors


def refused(iso: Path, device: Path, *options: object) -> str:
    ended = run("stick", iso, device, "--yes", device.name, *options)
    assert ended.code != 0
    return str(ended.error["message"])


def probed(path: Path, *, offset: int = 0) -> str:
    """Return what blkid finds; "" for nothing."""
    done = subprocess.run(
        ["blkid", "--probe", "--offset", str(offset), path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 2), done.stderr  # 2: nothing, or nothing certain
    return done.stdout


def test_the_tools_of_others_agree_with_what_was_written(
    iso: Path, image: Path, place: Path
) -> None:
    with attached(image) as device:
        written(iso, device, "--persistence", "rest")
        new = part(device, 4)
        assert "No errors detected" in command("sfdisk", "--verify", device)
        assert "No problems found" in command("sgdisk", "--verify", device)
        found = probed(new)
        assert 'LABEL="persistence"' in found
        assert 'TYPE="ext4"' in found
        command("e2fsck", "-f", "-n", new)
        with mounted(new, place / "mount"):
            assert (place / "mount/persistence.conf").read_text() == "/ union\n"
            for number in range(2000):
                (place / f"mount/{number}").write_text(str(number))
            (place / "mount/large").write_bytes(os.urandom(64 << 20))
        command("e2fsck", "-f", "-n", new)
        assert "contains a file system with errors" not in command("e2fsck", "-n", new)


def test_what_was_on_a_stick_is_found_by_nobody_afterwards(iso: Path, image: Path) -> None:
    assert 'LABEL="persistence"' in probed(image, offset=8 << 20)
    with attached(image) as device:
        written(iso, device)
        part(device, 3)
        assert not Path(f"{device}p4").exists()
    for start in (8 << 20, 136 << 20):
        assert probed(image, offset=start) == ""
    with image.open("rb") as stream:
        assert stream.read(ISO_SIZE) == iso.read_bytes()
        assert b"EFI PART" not in stream.read()


@pytest.mark.full
def test_a_stick_that_is_written_twice_is_the_same(iso: Path, image: Path) -> None:
    def digest() -> str:
        with attached(image) as device:
            written(iso, device, "--persistence", "64M")
        parts = ((0, 8), (8, 72), (199, 200))  # all but what nothing was written to
        with image.open("rb") as stream:
            whole = (os.pread(stream.fileno(), b - a << 20, a << 20) for a, b in parts)
            return hashlib.sha256(b"".join(whole)).hexdigest()

    assert digest() == digest()


def test_a_loop_device_is_no_stick_until_somebody_says_so(iso: Path, image: Path) -> None:
    with attached(image) as device:
        assert f"{device.name} is a fixed disk" in refused(iso, device)
        assert f"{device.name}p1 is a partition" in refused(iso, part(device, 1))
        nowhere = prepared(Wish(iso=iso, target=device, allow_fixed=True), root=iso.parent)
        with pytest.raises(HostError, match="The kernel tells nothing of /dev/loop"), nowhere:
            pass
    with attached(image, "--read-only") as device:
        reason = refused(iso, device, "--allow-fixed-disk")
        assert reason == f"{device.name} is write-protected"
    assert 'LABEL="persistence"' in probed(image, offset=8 << 20)


def test_a_disk_in_use_is_refused(iso: Path, image: Path, place: Path) -> None:
    with attached(image) as device:
        with mounted(part(device, 1), place / "mount"):
            reason = refused(iso, device, "--allow-fixed-disk")
            assert reason == f"{device.name} is mounted: {device.name}p1 ({place}/mount)"
        # Where this namespace does not see the mount, the kernel still does.
        script = f"mount {device}p1 {place}/mount && echo there && read -r _line"
        with subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as other:  # fmt: skip
            assert other.stdout is not None
            assert other.stdout.readline() == "there\n"
            reason = refused(iso, device, "--allow-fixed-disk")
            assert reason == f"{device.name} is in use by another program"
            other.communicate("\n")
        assert f"{image} is in use as {device.name}" == refused(iso, image)


@pytest.mark.full
@pytest.mark.parametrize("size", [64, 129, 1000, 8 << 10, 64 << 10, 2 << 20])  # MiB
def test_a_file_system_of_any_size_is_clean(place: Path, size: int) -> None:
    wanted = NewFileSystem(
        size=size << 20, label="persistence", uuid=bytes(16), hash_seed=bytes(16), time=1 << 30,
        file="persistence.conf", content=b"/ union\n",
    )  # fmt: skip
    path = place / "stick.img"
    with path.open("wb") as stream:
        stream.truncate(size << 20)
        for at, content in ext4_blocks(wanted):
            stream.seek(at)
            stream.write(content)
    command("e2fsck", "-f", "-n", path)


@pytest.mark.full
def test_a_person_sees_what_is_on_a_disk_and_types_its_name(iso: Path, image: Path) -> None:
    with attached(image) as device:
        part(device, 1)
        with on_terminal("stick", iso, device, "--allow-fixed-disk") as terminal:
            terminal.wait_for(f"Type {device.name} to erase it, anything else to stop: ")
            for number, words in enumerate(('ext4  "old"', 'btrfs  "persistence"'), start=1):
                assert any(
                    f"{device.name}p{number}" in line and words in line
                    for line in terminal.shown.splitlines()
                )
            terminal.type(f"{device.name}\n")
            assert terminal.end() == 0, terminal.shown
    assert image.read_bytes()[:ISO_SIZE] == iso.read_bytes()


@pytest.mark.full
def test_while_a_stick_is_written_nobody_mounts_it(iso: Path, image: Path, place: Path) -> None:
    with attached(image) as device:
        old = part(device, 1)
        wish = Wish(iso=iso, target=device, persistence=Persistence(size=None), allow_fixed=True)
        with prepared(wish) as job:
            assert [each.content and each.content.kind for each in job.old] == [
                "ext4", "btrfs", "swap"
            ]  # fmt: skip
            done = subprocess.run(
                ["mount", old, place / "mount"], capture_output=True, text=True, check=False
            )
            assert done.returncode != 0
            assert "already mounted or mount point busy" in done.stderr
            with pytest.raises(HostError, match="is in use by another program"), prepared(wish):
                pass
