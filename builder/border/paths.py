"""Every path inside the container that more than one place uses, named once."""

from pathlib import Path
from typing import Final

REQUEST: Final = Path("/request.json")  # what the host asks; put there before the start

CACHE: Final = Path("/cache")  # scan, freeze, thaw: the cache base, bound
CACHE_IMAGE: Final = Path("/cache.img")  # a cache image, bound read-only
SOURCE: Final = Path("/source")  # build: the chosen tree, read-only
MEDIUM: Final = Path("/medium.iso")  # boot-test, verify: the ISO, bound read-only

ORIGINAL: Final = Path("/original.iso")  # explain: the two ISOs, bound read-only
REBUILT: Final = Path("/rebuilt.iso")

BLOCK_CACHE: Final = Path("/block-cache")  # the store of compressed blocks, where there is one

LOCK: Final = Path("/usr/share/distroclone-builder/packages.lock")  # containers/Dockerfile

WORK: Final = Path("/work")  # build: the labelled volume
ROOT: Final = WORK / "root"  # the copy, or the overlay in its place, that is configured
LAYER: Final = WORK / "layer"  # what such an overlay writes
ISO_TREE: Final = WORK / "iso"  # what xorriso packs
BOOT_PARTS: Final = WORK / "boot"  # boot images on their way into the ISO
BLOCK_COUNTS: Final = WORK / "block-cache.counts"  # what mksquashfs asked that store
OUT: Final = WORK / "out"  # what the host fetches
INVENTORY: Final = OUT / "inventory.jsonl"  # inventory, iso-inventory: what the host fetches
DELIVERY: Final = Path("/delivery")  # or the host's own folder for it, where the engine shows it
