"""Which kernels can start a live system, and which of them the menu starts."""

from pathlib import Path

import pytest

from builder.basics.texts import render
from builder.inside.debian.admission import admission_problems, admission_warnings
from builder.inside.debian.facts import read_facts
from builder.inside.debian.kernels import find_kernels, kernel_image
from builder.inside.tree.tree import Tree
from tests.support.trees import IMAGE, KERNEL, MODULES, make_kernel, make_system, put

NEWEST = "9.9.9-test"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_system(tmp_path / "root")


def complete(root: Path) -> tuple[str, ...]:
    return find_kernels(Tree(root)).complete


def rejected(root: Path) -> list[str]:
    tree = Tree(root)
    problems = find_kernels(tree).rejected
    assert all(render(each.hint, dict(each.values)) for each in problems)
    assert admission_warnings(tree) == problems
    return [render(each.message, dict(each.values)) for each in problems]


def folder(root: Path, version: str = NEWEST) -> Path:
    return root / "usr/lib/modules" / version


def test_a_kernel_with_one_stray_file_for_modules_is_left_out_and_named(root: Path) -> None:
    put(root, f"boot/vmlinuz-{NEWEST}", IMAGE)
    put(root, f"usr/lib/modules/{NEWEST}/stray", "x")
    assert complete(root) == (KERNEL,)
    assert rejected(root) == [
        f"the kernel {NEWEST} is left out: its modules have no list (modules.dep)"
    ]
    assert admission_problems(Tree(root), read_facts(Tree(root))) == ()


def test_the_only_kernel_is_refused_for_the_reason_it_would_be_left_out_for(root: Path) -> None:
    (folder(root, KERNEL) / "modules.dep").unlink()
    tree = Tree(root)
    assert admission_problems(tree, read_facts(tree)) == find_kernels(tree).rejected
    assert find_kernels(tree).rejected


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("fs/squashfs/squashfs", "squashfs"),
        ("fs/overlayfs/overlay", "overlay"),
        ("fs/isofs/isofs", "isofs"),
        ("drivers/block/loop", "loop"),
    ],
)
def test_a_kernel_that_lacks_what_a_medium_needs_is_left_out(
    root: Path, module: str, told: str
) -> None:
    make_kernel(root, NEWEST, modules=tuple(each for each in MODULES if each != module))
    assert complete(root) == (KERNEL,)
    (text,) = rejected(root)
    assert text.endswith(f"needs: {told}")


@pytest.mark.parametrize(
    ("content", "kept"), [(b"", False), (None, False), (b"module", True)]
)  # fmt: skip
def test_a_module_counts_if_its_file_is_there(
    root: Path, content: bytes | None, kept: bool
) -> None:
    make_kernel(root, NEWEST)
    place = folder(root) / "kernel/fs/squashfs/squashfs.ko.xz"
    if content is None:
        place.unlink()
    else:
        place.write_bytes(content)
    assert (NEWEST in complete(root)) is kept


def test_of_two_trees_with_the_same_list_one_may_lack_the_files(tmp_path: Path) -> None:
    """Lists are searched once for all snapshots that have the same; their files are not."""
    roots = [make_system(tmp_path / name) for name in ("whole", "lacking", "whole again")]
    (lost,) = folder(roots[1], KERNEL).rglob("squashfs.ko.xz")
    lost.unlink()
    assert [complete(each) for each in roots] == [(KERNEL,), (), (KERNEL,)]


def test_what_a_module_depends_on_must_be_there_too(root: Path) -> None:
    make_kernel(root, NEWEST)
    listed = folder(root) / "modules.dep"
    line = "kernel/fs/isofs/isofs.ko.xz:"
    listed.write_text(listed.read_text().replace(line, f"{line} kernel/lib/zlib.ko.xz"))
    assert complete(root) == (KERNEL,)
    put(folder(root), "kernel/lib/zlib.ko.xz", "module")
    assert complete(root) == (NEWEST, KERNEL)


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".zst"])
def test_modules_may_be_compressed_in_any_way(root: Path, ending: str) -> None:
    put(root, f"boot/vmlinuz-{NEWEST}", IMAGE)
    paths = [f"updates/dkms/{each.rpartition('/')[2]}.ko{ending}" for each in MODULES]
    for path in paths:
        put(folder(root), path, "module")
    put(folder(root), "modules.dep", "".join(f"{path}:\n" for path in paths))
    assert complete(root) == (NEWEST, KERNEL)


def test_what_is_built_in_needs_no_file(root: Path) -> None:
    put(root, f"boot/vmlinuz-{NEWEST}", IMAGE)
    put(folder(root), "modules.builtin", "".join(f"kernel/{each}.ko\n" for each in MODULES))
    assert complete(root) == (NEWEST, KERNEL)


_CONFIG = """\
CONFIG_BLK_DEV_INITRD=y
CONFIG_SQUASHFS=y
CONFIG_OVERLAY_FS=y
CONFIG_ISO9660_FS=y
CONFIG_BLK_DEV_LOOP=y
CONFIG_BLK_DEV_SR=y
CONFIG_BLK_DEV_SD=y
CONFIG_USB_STORAGE=y
"""


@pytest.mark.parametrize("place", [f"boot/config-{NEWEST}", f"usr/lib/modules/{NEWEST}/config"])
@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("", "", True),
        ("CONFIG_SQUASHFS=y", "CONFIG_SQUASHFS=m", False),
        ("CONFIG_OVERLAY_FS=y", "# CONFIG_OVERLAY_FS is not set", False),
        ("CONFIG_BLK_DEV_INITRD=y", "# CONFIG_BLK_DEV_INITRD is not set", False),
        ("CONFIG_SQUASHFS=y", "CONFIG_SQUASHFS_XZ=y", False),
    ],
)
def test_its_config_says_what_is_built_in(
    root: Path, place: str, old: str, new: str, kept: bool
) -> None:
    put(root, f"boot/vmlinuz-{NEWEST}", IMAGE)
    put(folder(root), "modules.dep", "kernel/net/other.ko:\n")
    put(root, place, _CONFIG.replace(old, new))
    assert (NEWEST in complete(root)) is kept


def _sized(image: bytes) -> bytes:
    """Return it with 2 sectors after the first one, and 2 times 16 bytes after these."""
    length = (2).to_bytes(4, "little")
    whole = image[:0x1F1] + b"\x02" + image[0x1F2:0x1F4] + length + image[0x1F8:]
    return whole.ljust(3 * 512 + 2 * 16, b"x")


def test_an_image_that_is_as_long_as_it_says_is_whole(root: Path) -> None:
    make_kernel(root, NEWEST)
    put(root, f"boot/vmlinuz-{NEWEST}", _sized(IMAGE))
    assert NEWEST in complete(root)


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"MZ",
        IMAGE[:0x237],
        bytes(0x202) + b"HdrS" + bytes(0x40),  # a kernel for i386
        b"MZ" + bytes(54) + b"ARM\x64" + bytes(600),
        b"\x7fELF" + bytes(700),
        _sized(IMAGE)[:-1],  # a copy that was cut off
    ],
)
def test_an_image_is_one_for_amd64(root: Path, image: bytes) -> None:
    make_kernel(root, NEWEST)
    put(root, f"boot/vmlinuz-{NEWEST}", image)
    assert complete(root) == (KERNEL,)
    assert rejected(root) == [
        f"the kernel {NEWEST} is left out: its image is empty, broken or not for amd64"
    ]


@pytest.mark.parametrize("target", ["vmlinuz-gone", "/etc", f"vmlinuz-{NEWEST}", "../../outside"])
def test_an_image_that_leads_to_none_is_named(root: Path, target: str) -> None:
    make_kernel(root, NEWEST)
    put(root.parent, "outside", IMAGE)
    (root / f"boot/vmlinuz-{NEWEST}").unlink()
    (root / f"boot/vmlinuz-{NEWEST}").symlink_to(target)
    assert complete(root) == (KERNEL,)


def test_an_image_may_lie_beside_the_modules_only(root: Path) -> None:
    make_kernel(root, NEWEST)
    tree = Tree(root)
    assert kernel_image(tree, NEWEST) == f"/boot/vmlinuz-{NEWEST}"
    (root / f"boot/vmlinuz-{NEWEST}").rename(folder(root) / "vmlinuz")
    assert kernel_image(tree, NEWEST) == f"/lib/modules/{NEWEST}/vmlinuz"
    assert complete(root) == (NEWEST, KERNEL)
    (root / f"boot/vmlinuz-{NEWEST}").symlink_to("gone")
    assert kernel_image(tree, NEWEST) == f"/lib/modules/{NEWEST}/vmlinuz"


def test_modules_without_an_image_are_no_kernel_and_no_news(root: Path) -> None:
    make_kernel(root, NEWEST)
    (root / f"boot/vmlinuz-{NEWEST}").unlink()
    assert complete(root) == (KERNEL,)
    assert rejected(root) == []


def test_names_that_are_no_versions_are_skipped(root: Path) -> None:
    make_kernel(root, "$(reboot)")
    (root / "boot/vmlinuz-1.0").mkdir()
    assert complete(root) == (KERNEL,)
    assert rejected(root) == []


def test_kernels_for_virtual_machines_alone_are_told(root: Path) -> None:
    for path in (root / "boot").glob("vmlinuz-*"):
        path.unlink()
    make_kernel(root, "6.1.0-9-cloud-amd64", modules=MODULES[:-1])
    (problem,) = admission_warnings(Tree(root))
    text = render(problem.message, dict(problem.values))
    assert "6.1.0-9-cloud-amd64 cannot start from every disc and USB stick" in text


@pytest.mark.parametrize(
    ("others", "best"),
    [
        ((("6.17.8+deb13-amd64", MODULES),), "6.17.8+deb13-amd64"),
        ((("6.12.48+deb13-rt-amd64", MODULES),), KERNEL),
        ((("6.17.8+deb13-rt-amd64", MODULES),), "6.17.8+deb13-rt-amd64"),
        # A kernel for virtual machines reads no USB stick.
        ((("6.17.8+deb13-cloud-amd64", MODULES[:-1]),), KERNEL),
        ((("6.1.0-9-amd64", MODULES),), KERNEL),
    ],
)
def test_the_best_one_comes_first(
    root: Path, others: tuple[tuple[str, tuple[str, ...]], ...], best: str
) -> None:
    for version, modules in others:
        make_kernel(root, version, modules=modules)
    assert complete(root)[0] == best
    assert set(complete(root)) == {KERNEL, *(version for version, _modules in others)}
