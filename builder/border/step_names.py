"""The steps of a build, in the order in which they run."""

from enum import StrEnum


class StepName(StrEnum):
    """What a step is called in events, logs and on the command line."""

    CHECK = "check"
    STAGE = "stage"
    CONFIGURE = "configure"
    INITRAMFS = "initramfs"
    SQUASHFS = "squashfs"
    BOOT = "boot"
    ISO = "iso"
    SBOM = "sbom"
    MANIFEST = "manifest"
    PROVENANCE = "provenance"
