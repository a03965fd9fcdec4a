"""What a system is: data, from which `tests/systems/making.py` makes a tree."""

from dataclasses import dataclass
from enum import StrEnum


class Habit(StrEnum):
    """Something that machines of a kind have; its files lie in `tests/systems/planted/`."""

    CLOUD_INIT = "cloud-init"  # Ubuntu Server, as its installer leaves it
    DATABASE = "database"  # PostgreSQL with a cluster, a role and dumps
    DESKTOP = "desktop"  # settings of a person at a screen
    GDM3 = "gdm3"  # this and the next three log somebody in without asking
    LIGHTDM = "lightdm"
    SDDM = "sddm"
    GREETD = "greetd"
    HARDENED = "hardened"  # what guides for hardening ask for
    ISCSI = "iscsi"  # a disk on another machine
    LUKS = "luks"  # an encrypted disk, with a key file for a second one
    LVM = "lvm"
    NETPLAN = "netplan"
    RESUME = "resume"  # from the swap space, by initramfs-tools
    NETWORK_MANAGER = "network-manager"
    INTERFACES = "interfaces"  # ifupdown
    SERVER = "server"  # sshd settings, jobs at night, services of its own
    SNAPS = "snaps"
    SUDO = "sudo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account that somebody uses."""

    name: str
    full_name: str
    uid: int
    groups: tuple[str, ...] = ()  # those that the system has; others are left out
    shell: str = "/bin/bash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A system: its packages, its people, and what they did with it."""

    name: str
    title: str  # for docs/systems.md
    suite: str
    host_name: str
    packages: tuple[str, ...]
    people: tuple[Person, ...]
    habits: tuple[Habit, ...]
    components: tuple[str, ...] = ("main",)
    variant: str = "standard"  # mmdebstrap(1)
    groups: tuple[tuple[str, int], ...] = ()  # made before the accounts: name and number
    desktop: bool = False  # there is something to see on a screenshot
