"""Settings of the source machine's own initramfs, which a live system's must not have.

Only the scratch root is changed, so the system itself keeps all of them.
"""

from typing import Final

from builder.inside.rules.rule import Warned, add
from builder.inside.stack.hooks import choose_scripts
from builder.inside.tree.tree import Tree

_ADMIN: Final = "/etc/initramfs-tools"
# initramfs.conf(5): modules for any machine, a shell with tools, no swap space to resume from.
_CONF: Final = b"""\
MODULES=most
BUSYBOX=y
KEYMAP=n
COMPRESS=gzip
DEVICE=
NFSROOT=auto
RUNSIZE=10%
FSTYPE=auto
BOOT=local
RESUME=none
"""
# live-boot's hook reads the first two; udev's copies the others: rules of an administrator may mask
# those that find disks, and name this machine's network cards.
_REMOVED: Final = (
    "/etc/live/boot.conf", "/etc/live/boot", "/etc/udev/rules.d", "/etc/systemd/network",
)  # fmt: skip
_UDEV_CONF: Final = "/etc/udev/udev.conf"  # udev's hook fails where it is missing
_COMPRESSORS: Final = (  # program, the kernel's setting for it; the first is preferred
    ("zstd", "ZSTD"), ("gzip", "GZIP"), ("xz", "XZ"), ("lz4", "LZ4"), ("bzip2", "BZIP2"),
    ("lzma", "LZMA"), ("lzop", "LZO"),
)  # fmt: skip
_LARGEST_CONFIG: Final = 4 << 20  # bytes; that of Debian 13 has 300 kB


def neutralise(tree: Tree) -> tuple[Warned, ...]:
    """Put neutral settings in place of the machine's own; return what is not used, to be told.

    Call it after `put_stack`. Raises OSError where something cannot be changed.
    """
    own = _own_files(tree)
    for path in (_ADMIN, *_REMOVED):
        tree.remove(path)
    add(tree, f"{_ADMIN}/initramfs.conf", _CONF)
    add(tree, f"{_ADMIN}/modules", b"")
    for name in ("conf.d", "hooks", "scripts"):
        add(tree, f"{_ADMIN}/{name}/.empty", b"")  # mkinitramfs wants the folders
    add(tree, _UDEV_CONF, b"")
    others = choose_scripts(tree)
    told = []
    if own:
        message = "The initramfs of the live system is made without the system's own {paths}"
        told.append(Warned(message=message, values=(("paths", ", ".join(own)),)))
    if others:
        message = "The initramfs is made without scripts that a live system does not need: {names}"
        told.append(Warned(message=message, values=(("names", ", ".join(others)),)))
    return tuple(told)


def compressor(tree: Tree, kernel: str) -> str:
    """Return the program to compress an initramfs with: the tree has it, and the kernel knows it.

    A kernel whose settings are not there knows all.
    """
    settings = _config(tree, kernel)
    for name, symbol in _COMPRESSORS:
        known = settings is None or f"CONFIG_RD_{symbol}=y" in settings
        if known and any(tree.is_file(f"{folder}/{name}") for folder in ("/usr/bin", "/bin")):
            return name
    return "gzip"


def _config(tree: Tree, kernel: str) -> frozenset[str] | None:
    # mkinitramfs looks at both places, in this order.
    for path in (f"/lib/modules/{kernel}/config-{kernel}", f"/boot/config-{kernel}"):
        if tree.is_file(path):
            return frozenset(tree.read_text(path, limit=_LARGEST_CONFIG).split("\n"))
    return None


def _own_files(tree: Tree) -> list[str]:
    """Return what an administrator added: hooks, scripts, settings, and a list of modules."""
    found = []
    for folder in ("hooks", "conf.d", "scripts"):
        found += [f"{_ADMIN}/{folder}/{name}" for name in tree.listdir(f"{_ADMIN}/{folder}")]
    scripts = [path for path in found if path.startswith(f"{_ADMIN}/scripts/")]
    for path in scripts:
        if tree.is_dir(path):
            found.remove(path)
            found += [f"{path}/{name}" for name in tree.listdir(path)]
    modules = f"{_ADMIN}/modules"
    if tree.is_file(modules):
        lines = tree.read_text(modules).split("\n")
        found += [modules] if any(line.strip() and line[0] != "#" for line in lines) else []
    return sorted(found)
