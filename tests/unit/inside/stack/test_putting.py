"""The live stack in a scratch root: live-boot always, the rest where the tree lacks it."""

from pathlib import Path

import pytest

from builder.inside.stack.bundle import Bundle
from builder.inside.stack.putting import has_mkinitramfs, put_stack
from builder.inside.tree.tree import Tree
from tests.support.house import PROJECT
from tests.support.stacks import SCRIPTS, make_bundle, make_initramfs_tools
from tests.support.trees import make_system, put, status

_CORE = "initramfs-tools-core"
_CLOCK = 1764000000


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "image")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_system(tmp_path / "root")


def put_into(root: Path, bundle: Bundle) -> dict[str, bool]:
    found = put_stack(Tree(root, clock=_CLOCK), bundle)
    return {each.package.name: each.shipped for each in found}


def with_own(root: Path) -> None:
    make_initramfs_tools(root)
    put(root, "var/lib/dpkg/status", status(("dpkg", _CORE)))


def test_a_tree_without_any_gets_all_of_it(root: Path, bundle: Bundle) -> None:
    assert put_into(root, bundle) == {
        "busybox-static": True,
        "cpio": False,
        "dracut-install": False,
        "initramfs-tools-bin": False,
        "initramfs-tools-core": True,
        "klibc-utils": True,
        "kmod": True,
        "libklibc": True,
        "live-boot": True,
        "live-boot-initramfs-tools": True,
        "udev": True,
    }
    assert (root / "usr/sbin/mkinitramfs").read_text() == f"pinned {_CORE}\n"
    assert (root / "usr/bin/busybox").stat().st_mode & 0o777 == 0o755
    assert not (root / "usr/share/doc").exists()


def test_versions_are_those_of_the_lock(root: Path, bundle: Bundle) -> None:
    (first, *_others) = put_stack(Tree(root, clock=_CLOCK), bundle)
    line = f"package live {first.package.name} {first.package.version} {first.package.architecture}"
    assert line in (PROJECT / "containers/packages.lock").read_text()


def test_every_package_that_is_put_is_wished_for_in_the_lock(bundle: Bundle) -> None:
    for folder in bundle.packages.iterdir():
        assert bundle.package(folder.name).version
    with pytest.raises(KeyError):
        bundle.package("xorriso")  # of another section


def test_a_tree_with_its_own_keeps_it(root: Path, bundle: Bundle) -> None:
    with_own(root)
    assert put_into(root, bundle) == {"live-boot": True, "live-boot-initramfs-tools": True}
    assert (root / "usr/sbin/mkinitramfs").read_text() == "own\n"


@pytest.mark.parametrize("missing", ["usr/sbin/mkinitramfs", f"{SCRIPTS}/scripts/functions"])
def test_a_package_whose_files_are_gone_is_not_there(
    root: Path, bundle: Bundle, missing: str
) -> None:
    with_own(root)
    (root / missing).write_bytes(b"")
    assert not has_mkinitramfs(Tree(root))
    assert put_into(root, bundle)[_CORE]
    assert (root / "usr/sbin/mkinitramfs").read_text() == f"pinned {_CORE}\n"


def test_files_of_a_package_that_dpkg_removed_are_replaced(root: Path, bundle: Bundle) -> None:
    with_own(root)
    gone = status((_CORE,)).replace("install ok installed", "deinstall ok config-files")
    put(root, "var/lib/dpkg/status", gone)
    assert put_into(root, bundle)[_CORE]


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("usr/bin/busybox", "busybox-static"),
        (f"{SCRIPTS}/hooks/zz-busybox", "busybox-static"),
        ("usr/lib/klibc/bin/run-init", "klibc-utils"),
        ("usr/bin/cpio", "cpio"),
        ("usr/lib/dracut/dracut-install", "dracut-install"),
        (f"{SCRIPTS}/hooks/udev", "udev"),
        (f"{SCRIPTS}/hooks/kmod", "kmod"),
    ],
)
def test_what_its_own_lacks_is_put_beside_it(
    root: Path, bundle: Bundle, path: str, package: str
) -> None:
    with_own(root)
    (root / path).unlink()
    assert package in put_into(root, bundle)
    assert (root / path).is_file()


def test_a_program_that_may_not_be_run_is_none(root: Path, bundle: Bundle) -> None:
    with_own(root)
    (root / "usr/bin/cpio").chmod(0o644)
    assert "cpio" in put_into(root, bundle)


def test_ubuntus_busybox_is_one(root: Path, bundle: Bundle) -> None:
    with_own(root)
    (root / f"{SCRIPTS}/hooks/zz-busybox").rename(root / f"{SCRIPTS}/hooks/zz-busybox-initramfs")
    (root / "usr/lib/initramfs-tools/bin").mkdir(parents=True)
    (root / "usr/bin/busybox").rename(root / "usr/lib/initramfs-tools/bin/busybox")
    assert "busybox-static" not in put_into(root, bundle)
    (root / "usr/lib/initramfs-tools/bin/busybox").unlink()
    assert "busybox-static" in put_into(root, bundle)
    assert not (root / f"{SCRIPTS}/hooks/zz-busybox-initramfs").exists()


def test_a_program_is_started_with_a_c_library_of_its_own(root: Path, bundle: Bundle) -> None:
    put_into(root, bundle)
    own = "/usr/lib/distroclone-builder/stack"
    assert (root / "usr/bin/cpio").read_text() == (
        "#!/bin/sh\n"
        f"exec {own}/lib/ld-linux-x86-64.so.2 --inhibit-cache --library-path {own}/lib "
        f'{own}/bin/cpio "$@"\n'
    )
    here = root / own.lstrip("/")
    assert (here / "bin/cpio").read_text() == "pinned cpio\n"
    assert (here / "lib/libkmod.so.2").read_text() == "pinned libkmod2\n"
    assert (here / "lib/ld-linux-x86-64.so.2").stat().st_mode & 0o111


def test_nothing_of_the_trees_own_live_boot_is_left(root: Path, bundle: Bundle) -> None:
    with_own(root)
    # Debian 12 calls their folder /lib/live; with /lib as a link it is this one.
    for path in ("usr/lib/live/boot/9990-old.sh", "usr/lib/live/config/0010", "usr/bin/live-boot",
                 f"{SCRIPTS}/scripts/live-bottom/mine", f"{SCRIPTS}/hooks/kms"):  # fmt: skip
        put(root, path, "old")
    put_into(root, bundle)
    assert "9990-old.sh" not in [each.name for each in (root / "usr/lib/live/boot").iterdir()]
    assert (root / "usr/lib/live/config/0010").read_text() == "old"
    assert (root / "usr/bin/live-boot").read_text() == "pinned live-boot\n"
    assert not (root / f"{SCRIPTS}/scripts/live-bottom").exists()
    assert not (root / f"{SCRIPTS}/hooks/kms").exists()
    assert (root / "lib").is_symlink()
    assert (root / "bin").is_symlink()


def test_one_in_an_unmerged_lib_goes_too(root: Path, bundle: Bundle) -> None:
    (root / "lib").unlink()
    put(root, "lib/live/boot/9990-old.sh", "old")
    put_into(root, bundle)
    assert not (root / "lib/live/boot").exists()


def test_links_in_its_way_lead_nowhere_outside(root: Path, bundle: Bundle, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "usr/share").mkdir()
    (root / "usr/share/initramfs-tools").symlink_to(outside)
    (root / "usr/lib/live").symlink_to("../../../../outside")
    put_into(root, bundle)
    assert list(outside.iterdir()) == []
    assert (root / "outside/boot/9990-main.sh").is_file()
