"""The steps of a build, in the order in which they run."""

from enum import StrEnum


class StepName(StrEnum):
    """The names of the steps in events, in logs and on the command line."""

    CHECK = "check"
    STAGE = "stage"
    INSTALL = "install"
    CONFIGURE = "configure"
    SEARCH = "search"
    LIVE = "live"
    INITRAMFS = "initramfs"
    INSTALLER = "installer"
    SQUASHFS = "squashfs"
    BOOT = "boot"
    ISO = "iso"
    SBOM = "sbom"
    MANIFEST = "manifest"
    PROVENANCE = "provenance"
