"""The installer's root, made of the real builder image: its programs run there, and work."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from builder.formats.answers import FileSystem
from builder.inside.installing.disks import Disk
from builder.inside.installing.root import InstallerRoot, closure
from builder.inside.installing.starting import menu
from builder.inside.installing.volumes import Volumes, make_volumes
from builder.inside.steps.installer import LISTING
from builder.inside.tree.tree import Tree
from tests.support.installing import RecordingMachine
from tests.support.trees import make_system

pytestmark = pytest.mark.tools

_PROGRAMS = (
    ("du", "--version"), ("grub-install", "--version"), ("lsblk", "--version"),
    ("mkfs.ext4", "-V"), ("mkfs.fat", "--help"), ("mount", "--version"), ("sfdisk", "--version"),
    ("umount", "--version"), ("wipefs", "--version"), ("chroot", "--version"),
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
    InstallerRoot(image=Path("/"), target=target, clock=1764000000).make(closure(listing))
    return target


def run(root: Path, *argv: str | Path, stdin: str = "") -> str:
    done = subprocess.run(
        ["chroot", root, *argv], capture_output=True, check=False, text=True, input=stdin,
        env={"PATH": "/usr/sbin:/usr/bin", "PYTHONPATH": "/usr/lib/distroclone-builder"},
    )  # fmt: skip
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
    for platform in ("i386-pc", "x86_64-efi"):
        assert (root / f"usr/lib/grub/{platform}/modinfo.sh").is_file()
        assert (root / f"usr/lib/grub/{platform}/regexp.mod").is_file()


def test_its_size_is_worth_a_look_when_it_grows(root: Path) -> None:
    size = sum(path.lstat().st_size for path in root.rglob("*") if not path.is_dir())
    assert size < 150 << 20, size


def test_the_menu_of_a_system_without_grub_is_what_grub_understands(tmp_path: Path) -> None:
    volumes = Volumes(
        disk="/dev/sda",
        esp="/dev/sda2",
        esp_uuid="0123-4567",
        root="/dev/sda3",
        root_uuid="0123",
        file_system=FileSystem.EXT4,
    )
    text = menu(Tree(make_system(tmp_path / "system")), volumes)
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
        return run(self._root, *argv, stdin=stdin)


def test_the_partitions_and_file_systems_are_what_older_systems_can_check(root: Path) -> None:
    for name, size in (("disk", 4 << 30), ("disk2", 512 << 20), ("disk3", 1 << 30)):
        with (root / "tmp" / name).open("wb") as stream:
            stream.truncate(size)
    volumes = make_volumes(Disk(path="/tmp/disk", size=4 << 30), FileSystem.EXT4, _OnFile(root))
    table = json.loads(run(root, "sfdisk", "--json", "/tmp/disk"))["partitiontable"]
    assert table["label"] == "gpt"
    assert [each["size"] * 512 >> 20 for each in table["partitions"]][:2] == [1, 512]
    assert sum(each["size"] for each in table["partitions"]) * 512 > (4 << 30) - (4 << 20)
    shown = run(root, "dumpe2fs", "-h", "/tmp/disk3")
    assert volumes.root_uuid in shown
    features = next(line for line in shown.splitlines() if line.startswith("Filesystem features"))
    assert "orphan_file" not in features
    assert "metadata_csum_seed" not in features
    label = run(root, "blkid", "--probe", "--match-tag", "UUID", "--output", "value", "/tmp/disk2")
    assert label.strip() == volumes.esp_uuid
    for name in ("disk", "disk2", "disk3"):
        (root / "tmp" / name).unlink()
