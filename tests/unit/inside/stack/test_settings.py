"""What of a machine's own settings for its initramfs is not in a live system's."""

import subprocess
from pathlib import Path

import pytest

from builder.inside.stack.hooks import failed_hooks
from builder.inside.stack.settings import compressor, neutralise
from builder.inside.tree.tree import Tree
from tests.support.stacks import SCRIPTS, make_initramfs_tools
from tests.support.trees import KERNEL, make_system, put

_OWN = "usr/lib/distroclone-builder/stack"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_system(tmp_path / "root")
    make_initramfs_tools(root)
    return root


def neutralised(root: Path) -> list[str]:
    told = neutralise(Tree(root, clock=1764000000))
    return [each.message.format_map(dict(each.values)) for each in told]


def names(root: Path, path: str) -> list[str]:
    return sorted(each.name for each in (root / SCRIPTS / path).iterdir())


def test_settings_of_the_machine_give_way_to_neutral_ones(root: Path) -> None:
    for path, text in (
        ("initramfs.conf", "MODULES=dep\nBOOT=nfs\nCOMPRESS=lzop\nBUSYBOX=n\n"),
        ("conf.d/resume", "RESUME=UUID=1234\n"),
        ("conf.d/driver-policy", "MODULES=dep\n"),
        ("hooks/company", "#!/bin/sh\nexit 1\n"),
        ("scripts/init-premount/unlock", "#!/bin/sh\nread answer\n"),
        ("modules", "# a comment\nvfio-pci ids=10de:1b80\n"),
        ("DSDT.aml", "table"),
    ):
        put(root, f"etc/initramfs-tools/{path}", text)
    (told, _others) = neutralised(root)
    assert told == (
        "The initramfs of the live system is made without the system's own "
        "/etc/initramfs-tools/conf.d/driver-policy, /etc/initramfs-tools/conf.d/resume, "
        "/etc/initramfs-tools/hooks/company, /etc/initramfs-tools/modules, "
        "/etc/initramfs-tools/scripts/init-premount/unlock"
    )
    folder = root / "etc/initramfs-tools"
    left = {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }
    conf = left.pop("initramfs.conf").split("\n")
    assert {"MODULES=most", "BUSYBOX=y", "RESUME=none", "BOOT=local"} <= set(conf)
    assert left == {"modules": "", "conf.d/.empty": "", "hooks/.empty": "", "scripts/.empty": ""}


def test_a_machine_without_settings_of_its_own_gets_them_too(root: Path) -> None:
    assert neutralised(root) == [
        "The initramfs is made without scripts that a live system does not need: resume"
    ]
    assert (root / "etc/initramfs-tools/initramfs.conf").is_file()


def test_a_link_in_the_place_of_the_settings_is_replaced(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    put(tmp_path, "outside/initramfs.conf", "MODULES=dep")
    (root / "etc/initramfs-tools").symlink_to(tmp_path / "outside")
    neutralised(root)
    assert (tmp_path / "outside/initramfs.conf").read_text() == "MODULES=dep"
    assert (root / "etc/initramfs-tools/initramfs.conf").is_file()


def test_what_switches_parts_of_live_boot_or_udev_off_is_gone(root: Path) -> None:
    put(root, "etc/live/boot.conf", "LIVE_GENERATE_UUID=1\nDISABLE_CDROM=true\n")
    put(root, "etc/live/boot/x", "MINIMAL=yes\n")
    (root / "etc/udev/rules.d").mkdir(parents=True)
    (root / "etc/udev/rules.d/60-persistent-storage.rules").symlink_to("/dev/null")
    put(root, "etc/systemd/network/10-lan.link", "[Match]\nMACAddress=02:00:00:00:00:01\n")
    neutralised(root)
    assert not (root / "etc/live/boot.conf").exists()
    assert not (root / "etc/live/boot").exists()
    assert not (root / "etc/udev/rules.d").exists()
    assert not (root / "etc/systemd/network").exists()
    assert (root / "etc/udev/udev.conf").read_bytes() == b""


def test_only_scripts_that_serve_a_live_system_are_left(root: Path) -> None:
    for hook in ("cryptroot", "lvm2", "mdadm", "zfs", "plymouth", "of-nobody", "live"):
        put(root, f"{SCRIPTS}/hooks/{hook}", "#!/bin/sh\n").chmod(0o755)
    for script in ("init-bottom/overlayroot", "init-premount/dropbear", "init-top/framebuffer",
                   "init-top/simple-framebuffer",  # of initramfs-tools 0.151
                   "local-top/cryptroot", "casper", "live"):  # fmt: skip
        put(root, f"{SCRIPTS}/scripts/{script}", "#!/bin/sh\n").chmod(0o755)
    put(root, f"{SCRIPTS}/conf-hooks.d/cryptsetup", "UMASK=0077\n")
    put(root, f"{SCRIPTS}/conf.d/local", "MODULES=dep\n")
    put(root, f"{SCRIPTS}/modules.d/list", "vfio\n")
    (told,) = neutralised(root)
    assert told.endswith(
        ": casper, cryptroot, cryptsetup, dropbear, list, local, lvm2, mdadm, of-nobody, "
        "overlayroot, resume, zfs"
    )
    assert names(root, "hooks") == [
        "klibc-utils", "kmod", "live", "plymouth", "udev", "zz-busybox",
    ]  # fmt: skip
    assert names(root, "scripts") == [
        "functions", "init-bottom", "init-premount", "init-top", "live", "local", "local-top",
    ]  # fmt: skip
    assert names(root, "scripts/init-top") == ["framebuffer", "simple-framebuffer", "udev"]
    assert names(root, "scripts/init-bottom") == []
    assert names(root, "conf-hooks.d") == ["busybox"]
    assert names(root, "conf.d") == names(root, "modules.d") == []


def run_hook(root: Path, name: str, *arguments: str) -> tuple[int, str]:
    """Run it as mkinitramfs does, but with the scratch root's own paths for `/usr/lib/…`."""
    text = (root / f"{SCRIPTS}/hooks/{name}").read_text().replace(f"/{_OWN}", str(root / _OWN))
    done = subprocess.run(
        ["sh", "-c", text, name, *arguments],
        capture_output=True,
        check=False,
        text=True,
        timeout=20,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("way", ["exit 3", "set -e; false; echo more", "no-such-tool || exit 1"])
def test_a_hook_that_fails_is_named_and_spoils_nothing(root: Path, way: str) -> None:
    put(root, f"{SCRIPTS}/hooks/plymouth", f"#!/bin/sh\n{way}\n").chmod(0o755)
    put(root, f"{SCRIPTS}/hooks/thermal", "#!/bin/sh\necho made\n").chmod(0o755)
    neutralised(root)
    assert run_hook(root, "thermal") == (0, "made\n")
    assert failed_hooks(Tree(root)) == ()
    assert run_hook(root, "plymouth")[0] == 0
    assert failed_hooks(Tree(root)) == ("plymouth",)


def test_a_name_that_is_no_hooks_is_not_repeated(root: Path) -> None:
    put(root, f"{_OWN}/failed-hooks", "thermal\n/etc/shadow \x1b[2J\n")
    assert failed_hooks(Tree(root)) == ("thermal",)


def test_a_hook_still_says_what_comes_before_it_and_gets_no_answer(root: Path) -> None:
    text = '#!/bin/sh\n[ "$1" != prereqs ] || { echo udev; exit 0; }\nread answer\n'
    put(root, f"{SCRIPTS}/hooks/plymouth", text).chmod(0o755)
    neutralised(root)
    assert run_hook(root, "plymouth", "prereqs") == (0, "udev\n")
    assert failed_hooks(Tree(root)) == ()
    assert run_hook(root, "plymouth") == (0, "")
    assert failed_hooks(Tree(root)) == ("plymouth",)


def test_a_needed_hook_may_not_fail(root: Path) -> None:
    put(root, f"{SCRIPTS}/hooks/udev", "#!/bin/sh\nexit 7\n").chmod(0o755)
    neutralised(root)
    assert run_hook(root, "udev")[0] == 7


@pytest.mark.parametrize(
    ("programs", "config", "expected"),
    [
        (("zstd", "gzip"), None, "zstd"),
        (("gzip",), None, "gzip"),
        (("zstd", "gzip"), "CONFIG_RD_GZIP=y\n# CONFIG_RD_ZSTD is not set\n", "gzip"),
        (("zstd", "gzip", "xz"), "CONFIG_RD_XZ=y\n", "xz"),
    ],
)
def test_an_initramfs_is_compressed_with_what_tree_and_kernel_know(
    root: Path, programs: tuple[str, ...], config: str | None, expected: str
) -> None:
    for name in programs:
        put(root, f"usr/bin/{name}", "program")
    if config is not None:
        put(root, f"boot/config-{KERNEL}", config)
    assert compressor(Tree(root), KERNEL) == expected
