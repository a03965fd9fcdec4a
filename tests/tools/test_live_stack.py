"""The pinned live stack, as the builder image has it, put into a tree that has none of it."""

import subprocess
from pathlib import Path

import pytest

from builder.inside.stack.bundle import BUNDLE
from builder.inside.stack.putting import put_stack
from builder.inside.stack.settings import neutralise
from builder.inside.tree.tree import Tree
from tests.support.trees import make_system

pytestmark = pytest.mark.tools

_OWN = "usr/lib/distroclone-builder/stack"
_SCRIPTS = "usr/share/initramfs-tools"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with the whole stack."""
    root = make_system(tmp_path_factory.mktemp("stack") / "root")
    tree = Tree(root, clock=1764000000)
    put = put_stack(tree)
    neutralise(tree)
    wished = {
        line.split()[2]
        for line in BUNDLE.lock.read_text().split("\n")
        if line.startswith("want live ")
    }
    assert {each.package.name for each in put} == wished - {"libkmod2", "memtest86+"}
    return root


@pytest.mark.parametrize("program", ["cpio", "dracut-install", "unmkinitramfs"])
def test_a_program_finds_every_library_among_its_own(root: Path, program: str) -> None:
    lib = root / _OWN / "lib"
    listed = subprocess.run(
        [lib / "ld-linux-x86-64.so.2", "--inhibit-cache", "--library-path", lib, "--list",
         root / _OWN / "bin" / program],
        capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    found = [line.split()[2] for line in listed.splitlines() if "=>" in line]
    assert found
    assert {Path(each).parent for each in found} == {lib}


@pytest.mark.parametrize(
    "argv",
    [
        ("/usr/bin/busybox", "true"),
        ("/usr/lib/klibc/bin/true",),
        (f"/{_OWN}/lib/ld-linux-x86-64.so.2", "--library-path", f"/{_OWN}/lib",
         f"/{_OWN}/bin/dracut-install", "--help"),
    ],
)  # fmt: skip
def test_it_runs_where_no_c_library_is(root: Path, argv: tuple[str, ...]) -> None:
    subprocess.run(["chroot", root, *argv], check=True)


def test_scripts_are_where_mkinitramfs_looks_and_are_good_shell(root: Path) -> None:
    scripts = [
        "usr/sbin/mkinitramfs", "usr/bin/lsinitramfs", f"{_SCRIPTS}/init",
        f"{_SCRIPTS}/hook-functions", f"{_SCRIPTS}/scripts/live", f"{_SCRIPTS}/scripts/functions",
        *(f"{_SCRIPTS}/hooks/{name}" for name in ("kmod", "klibc-utils", "live", "udev")),
        *(f"{_SCRIPTS}/hooks/{name}" for name in ("kms", "thermal", "keymap", "zz-busybox")),
        "usr/bin/live-boot", "usr/lib/live/boot/9990-main.sh",
    ]  # fmt: skip
    for script in scripts:
        subprocess.run(["sh", "-n", root / script], check=True)
    hooks = (root / _SCRIPTS / "hooks").iterdir()
    assert all(hook.stat().st_mode & 0o111 for hook in hooks)


def test_persistence_stacks_the_images_in_the_order_without_it(root: Path, tmp_path: Path) -> None:
    """The live layer is above the system, whatever their names are."""
    upper, lower = tmp_path / "z.squashfs", tmp_path / "a.squashfs"
    medium, target = tmp_path / "persistence", tmp_path / "root"
    for folder in (upper, lower, medium, target):
        folder.mkdir()
    (tmp_path / "mounts").write_text(f"/dev/sda3 {medium} {target} union\n")
    script = f"""
        . {root}/usr/lib/live/boot/9990-misc-helpers.sh
        what_is_mounted_on() {{ echo overlay; }}
        umount() {{ :; }}
        do_union() {{ echo "$@" >{tmp_path}/union; }}
        rootmnt={target} rootfslist="{upper} {lower}"
        activate_custom_mounts {tmp_path}/mounts
    """
    subprocess.run(["sh", "-c", script], check=True)
    union = (tmp_path / "union").read_text().split()
    assert [Path(each) for each in union] == [target, medium, upper, lower]
