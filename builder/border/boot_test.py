"""The tests in a virtual machine: their requests, and what the system in it reported."""

from dataclasses import dataclass
from enum import StrEnum

from builder.formats.answers import FileSystem


class Firmware(StrEnum):
    """The firmware that boots the test machine."""

    BIOS = "bios"
    UEFI = "uefi"
    UEFI32 = "uefi32"  # of 32 bits, as some machines with a 64-bit processor have it


class Attachment(StrEnum):
    """How the ISO is attached to the test machine."""

    CD = "cd"
    DISK = "disk"  # as on a USB stick


class Accelerator(StrEnum):
    """How QEMU runs the test machine."""

    KVM = "kvm"
    TCG = "tcg"  # software emulation: works everywhere, but is many times slower


@dataclass(frozen=True, slots=True, kw_only=True)
class BootTestRequest:
    """Boot the ISO that the container sees, and wait for the live system's own report."""

    firmware: Firmware
    attach: Attachment
    timeout_seconds: int
    memory_mib: int
    processors: int
    secure_boot: bool = False  # enforced by UEFI, with Microsoft's keys
    screenshot: bool = False  # write what is on the screen at the end to `paths.SCREEN`


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningSocket:
    """A socket of the live system that other machines can reach."""

    protocol: str  # "tcp" or "udp"
    port: int
    program: str  # "unknown" where the live system could not tell


@dataclass(frozen=True, slots=True, kw_only=True)
class BootTestResult:
    """The successful report of a live system."""

    seconds: float  # from power-on to the report
    accelerator: Accelerator
    report: str  # the live system's own line
    listening: tuple[ListeningSocket, ...] | None = None  # None: ISOs of before did not say
    failed_units: tuple[str, ...] | None = None  # what systemd could not start; None as above
    session: str | None = None  # the live user's: wayland, x11, tty or none; None as above
    rights: str | None = None  # what makes that user root: sudo, doas, su or none; None as above
    state: str | None = None  # "running", "degraded" …: systemctl(1); None as above
    network: bool | None = None  # whether a cable with DHCP is enough; None as above
    remote_passwords: bool | None = None  # whether some account has a password for them to ask
    secure_boot: bool | None = None  # whether its firmware enforced it; None as above
    lockdown: str | None = None  # the kernel's: none, integrity, confidentiality; None as above
    refused: tuple[str, ...] = ()  # what was said of spoiled copies of the ISO


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallTestRequest:
    """Install from the ISO that the container sees to an empty disk, and start that disk."""

    firmware: Firmware
    timeout_seconds: int  # for each of both
    memory_mib: int
    processors: int
    disk_mib: int
    file_system: FileSystem | None = None  # None: what the installer takes by itself
    encrypt: bool = False  # with a passphrase, which is typed when the disk starts
    secure_boot: bool = False  # enforced by UEFI, with Microsoft's keys


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallTestResult:
    """The successful report of an installed system."""

    install_seconds: float  # from power-on to the end of the installation
    boot_seconds: float  # from power-on to the report
    accelerator: Accelerator
    report: str  # the installed system's own line
    failed_units: tuple[str, ...]  # what systemd could not start
    state: str | None  # "running", "degraded" …: systemctl(1)
    written: int  # bytes that the disk's image takes
