"""The installer's root, made of the real builder image: its programs run there, and work."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.formats.answers import FileSystem
from builder.inside.installing.clone import Clone, unpack
from builder.inside.installing.disks import Disk
from builder.inside.installing.faults import explained
from builder.inside.installing.root import InstallerRoot, closure
from builder.inside.installing.starting import menu
from builder.inside.installing.volumes import Layout, Volume, Volumes, made_volumes
from builder.inside.steps.installer import LISTING
from builder.inside.tree.tree import Tree
from tests.support.installing import RecordingMachine
from tests.support.trees import make_system

pytestmark = pytest.mark.tools

_PROGRAMS = (
    ("btrfs", "filesystem", "mkswapfile", "--help"), ("chmod", "--version"),
    ("chroot", "--version"), ("cryptsetup", "--version"), ("du", "--version"),
    ("fallocate", "--version"), ("grub-install", "--version"), ("lsblk", "--version"),
    ("mkfs.btrfs", "--version"), ("mkfs.ext4", "-V"), ("mkfs.fat", "--help"), ("mkfs.xfs", "-V"),
    ("mkswap", "--version"), ("mount", "--version"), ("sfdisk", "--version"),
    ("sha256sum", "--version"),
    ("umount", "--version"), ("wipefs", "--version"),
)  # fmt: skip
_IMPORTS = "import builder.inside.installing.__main__ as main; print(main.LOG)"
_HASHES = "from builder.inside.installing.questions import hashed; print(hashed('live'))"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root as a build makes it."""
    listing = subprocess.run(
        ["dpkg-query", "--show", "--showformat", LISTING],
        capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    target = tmp_path_factory.mktemp("installer") / "root"
    maker = InstallerRoot(image=Path("/"), target=target, file_system=None, clock=1764000000)
    maker.make(closure(listing))
    return target


def started(root: Path, *argv: str | Path, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["chroot", root, *argv], capture_output=True, check=False, text=True, input=stdin,
        env={"PATH": "/usr/sbin:/usr/bin", "PYTHONPATH": "/usr/lib/distroclone-builder"},
    )  # fmt: skip


def run(root: Path, *argv: str | Path, stdin: str = "") -> str:
    done = started(root, *argv, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("argv", _PROGRAMS, ids=lambda argv: argv[0])
def test_each_program_that_an_installation_runs_is_there(root: Path, argv: tuple[str, ...]) -> None:
    run(root, *argv)


def test_an_image_can_be_unpacked(root: Path) -> None:
    folder = root / "tmp/packed"
    folder.mkdir()
    (folder / "file").write_text("words")
    subprocess.run(["mksquashfs", folder, root / "tmp/image", "-quiet", "-no-progress"], check=True)
    run(root, "unsquashfs", "-f", "-n", "-q", "-d", "/tmp/out", "/tmp/image")
    assert (root / "tmp/out/file").read_text() == "words"


def test_the_installer_itself_starts_in_it(root: Path) -> None:
    assert "/run/distroclone-install.log" in run(root, "python3", "-c", _IMPORTS)
    assert run(root, "python3", "-c", _HASHES).startswith("$6$")


def test_grub_has_its_parts_for_both_kinds_of_firmware(root: Path) -> None:
    for platform in ("i386-pc", "x86_64-efi", "i386-efi"):
        assert (root / f"usr/lib/grub/{platform}/modinfo.sh").is_file()
        assert (root / f"usr/lib/grub/{platform}/regexp.mod").is_file()


def test_its_size_is_worth_a_look_when_it_grows(root: Path) -> None:
    size = sum(path.lstat().st_size for path in root.rglob("*") if not path.is_dir())
    assert size < 150 << 20, size


@pytest.mark.parametrize("kind", list(FileSystem))
def test_the_menu_of_a_system_without_grub_is_what_grub_understands(
    kind: FileSystem, tmp_path: Path
) -> None:
    volumes = Volumes(
        disk="/dev/sda",
        layout=Layout(file_system=kind),
        esp=Volume(device="/dev/sda2", uuid="0123-4567"),
        root=Volume(device="/dev/sda3", uuid="0123"),
    )
    text = menu(Tree(make_system(tmp_path / "system")), volumes.start)
    assert "menuentry 'Debian GNU/Linux 13 (trixie)' {" in text
    (tmp_path / "grub.cfg").write_text(text)
    subprocess.run(["grub-script-check", tmp_path / "grub.cfg"], check=True)


class _OnFile(RecordingMachine):
    """Does what a machine is asked, in the root; what is a device there is a file here."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def run(self, argv: Sequence[str], *, root: Path | None = None, stdin: str = "") -> str:
        """Run it."""
        assert root is None
        done = started(self._root, *argv, stdin=stdin)
        if done.returncode:
            said = done.stderr.splitlines()
            raise StepError("{tool} failed", output=said, tool=argv[0])
        return done.stdout


@pytest.fixture
def disk(root: Path) -> Iterator[Disk]:
    """A disk of 4 GiB in the root, whose partitions are files beside it."""
    sizes = {"disk": 4 << 30, "disk2": 512 << 20, "disk3": 1 << 30}
    for name, size in sizes.items():
        with (root / "tmp" / name).open("wb") as stream:
            stream.truncate(size)
    yield Disk(path="/tmp/disk", size=4 << 30)
    for name in sizes:
        (root / "tmp" / name).unlink()


def made(root: Path, disk: Disk, kind: FileSystem) -> Volumes:
    with made_volumes(disk, Layout(file_system=kind), _OnFile(root)) as volumes:
        return volumes


def test_the_partitions_and_file_systems_are_what_older_systems_can_check(
    root: Path, disk: Disk
) -> None:
    volumes = made(root, disk, FileSystem.EXT4)
    table = json.loads(run(root, "sfdisk", "--json", "/tmp/disk"))["partitiontable"]
    assert table["label"] == "gpt"
    assert [each["size"] * 512 >> 20 for each in table["partitions"]][:2] == [1, 512]
    assert sum(each["size"] for each in table["partitions"]) * 512 > (4 << 30) - (4 << 20)
    shown = run(root, "dumpe2fs", "-h", "/tmp/disk3")
    assert volumes.root.uuid in shown
    features = next(line for line in shown.splitlines() if line.startswith("Filesystem features"))
    assert "orphan_file" not in features
    assert "metadata_csum_seed" not in features
    assert found_uuid(root, "disk2") == volumes.esp.uuid


@pytest.mark.parametrize("kind", [FileSystem.BTRFS, FileSystem.XFS])
def test_the_other_file_systems_are_made_as_well(kind: FileSystem, root: Path, disk: Disk) -> None:
    made(root, disk, FileSystem.EXT4)  # as after an installation that was cut off
    volumes = made(root, disk, kind)
    assert found_uuid(root, "disk3") == volumes.root.uuid
    if kind is FileSystem.XFS:
        shown = subprocess.run(
            ["xfs_info", root / "tmp/disk3"], capture_output=True, check=True, text=True
        )
        assert "nrext64=0" in shown.stdout


def found_uuid(root: Path, name: str) -> str:
    options = ("--probe", "--match-tag", "UUID", "--output", "value")
    return run(root, "blkid", *options, f"/tmp/{name}").strip()


@pytest.mark.parametrize("length", [900_000, 60])
def test_an_image_that_ends_too_early_is_the_mediums_fault(length: int, root: Path) -> None:
    folder, image = root / "tmp/whole", root / "tmp/whole.img"
    folder.mkdir(exist_ok=True)
    (folder / "file").write_bytes(os.urandom(1 << 20))
    subprocess.run(["mksquashfs", folder, image, "-noappend", "-quiet"], check=True)
    size = image.stat().st_size
    os.truncate(image, length)
    os.truncate(image, size)
    clone = Clone(image=Path("/tmp/whole.img"), root=folder)
    with pytest.raises(StepError, match=r"^The medium cannot be read$"), explained("/dev/disk"):
        unpack(clone, Path("/tmp/half"), _OnFile(root))


def test_unpacking_to_a_disk_that_is_too_small_says_so(root: Path) -> None:
    folder, small = root / "tmp/large", root / "tmp/small"
    folder.mkdir()
    (folder / "file").write_bytes(os.urandom(1 << 20))
    subprocess.run(["mksquashfs", folder, root / "tmp/large.img", "-quiet"], check=True)
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], check=True)
    try:
        clone = Clone(image=Path("/tmp/large.img"), root=folder)
        with (
            pytest.raises(StepError, match=r"^/dev/small was full before all of the system was on"),
            explained("/dev/small"),
        ):
            unpack(clone, Path("/tmp/small"), _OnFile(root))
    finally:
        subprocess.run(["umount", small], check=True)
