"""The boot test: what is asked, and what a live system reported."""

from dataclasses import dataclass
from enum import StrEnum


class Firmware(StrEnum):
    """What starts the test machine."""

    BIOS = "bios"
    UEFI = "uefi"


class Attachment(StrEnum):
    """What the ISO is to the test machine."""

    CD = "cd"
    DISK = "disk"  # a USB stick that it was written to


class Accelerator(StrEnum):
    """How QEMU runs the test machine."""

    KVM = "kvm"
    TCG = "tcg"  # in software: works everywhere, many times slower


@dataclass(frozen=True, slots=True, kw_only=True)
class BootTestRequest:
    """Boot the ISO that the container sees, and wait for the live system's own report."""

    firmware: Firmware
    attach: Attachment
    timeout_seconds: int
    memory_mib: int
    processors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BootTestResult:
    """A live system that reported itself well."""

    seconds: float  # from power-on to the report
    accelerator: Accelerator
    report: str  # the line that the live system wrote
