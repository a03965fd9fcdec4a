"""A whole installation with real file systems, in files: the programs of the system are not run.

Each partition is a file beside that of its disk, so nothing here needs devices of partitions.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.formats.answers import Account, Answers, DiskName, FileSystem
from builder.inside.installing.clone import Clone
from builder.inside.installing.installation import Installation
from builder.inside.installing.machine import Log, RealMachine
from builder.inside.source.cache_image import make_loop_devices
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
    modules = root / f"usr/lib/modules/{KERNEL}/modules.dep"
    modules.write_text("".join(f"kernel/{each}.ko.xz:\n" for each in _MODULES))
    for name in ("dev", "proc", "sys", "run", "tmp", "home"):
        (root / name).mkdir()
    for path in ("usr/sbin/update-initramfs", "etc/passwd", "etc/group", "home/shared"):
        put(root, path, "words")
    put(root, "usr/bin/tool", "tool").chmod(0o4755)
    image = folder / "image"
    subprocess.run(["mksquashfs", root, image, "-quiet", "-no-progress"], check=True)
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
