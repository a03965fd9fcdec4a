"""A live stack as the builder image has it, with the lock of this checkout and files of few bytes.

Which package has which file is true of those that are pinned.
"""

from pathlib import Path

from builder.inside.stack.bundle import Bundle
from builder.inside.stack.mends import MENDS
from tests.support.house import PROJECT
from tests.support.trees import put

SCRIPTS = "usr/share/initramfs-tools"
_FILES = {
    "busybox-static": (
        "usr/bin/busybox", f"{SCRIPTS}/hooks/zz-busybox", f"{SCRIPTS}/conf-hooks.d/busybox",
    ),
    "cpio": ("usr/bin/cpio",),
    "dracut-install": ("usr/lib/dracut/dracut-install",),
    "initramfs-tools-bin": ("usr/bin/unmkinitramfs",),
    "initramfs-tools-core": (
        "usr/sbin/mkinitramfs", f"{SCRIPTS}/init", f"{SCRIPTS}/hook-functions",
        f"{SCRIPTS}/scripts/functions", f"{SCRIPTS}/scripts/local", f"{SCRIPTS}/hooks/resume",
    ),
    "klibc-utils": ("usr/lib/klibc/bin/run-init", f"{SCRIPTS}/hooks/klibc-utils"),
    "kmod": (f"{SCRIPTS}/hooks/kmod",),
    "libklibc": ("usr/lib/klibc-test.so",),
    "libkmod2": ("usr/lib/x86_64-linux-gnu/libkmod.so.2",),
    "live-boot": ("usr/bin/live-boot", "usr/lib/live/boot/9990-main.sh"),
    "live-boot-initramfs-tools": (f"{SCRIPTS}/hooks/live", f"{SCRIPTS}/scripts/live"),
    "udev": (f"{SCRIPTS}/hooks/udev", f"{SCRIPTS}/scripts/init-top/udev"),
}  # fmt: skip
_LIBRARIES = (
    "ld-linux-x86-64.so.2", "libc.so.6", "libcrypto.so.3", "liblzma.so.5", "libz.so.1",
    "libzstd.so.1",
)  # fmt: skip


def make_bundle(place: Path) -> Bundle:
    """Make one; each file says which package it is of."""
    for package, files in _FILES.items():
        put(place, f"live/{package}/usr/share/doc/{package}/copyright", "terms")
        for path in files:
            put(place, f"live/{package}/{path}", f"pinned {package}\n").chmod(0o755)
    for mend in MENDS:
        put(place, f"live/live-boot{mend.path}", f"#!/bin/sh\n{mend.faulty.decode()}\n")
    for library in _LIBRARIES:
        put(place, f"lib/{library}", f"pinned {library}\n")
    return Bundle(
        packages=place / "live",
        lock=PROJECT / "containers/packages.lock",
        libraries=place / "lib",
    )


def make_initramfs_tools(root: Path) -> None:
    """Put an initramfs-tools of its own into a tree, with all that it needs."""
    for package in ("initramfs-tools-core", "klibc-utils", "kmod", "udev", "busybox-static",
                    "cpio", "dracut-install", "initramfs-tools-bin"):  # fmt: skip
        for path in _FILES[package]:
            put(root, path, "own\n").chmod(0o755)
