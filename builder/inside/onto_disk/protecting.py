"""What of a system stays as it is when the system is rolled back, with the reason for each.

A rollback changes files. What describes things that it does not change, such as disks, or what
others know the machine by, would be wrong afterwards. Rules: rsync(1), FILTER RULES; the first one
that fits counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from builder.basics.rsync_patterns import below, literal
from builder.border.whole_systems import RollbackRequest
from builder.inside.onto_disk.looking import startable
from builder.inside.onto_disk.package_lock import LOCKS
from builder.inside.rules.rule import expand
from builder.inside.tree.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """Paths, with wildcards for names, that a rollback neither writes nor deletes."""

    paths: tuple[str, ...]
    reason: str


PROTECTED: Final = (
    Protected(
        paths=(
            "/etc/fstab", "/etc/crypttab", "/etc/cryptsetup-keys.d", "/etc/mdadm",
            "/etc/lvm/archive", "/etc/lvm/backup", "/etc/lvm/devices", "/etc/zfs/zpool.cache",
            "/etc/initramfs-tools/conf.d/resume",
        ),
        reason="the disks are those of today",
    ),
    Protected(
        paths=("/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/ssh/ssh_host_*"),
        reason="other machines know this one by it",
    ),
    Protected(
        paths=(
            "/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed",
            "/var/lib/systemd/timesync/clock",
        ),
        reason="a seed must not be used twice, and time must not go back",
    ),
    Protected(
        paths=("/usr/share/distroclone-backup", "/usr/bin/distroClone-backup"),
        reason="DistroClone Backup leaves itself out of the caches that it makes",
    ),
    Protected(paths=LOCKS, reason="they are held while the system is rolled back"),
    Protected(
        paths=("/boot/grub/*-pc", "/boot/grub/*-efi", "/boot/grub/grubenv"),
        reason="the part of GRUB that is outside the file system fits no other modules",
    ),
)  # fmt: skip
_MENU: Final = "/boot/grub/grub.cfg"
_FSTAB: Final = "/etc/fstab"
_CRYPTTAB: Final = "/etc/crypttab"
_KEPT_PLACES: Final = ("/boot/efi",)  # a backup need not have it, and the system may not start then
_MODULES: Final = ("/usr/lib/modules", "/lib/modules")


def rules(old: Tree, new: Tree, request: RollbackRequest) -> tuple[str, ...]:
    """Return rsync's rules for a rollback of `new` to the snapshot `old`: whatever is named stays.

    What backups leave out is not in the snapshot, so it must not be deleted; and what is mounted
    elsewhere hides what would be written below it.
    """
    patterns = [path for each in PROTECTED for path in each.paths]
    patterns += [literal(each) for each in (*key_files(new), *swap_files(new))]
    if request.homes:
        patterns += _homes_of_others(old, new)
    if boot_stays(old, new, request):  # its kernels have to find their modules
        patterns += ("/boot/**", *_MODULES)
    for each in request.others:
        patterns.append(below(f"/{each}"))
    stays = [*request.filters, *(f"- {each}" for each in patterns)]
    places = [f"/{each}" for each in (*request.parts, *request.others)]
    kept = [*_KEPT_PLACES, *map(literal, places), *_of_running_kernel(request.kernel)]
    return (*stays, *(f"P {each}" for each in kept))


def boot_stays(old: Tree, new: Tree, request: RollbackRequest) -> bool:
    """Whether /boot and the modules stay: where it is elsewhere, or the snapshot would not start.

    A backup may lack /boot, and a system may have got its boot menu after that.
    """
    lacks_kernel = bool(startable(new)) and not startable(old)
    return request.keeps_boot or lacks_kernel or (new.is_file(_MENU) and not old.is_file(_MENU))


def protected_paths(tree: Tree) -> tuple[str, ...]:
    """Return what the system in `tree` has of all that stays for a reason."""
    wanted = [path for each in PROTECTED for path in each.paths if path not in LOCKS]
    return tuple(expand(tree, (*wanted, *key_files(tree), *swap_files(tree))))


def key_files(tree: Tree) -> tuple[str, ...]:
    """Return the key files that /etc/crypttab names: what they open is not rolled back."""
    named = [each[2].partition(":")[0] for each in _fields(tree, _CRYPTTAB)]
    return tuple(filter(_is_a_file, named))


def swap_files(tree: Tree) -> tuple[str, ...]:
    """Return the files that /etc/fstab has for swap: in use, none of them can be replaced."""
    return tuple(
        each[0] for each in _fields(tree, _FSTAB) if each[2] == "swap" and _is_a_file(each[0])
    )


def _fields(tree: Tree, path: str) -> list[list[str]]:
    """Return the lines of a table that have three fields at least."""
    try:
        text = tree.read_text(path)
    except OSError:
        return []
    lines = [line.split() for line in text.split("\n") if not line.lstrip().startswith("#")]
    return [line for line in lines if len(line) > 2]


def _is_a_file(name: str) -> bool:
    return name.startswith("/") and not name.startswith("/dev/")


def _homes_of_others(old: Tree, new: Tree) -> Iterator[str]:
    """Yield the homes that the snapshot does not have: they were never backed up."""
    for name in sorted({*new.listdir("/home")} - {*old.listdir("/home")}):
        yield literal(f"/home/{name}")
    if not old.listdir("/root"):
        yield "/root/*"


def _of_running_kernel(kernel: str) -> Iterator[str]:
    """Yield what the running kernel needs until the next start, should the snapshot not have it."""
    if kernel:
        name = literal(kernel)
        yield f"/boot/*-{name}"
        for folder in _MODULES:
            yield f"{folder}/{name}/***"
            yield f"{folder}/{name}"
