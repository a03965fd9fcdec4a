"""Every path inside the container that is used in more than one place."""

from pathlib import Path
from typing import Final

REQUEST: Final = Path("/request.json")  # the host's request, copied in before the start

CACHE: Final = Path("/cache")  # scan, freeze, thaw: the cache base, bound
CACHE_IMAGE: Final = Path("/cache.img")  # a cache image, bound read-only
SOURCE: Final = Path("/source")  # build: the chosen tree, read-only
MEDIUM: Final = Path("/medium.iso")  # boot-test, verify: the ISO, bound read-only

ORIGINAL: Final = Path("/original.iso")  # explain: the two ISOs, bound read-only
REBUILT: Final = Path("/rebuilt.iso")

BLOCK_CACHE: Final = Path("/block-cache")  # the store of compressed blocks, if there is one

EARLIER: Final = Path("/earlier")  # browse: the snapshot that another one is compared with

RESTORED: Final = Path("/restored")  # restore: an empty folder
TARGET: Final = Path("/target")  # restore --system: the disk's root, with what is mounted in it

PACKAGES: Final = Path("/packages")  # the files of added packages, by sha256

LOCK: Final = Path("/usr/share/distroclone-builder/packages.lock")  # containers/Dockerfile
SIGNED: Final = LOCK.parent / "signed"  # what its section of that name has, for Secure Boot

SENT: Final = Path("/sent")  # receive: the volume of a source that was sent to the engine
INCOMING: Final = SENT / "incoming"  # its blocks, each named after its number
SENT_FILE: Final = SENT / "content"
SENT_FOLDER: Final = SENT / "tree"

WORK: Final = Path("/work")  # build: the labelled volume
ROOT: Final = WORK / "root"  # the copy or overlay that is configured
LAYER: Final = WORK / "layer"  # the writable layer of such an overlay
SCRATCH: Final = WORK / "scratch"  # the same, with what only a live system gets; thrown away
SCRATCH_LAYER: Final = WORK / "scratch-layer"  # the writable layer of such an overlay
LIVE_LAYER: Final = WORK / "live"  # what the live system has above the system
INITRAMFS: Final = WORK / "initramfs"  # a file for each kernel, named after its version
ISO_TREE: Final = WORK / "iso"  # what xorriso packs
BOOT_PARTS: Final = WORK / "boot"  # boot images before they go into the ISO
FINDINGS: Final = WORK / "findings.json"  # what the search found; never published
BLOCK_COUNTS: Final = WORK / "block-cache.counts"  # how often mksquashfs used that store
RECORDS: Final = WORK / "records"  # of the source tree, as they go into its digest
STACK: Final = WORK / "stack.json"  # packages of this image that are in initramfs and installer
INSTALLER: Final = WORK / "installer"  # the root that the installer runs in
LEFT_OUT: Final = WORK / "left_out.json"  # what the selection left out: a list of {path, rule}
OUT: Final = WORK / "out"  # results for the host to fetch
SCREEN: Final = Path("/screen.png")  # boot-test: for the host to fetch
REPORT: Final = OUT / "privacy.json"  # examine: for the host to fetch
INVENTORY: Final = OUT / "inventory.jsonl"  # inventory, iso-inventory: for the host to fetch
LIVE_INVENTORY: Final = OUT / "live-inventory.jsonl"  # iso-inventory: likewise
DELIVERY: Final = Path("/delivery")  # the host's output folder, if the engine can mount it
