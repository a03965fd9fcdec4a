"""Which scripts of initramfs-tools take part in an initramfs that finds a live medium.

Packages bring hooks, which fill an initramfs, and scripts, which run in it: initramfs-tools(7).
Most of them look for the disks of an installed system, unlock or assemble them, or serve a login
before there is a root. A live system needs few, so these are named here, and no other is used: a
hook that nobody knows may fail, ask, take the machine's disks or write what differs each time.
"""

import stat
from typing import Final

from builder.inside.rules.rule import add
from builder.inside.stack.programs import OWN
from builder.inside.tree.tree import Tree

_SCRIPTS: Final = "/usr/share/initramfs-tools"
# Without these there is no live system.
_NEEDED: Final = frozenset(
    ("live", "udev", "kmod", "klibc-utils", "zz-busybox", "zz-busybox-initramfs")
)
# These make it better, and may fail: microcode, drivers, screen, keyboard, file systems of media.
_WELCOME: Final = frozenset(
    (
        "amd64_microcode", "brltty", "btrfs", "console_setup", "dhcpcd", "dmsetup", "exfat",
        "framebuffer", "fuse", "fuse3", "intel_microcode", "kbd", "keymap", "kms", "ntfs_3g",
        "open-vm-tools", "plymouth", "thermal", "zz-dhclient",
    )
)  # fmt: skip
_SETTINGS: Final = frozenset(("busybox", "busybox-initramfs", "plymouth"))
_TOP_SCRIPTS: Final = frozenset(("functions", "local", "nfs", "live"))
_BOOT_SCRIPTS: Final = frozenset(
    (
        "00_mount_efivarfs", "all_generic_ide", "blacklist", "brltty", "console_setup",
        "framebuffer", "keymap", "plymouth", "simple-framebuffer", "udev",
    )
)  # fmt: skip
_ORIGINALS: Final = f"{OWN}/hooks"
_FAILED: Final = f"{OWN}/failed-hooks"
_SECONDS: Final = 600  # for one hook; that of the microcode takes 5
_WRAPPER: Final = """\
#!/bin/sh
# A live system starts without what this hook adds, so its failure is noted, and is none.
timeout -k 10 {seconds} {originals}/{name} "$@" </dev/null && exit
[ "$1" = prereqs ] || echo {name} >>{failed}
"""


def choose_scripts(tree: Tree) -> tuple[str, ...]:
    """Leave only the scripts that a live system needs; return the names of the others, sorted.

    Hooks that may fail do so without an effect: `failed_hooks` names them afterwards.
    """
    left_out = {
        *_keep(tree, f"{_SCRIPTS}/hooks", _NEEDED | _WELCOME),
        *_keep(tree, f"{_SCRIPTS}/conf-hooks.d", _SETTINGS),
        *_keep(tree, f"{_SCRIPTS}/conf.d", frozenset()),
        *_keep(tree, f"{_SCRIPTS}/modules.d", frozenset()),
        *_keep_boot_scripts(tree),
    }
    for name in sorted(_WELCOME):
        _make_harmless(tree, name)
    tree.remove(_FAILED)
    return tuple(sorted(left_out))


def failed_hooks(tree: Tree) -> tuple[str, ...]:
    """Return the hooks that failed since `choose_scripts`, sorted."""
    try:
        # The tree's own programs can write there as well.
        return tuple(sorted(_WELCOME & set(tree.read_text(_FAILED).split())))
    except OSError:
        return ()


def _keep(tree: Tree, directory: str, names: frozenset[str]) -> list[str]:
    others = [name for name in tree.listdir(directory) if name not in names]
    for name in others:
        tree.remove(f"{directory}/{name}")
    return others


def _keep_boot_scripts(tree: Tree) -> list[str]:
    others = []
    for name in tree.listdir(f"{_SCRIPTS}/scripts"):
        path = f"{_SCRIPTS}/scripts/{name}"
        if tree.is_dir(path):
            others += _keep(tree, path, _BOOT_SCRIPTS)
        elif name not in _TOP_SCRIPTS:
            tree.remove(path)
            others.append(name)
    return others


def _make_harmless(tree: Tree, name: str) -> None:
    path = f"{_SCRIPTS}/hooks/{name}"
    if not tree.is_file(path):
        tree.remove(path)
        return
    with tree.open(path) as stream:
        data = stream.read()
    if not stat.S_IMODE(tree.resolve(path).stat().st_mode) & stat.S_IXUSR:
        return  # mkinitramfs runs none that is not executable
    add(tree, f"{_ORIGINALS}/{name}", data, mode=0o755)
    wrapper = _WRAPPER.format(seconds=_SECONDS, originals=_ORIGINALS, name=name, failed=_FAILED)
    add(tree, path, wrapper.encode("ascii"), mode=0o755)
