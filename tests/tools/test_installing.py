"""A whole installation with real file systems, in files: the programs of the system are not run.

Each partition is a file beside that of its disk, so nothing here needs devices of partitions.
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import StepError, UsageError
from builder.formats.answers import Account, Answers, DiskName, FileSystem, Place
from builder.inside.installing.clone import Clone
from builder.inside.installing.installation import Installation
from builder.inside.installing.machine import Log, RealMachine
from builder.inside.source.cache_image import make_loop_devices
from builder.inside.system.kernel_calls import NEWNS, unshare
from tests.support.installing import HASH
from tests.support.trees import KERNEL, make_system, put

pytestmark = pytest.mark.tools

_SIZE = 8 << 30
_MODULES = ("fs/btrfs/btrfs", "fs/xfs/xfs")
_SWAP = b"SWAPSPACE2"  # mkswap(8): at the end of the first page


class _InFiles(RealMachine):
    """Does what it is asked, but for what the copied system or GRUB would have to do."""

    def __init__(self, log: Log, disks: Sequence[Path]) -> None:
        super().__init__(log)
        self._disks = disks

    def run(self, argv: Sequence[str], *, root: Path | None = None, stdin: str = "") -> str:
        """Run it, or leave behind what it would."""
        if argv[0] == "lsblk":
            return json.dumps({"blockdevices": [_node(disk) for disk in self._disks]})
        if argv[0] == "update-initramfs":
            assert root is not None
            (root / f"boot/initrd.img-{argv[-1]}").write_bytes(b"made" * (1 << 20))
        if root is not None or argv[0] == "grub-install":
            return ""
        return super().run(argv, stdin=stdin)

    @contextmanager
    def mounted(
        self, source: str, target: Path, *, kind: str = "", options: Sequence[str] = ()
    ) -> Iterator[None]:
        """Mount it; kernels of machines that only run tests may lack FAT."""
        if kind == "vfat":
            source, kind, options = "tmpfs", "tmpfs", ()
        with super().mounted(source, target, kind=kind, options=options):
            yield

    def wait_for(self, device: str) -> None:
        """Make the file that is a partition."""
        with Path(device).open("wb") as stream:
            stream.truncate((512 << 20) if device.endswith("2") else (7 << 30))


def _node(disk: Path) -> dict[str, object]:
    return {"path": str(disk), "type": "disk", "maj:min": "", "size": _SIZE, "model": "Twin",
            "serial": disk.name, "wwn": None, "ro": False, "fstype": None}  # fmt: skip


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A small system, and its image."""
    folder = tmp_path_factory.mktemp("clone")
    root = make_system(folder / "root")
    (folder / "medium/live").mkdir(parents=True)
    modules = root / f"usr/lib/modules/{KERNEL}/modules.dep"
    modules.write_text("".join(f"kernel/{each}.ko.xz:\n" for each in _MODULES))
    for name in ("dev", "proc", "sys", "run", "tmp", "home"):
        (root / name).mkdir()
    for path in ("usr/sbin/update-initramfs", "etc/passwd", "etc/group", "home/shared"):
        put(root, path, "words")
    put(root, "usr/bin/tool", "tool").chmod(0o4755)
    image = folder / "medium/live/filesystem.squashfs"
    subprocess.run(["mksquashfs", root, image, "-quiet", "-no-progress"], check=True)
    sum_of_it = hashlib.sha256(image.read_bytes()).hexdigest()
    put(folder / "medium", "sha256sum.txt", f"{sum_of_it}  ./live/filesystem.squashfs\n")
    return Clone(image=image, root=root)


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Two disks, the same but for their serial numbers; what is on both has the same labels."""
    make_loop_devices()
    made = (tmp_path / "one", tmp_path / "two")
    for disk in made:
        with disk.open("wb") as stream:
            stream.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-L", "root", disk], check=True)
    yield made
    for file in tmp_path.glob("one[0-9]"):
        file.unlink()


@contextmanager
def opened(file: Path, place: Path, *options: str) -> Iterator[Path]:
    """Mount a file system to look into it."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", ",".join(("ro", *options)), file, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def installation(clone: Clone, folder: Path, kind: FileSystem) -> tuple[Installation, Log]:
    (folder / "target").mkdir()
    log = Log(folder / "log", lambda _line: None)
    answers = Answers(
        disk=DiskName(serial="one"),
        user=Account(name="anna", password_hash=HASH),
        hostname="kiosk",
        file_system=kind,
        swap_mib=8,
    )
    whole = Installation(
        clone=clone,
        answers=answers,
        file_system=FileSystem.EXT4,
        target=folder / "target",
        log=log.file,
    )
    return whole, log


@pytest.mark.parametrize("kind", list(FileSystem))
def test_each_file_system_has_all_of_it_and_the_other_disk_is_left_alone(
    kind: FileSystem, clone: Clone, disks: tuple[Path, Path], tmp_path: Path
) -> None:
    before = digest(disks[1])
    whole, log = installation(clone, tmp_path, kind)
    whole.run(_InFiles(log, disks))
    assert digest(disks[1]) == before
    assert str(tmp_path / "target") not in Path("/proc/self/mounts").read_text()
    is_btrfs = kind is FileSystem.BTRFS
    partition, look = tmp_path / "one3", tmp_path / "look"
    with opened(partition, look, *(("subvol=@",) if is_btrfs else ())) as root:
        assert (root / "etc/hostname").read_text() == "kiosk\n"
        assert (root / "usr/bin/tool").stat().st_mode & 0o7777 == 0o4755
        assert (root / f"boot/initrd.img-{KERNEL}").stat().st_size == 4 << 20
        assert (root / f"boot/vmlinuz-{KERNEL}").is_file()
        assert (root / "home/shared").exists() is not is_btrfs
        assert (root / "var/log/distroclone-install.log").stat().st_mode & 0o777 == 0o600
        if not is_btrfs:
            assert (root / "swapfile").read_bytes()[4086:4096] == _SWAP
            assert (root / "swapfile").stat().st_mode & 0o777 == 0o600
    if is_btrfs:
        with opened(partition, look, "subvol=@home") as home:
            assert (home / "shared").read_text() == "words"
        with opened(partition, look, "subvol=@swap") as swap:
            assert (swap / "swapfile").read_bytes()[4086:4096] == _SWAP


def test_after_a_failure_the_disk_can_be_taken_again(
    clone: Clone, disks: tuple[Path, Path], tmp_path: Path
) -> None:
    class _CutOff(_InFiles):
        def run(self, argv: Sequence[str], *, root: Path | None = None, stdin: str = "") -> str:
            if argv[0] == "useradd":
                raise StepError("somebody pulled the plug")
            return super().run(argv, root=root, stdin=stdin)

    whole, log = installation(clone, tmp_path, FileSystem.BTRFS)
    with pytest.raises(StepError, match="somebody pulled the plug"):
        whole.run(_CutOff(log, disks))
    assert str(tmp_path / "target") not in Path("/proc/self/mounts").read_text()
    whole.run(_InFiles(log, disks))
    with opened(tmp_path / "one3", tmp_path / "look", "subvol=@") as root:
        assert (root / "etc/hostname").read_text() == "kiosk\n"


class _WithoutPower(_InFiles):
    """Goes out as power does at a phase: nothing of it is told or tidied up."""

    def __init__(self, log: Log, disks: Sequence[Path], phase: int) -> None:
        super().__init__(log, disks)
        self._phase = phase

    def note(self, message: str, **_values: object) -> None:
        """Go out here."""
        if message.startswith(f"[{self._phase}/7]"):
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("phase", range(1, 8))
def test_after_a_power_cut_at_each_phase_the_other_disk_is_whole_and_it_can_start_again(
    phase: int, clone: Clone, disks: tuple[Path, Path], tmp_path: Path
) -> None:
    before = [digest(each) for each in disks]
    whole, log = installation(clone, tmp_path, FileSystem.EXT4)
    child = os.fork()
    if child == 0:
        unshare(NEWNS)  # what it has mounted ends with it, and is not unmounted
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        with contextlib.suppress(BaseException):
            whole.run(_WithoutPower(log, disks, phase))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert digest(disks[1]) == before[1]
    assert (digest(disks[0]) == before[0]) is (phase <= 2)
    whole.run(_InFiles(log, disks))
    assert digest(disks[1]) == before[1]
    with opened(tmp_path / "one3", tmp_path / "look") as root:
        assert (root / "etc/hostname").read_text() == "kiosk\n"
        assert (root / f"boot/initrd.img-{KERNEL}").stat().st_size == 4 << 20


class _Probed(_InFiles):
    """Says of its disks what blkid finds on them, as lsblk does of devices."""

    def run(self, argv: Sequence[str], *, root: Path | None = None, stdin: str = "") -> str:
        """Run it."""
        if argv[0] != "lsblk":
            return super().run(argv, root=root, stdin=stdin)
        nodes = []
        for disk in self._disks:
            command = ("blkid", "--probe", "--output", "export", disk)
            said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
            tags = dict(line.split("=", 1) for line in said.splitlines())
            nodes.append({**_node(disk), "fstype": tags["TYPE"], "uuid": tags.get("UUID")})
        return json.dumps({"blockdevices": nodes})


def make_physical_volume(disk: Path) -> None:
    """Write the label of LVM2: sector 1, with a sum (lvm2's lib/label/label.h, lib/misc/crc.c)."""
    rest = ((32).to_bytes(4, "little") + b"LVM2 001" + b"i" * 32).ljust(512 - 20, b"\0")
    crc = ~zlib.crc32(rest, ~0xF597A6CF & 0xFFFFFFFF) & 0xFFFFFFFF
    label = b"LABELONE" + (1).to_bytes(8, "little") + crc.to_bytes(4, "little") + rest
    with disk.open("r+b") as stream:
        stream.write(bytes(64 << 10))  # where ext4 was
        stream.seek(512)
        stream.write(label)


@pytest.mark.parametrize("kind", ["LVM2_member", "btrfs"])
def test_what_may_be_on_other_disks_too_is_not_taken_unless_it_is_named(
    kind: str, clone: Clone, disks: tuple[Path, Path], tmp_path: Path
) -> None:
    if kind == "btrfs":
        for disk in disks:
            os.truncate(disk, 256 << 20)
        subprocess.run(["mkfs.btrfs", "--quiet", "--force", *disks], check=True)
    else:
        make_physical_volume(disks[0])
    before = [digest(each) for each in disks]
    whole, log = installation(clone, tmp_path, FileSystem.EXT4)
    with pytest.raises(UsageError, match=f"/one, .* may be on other disks as well: {kind}"):
        whole.run(_Probed(log, disks))
    assert [digest(each) for each in disks] == before
    named = replace(whole.answers, disk=DiskName(serial="one", holds=(kind,)))
    replace(whole, answers=named).run(_Probed(log, disks))
    assert digest(disks[1]) == before[1]
    assert digest(disks[0]) != before[0]


class _WithUefi(_InFiles):
    """Has started by UEFI; what its EFI system partition has is in memory here."""

    def read(self, path: Path) -> bytes:
        """Return what the kernel says of the firmware."""
        return b"64\n" if path.name == "fw_platform_size" else b""

    @contextmanager
    def mounted(
        self, source: str, target: Path, *, kind: str = "", options: Sequence[str] = ()
    ) -> Iterator[None]:
        """Mount it, but for the firmware's variables."""
        if kind == "efivarfs":
            yield
            return
        with super().mounted(source, target, kind=kind, options=options):
            yield


_OTHERS = """\
label: gpt
start=1MiB, size=100MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="their ESP"
start=200MiB, size=300MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="theirs"
"""


def _parts(disk: Path) -> list[dict[str, object]]:
    command = ("sfdisk", "--json", disk)
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    parts: list[dict[str, object]] = json.loads(told)["partitiontable"]["partitions"]
    return parts


def test_beside_another_system_nothing_of_it_changes(
    clone: Clone, disks: tuple[Path, Path], tmp_path: Path
) -> None:
    disk = disks[0]
    os.truncate(disk, _SIZE)
    subprocess.run(["sfdisk", "--quiet", disk], check=True, input=_OTHERS, text=True)
    theirs = os.urandom(1 << 20)
    with disk.open("r+b") as stream:
        for place in (1, 100, 200, 499):
            stream.seek(place << 20)
            stream.write(theirs)
    for name, size in (("one1", 100), ("one2", 300)):
        (tmp_path / name).touch()
        os.truncate(tmp_path / name, size << 20)
    subprocess.run(["mkfs.fat", "-i", "12345678", tmp_path / "one1"], check=True)
    before = [digest(disks[1]), *(digest(tmp_path / name) for name in ("one1", "one2"))]
    parts = _parts(disk)
    whole, log = installation(clone, tmp_path, FileSystem.EXT4)
    whole = replace(whole, answers=replace(whole.answers, place=Place.BESIDE))

    class _CutOff(_WithUefi):
        def run(self, argv: Sequence[str], *, root: Path | None = None, stdin: str = "") -> str:
            if argv[0] == "useradd":
                raise StepError("somebody pulled the plug")
            return super().run(argv, root=root, stdin=stdin)

    with pytest.raises(StepError, match="somebody pulled the plug"):
        whole.run(_CutOff(log, disks))
    assert _parts(disk)[2]["name"] == "installation not finished"
    whole.run(_WithUefi(log, disks))
    assert [digest(disks[1]), *(digest(tmp_path / n) for n in ("one1", "one2"))] == before
    assert _parts(disk)[:2] == parts
    (new,) = _parts(disk)[2:]
    assert (new["start"], new["name"]) == (500 * 2048, "root")
    assert isinstance(new["size"], int)
    assert new["size"] * 512 > _SIZE - (502 << 20)
    with disk.open("rb") as kept:
        for place in (1, 100, 200, 499):
            kept.seek(place << 20)
            assert kept.read(1 << 20) == theirs
    with opened(tmp_path / "one3", tmp_path / "look") as root:
        assert (root / "etc/hostname").read_text() == "kiosk\n"
        assert "UUID=1234-5678  /boot/efi" in (root / "etc/fstab").read_text()
