"""What `restore --system` and `restore --rollback` ask of containers, and what these answer."""

from dataclasses import dataclass

from builder.border.backups import FolderIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file system that a system is restored to."""

    place: str  # in the system that is restored: "/", "/boot", "/boot/efi", "/home"
    kind: str  # "ext4"
    device: str  # "/dev/sdb3"
    subvolume: str = ""  # of a btrfs, from its top: "@"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDisk:
    """Where a system is restored to: file systems that are mounted at one folder and below it."""

    folder: FolderIdentity
    parts: tuple[Part, ...]  # the root first
    disk: str  # "/dev/sdb": where a boot loader for BIOS goes
    snapshot: str  # the UUID of the snapshot that it gets


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRequest:
    """Look at the snapshot at /source and at the file systems at /target; write nothing."""

    target: TargetDisk
    secure_boot: bool  # this machine's firmware enforces it


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was found; whatever is in the way is an error."""

    system: str  # "Debian GNU/Linux 13 (trixie)"
    hostname: str
    size: int  # bytes that the files take
    entries: int
    kernels: tuple[str, ...]  # each gets an initramfs, newest first
    homeless: tuple[str, ...]  # users whose home is not in the snapshot
    continued: bool  # an earlier run did not finish, and this one goes on with it


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDiskRequest:
    """Read what is on the devices of a target."""

    disk: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskRead:
    """What is on them."""

    uuids: tuple[str, ...]  # of the parts, in their order
    platforms: tuple[str, ...]  # that the disk has places for: GRUB's names, "i386-pc"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySystemRequest:
    """Copy all of the snapshot at /source to the file systems at /target."""

    target: TargetDisk
    continued: bool  # what does not belong there may go


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemCopied:
    """What was copied."""

    entries: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeStartRequest:
    """Make the system that was copied to /target start from its disk."""

    target: TargetDisk
    read: DiskRead


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeStart:
    """What was done for that."""

    kernels: tuple[str, ...]
    platforms: tuple[str, ...]
    switched_off: tuple[str, ...]  # lines of fstab and crypttab whose disks are not there
    optional: tuple[str, ...]  # places of fstab without which the system starts from now on


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRequest:
    """Make the system at /target what the snapshot at /source is; LOOK_BACK only says how."""

    target: FolderIdentity
    snapshot: str  # the UUID of the snapshot
    asked: str  # how it was named
    filters: tuple[str, ...]  # rsync's rules for what backups leave out: it stays as it is
    parts: tuple[str, ...]  # separate file systems that are rolled back too: "boot"
    others: tuple[str, ...]  # all other places where something is mounted: these stay
    homes: bool  # /home and /root are rolled back as well
    keeps_boot: bool  # /boot is one of them: its kernels stay, and so do their modules
    kernel: str  # that runs from this system; "" for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Some of the paths of a system, with a leading "/"; one of a folder ends with "/"."""

    count: int
    some: tuple[str, ...]  # a folder stands for all that is in it


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedBack:
    """What a rollback would do; whatever is in the way is an error."""

    system: str  # that of the snapshot
    hostname: str
    kernels: tuple[str, ...]  # that start afterwards, newest first; none where /boot stays
    size: int  # bytes to copy
    added: Paths
    changed: Paths
    deleted: Paths
    protected: tuple[str, ...]  # of what the system has and keeps: "/etc/fstab"
    leaving: tuple[str, ...]  # accounts of people that are not in the snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """What was done."""

    copied: int  # files
    deleted: int  # entries
