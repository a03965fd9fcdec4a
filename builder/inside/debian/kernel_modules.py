"""What a kernel can load, or has built in: modules.dep(5), modules.builtin, and its config.

The names are kmod's: `-` is `_`. A module counts if its file is there, and those it depends on;
depmod lists them, whatever they are compressed with.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from builder.inside.tree.tree import Tree

_LARGEST: Final = 16 << 20  # bytes of a list; Debian's have 1 MB

_LISTS: Final = 16  # kept in memory: those of the kernels that a system has at a time

# What a live system cannot do without, and the setting of the kernel that builds it in.
_NEEDED: Final = {
    "squashfs": "SQUASHFS", "overlay": "OVERLAY_FS", "isofs": "ISO9660_FS", "loop": "BLK_DEV_LOOP",
}  # fmt: skip
# Drivers of disks: of one kind at least, or no medium is ever seen.
_DISKS: Final = {
    "sr_mod": "BLK_DEV_SR", "sd_mod": "BLK_DEV_SD", "virtio_blk": "VIRTIO_BLK",
    "nvme": "BLK_DEV_NVME", "mmc_block": "MMC_BLOCK",
}  # fmt: skip
_ALL: Final = {**_NEEDED, **_DISKS, "usb_storage": "USB_STORAGE"}
# Real machines start from these; a kernel for virtual ones may lack them.
_ORDINARY: Final = frozenset(("sr_mod", "sd_mod", "usb_storage"))
_INITRAMFS: Final = "BLK_DEV_INITRD"

_NAMES: Final = "|".join(name.replace("_", "[-_]") for name in _ALL)
_LISTED: Final = re.compile(
    rf"^(?P<path>(?:[^:\s]*/)?(?P<name>{_NAMES})\.ko(?:\.(?:gz|xz|zst))?)(?::(?P<needs>.*))?$",
    re.MULTILINE,
)
_SETTING: Final = re.compile(
    rf"^CONFIG_(?P<symbol>{'|'.join((*_ALL.values(), _INITRAMFS))})=y$", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a kernel can do for a live system."""

    has_list: bool  # of its modules: without it none can be loaded
    missing: tuple[str, ...]  # what a live system cannot do without
    ordinary: bool  # whether it starts from discs and USB sticks


def abilities(tree: Tree, version: str) -> Abilities:
    """Return what the kernel `version` can do, by the files that belong to it."""
    folder = f"/lib/modules/{version}"
    listed = _text(tree, f"{folder}/modules.dep")
    config = "\n".join(
        _text(tree, path) for path in (f"/boot/config-{version}", f"{folder}/config")
    )
    symbols = _built_in(config)
    there = {
        *(name for name, symbol in _ALL.items() if symbol in symbols),
        *(name for name, _files in _of_interest(_text(tree, f"{folder}/modules.builtin"))),
        *_loadable(tree, folder, listed),
    }
    missing = [name for name in _NEEDED if name not in there]
    if not there & set(_DISKS):
        missing.append("sd_mod")
    if config.strip() and _INITRAMFS not in symbols:
        missing.append("initramfs")
    return Abilities(
        has_list=bool(listed.strip()), missing=tuple(missing), ordinary=there >= _ORDINARY
    )


def can_load(tree: Tree, version: str, name: str) -> bool:
    """Whether the kernel `version` has a module ("dm_crypt"), to load or built in."""
    lists = [
        _text(tree, f"/lib/modules/{version}/{each}") for each in ("modules.dep", "modules.builtin")
    ]
    written = re.escape(name).replace("_", "[-_]")
    pattern = re.compile(rf"^(?:[^:\s]*/)?{written}\.ko(?:\.(?:gz|xz|zst))?(?::|$)", re.MULTILINE)
    return any(map(pattern.search, lists))


def _loadable(tree: Tree, folder: str, listed: str) -> Iterator[str]:
    for name, files in _of_interest(listed):
        places = (each if each.startswith("/") else f"{folder}/{each}" for each in files)
        if all(tree.is_file(each) and tree.resolve(each).stat().st_size for each in places):
            yield name


# A cache has the same lists in snapshot after snapshot, and to search one takes milliseconds.
@lru_cache(maxsize=_LISTS)
def _of_interest(listed: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the modules of a list that matter here, and the files that each needs."""
    return tuple(
        (_plain(match["name"]), (match["path"], *(match["needs"] or "").split()))
        for match in _LISTED.finditer(listed)
    )


@lru_cache(maxsize=_LISTS)
def _built_in(config: str) -> frozenset[str]:
    return frozenset(match["symbol"] for match in _SETTING.finditer(config))


def _plain(name: str) -> str:
    return name.replace("-", "_")


def _text(tree: Tree, path: str) -> str:
    try:
        return tree.read_text(path, limit=_LARGEST)
    except OSError:
        return ""
