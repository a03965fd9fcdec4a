"""The systems: one row each. None has live-boot, live-config or casper, and some have no sudo.

Recommended packages are named one by one where a desktop would lack something without them: all
of them together would double every tree.
"""

from typing import Final

from tests.systems.recipe import Habit, Person, Recipe

_USUAL_GROUPS: Final = ("cdrom", "floppy", "audio", "dip", "video", "plugdev", "users", "netdev")
_ADMIN_GROUPS: Final = (*_USUAL_GROUPS, "adm", "sudo", "lpadmin", "docker")
_ALICE: Final = Person(name="alice", full_name="Alice Moreau", uid=1000, groups=_ADMIN_GROUPS)
_BOB: Final = Person(name="bob", full_name="Bob O'Neill", uid=1001, groups=_USUAL_GROUPS)
_DOCKER_FIRST: Final = (("docker", 1000),)  # a group that took the number of the first account
_DEBIAN: Final = ("linux-image-amd64", "grub-efi-amd64", "locales", "console-setup", "zstd",
                  "keyboard-configuration", "unattended-upgrades")  # fmt: skip
_FIRMWARE: Final = ("main", "contrib", "non-free", "non-free-firmware")
_UBUNTU: Final = ("main", "restricted", "universe", "multiverse")

SYSTEMS: Final = (
    Recipe(
        name="deb13-console",
        title="Debian 13, server: SSH, LVM, LUKS, iSCSI, PostgreSQL; no sudo",
        suite="trixie",
        host_name="db1",
        packages=(*_DEBIAN, "initramfs-tools", "openssh-server", "lvm2", "cryptsetup",
                  "cryptsetup-initramfs", "open-iscsi", "mdadm", "postgresql", "ifupdown",
                  "dhcpcd-base", "systemd-timesyncd", "nftables"),
        people=(_ALICE, _BOB),
        groups=_DOCKER_FIRST,
        habits=(Habit.SERVER, Habit.DATABASE, Habit.ISCSI, Habit.LUKS, Habit.LVM,
                Habit.HARDENED, Habit.INTERFACES, Habit.RESUME),
    ),
    Recipe(
        name="deb13-dracut",
        title="Debian 13, console, dracut",
        suite="trixie",
        host_name="dracula",
        packages=(*_DEBIAN, "dracut", "openssh-server", "sudo", "network-manager", "lvm2",
                  "cryptsetup", "systemd-cryptsetup", "systemd-timesyncd"),
        people=(_ALICE,),
        habits=(Habit.SUDO, Habit.SERVER, Habit.LUKS, Habit.NETWORK_MANAGER),
        components=_FIRMWARE,
    ),
    Recipe(
        name="noble-desktop-minimal",
        title="Ubuntu 24.04, minimal desktop, snapd",
        suite="noble",
        host_name="alice-ThinkPad-T14",
        packages=("linux-generic", "grub-efi-amd64", "ubuntu-minimal", "ubuntu-standard",
                  "ubuntu-desktop-minimal", "snapd", "ubuntu-wallpapers", "network-manager",
                  "openssh-server", "gnome-terminal", "cryptsetup", "cryptsetup-initramfs"),
        people=(_ALICE, _BOB),
        habits=(Habit.SUDO, Habit.DESKTOP, Habit.GDM3, Habit.RESUME, Habit.SNAPS,
                Habit.NETWORK_MANAGER),
        components=_UBUNTU,
        variant="important",
        desktop=True,
    ),
    Recipe(
        name="resolute",
        title="Ubuntu 26.04, server, its default initramfs (dracut)",
        suite="resolute",
        host_name="edge-02",
        packages=("linux-generic", "grub-efi-amd64", "dracut", "ubuntu-minimal",
                  "ubuntu-standard", "ubuntu-server-minimal", "cloud-init", "netplan.io",
                  "openssh-server", "lvm2", "snapd"),
        people=(Person(name="ubuntu", full_name="Ubuntu", uid=1000, groups=_ADMIN_GROUPS),),
        habits=(Habit.SUDO, Habit.SERVER, Habit.CLOUD_INIT, Habit.NETPLAN, Habit.LVM),
        components=_UBUNTU,
        variant="important",
    ),
    Recipe(
        name="deb12-xfce",
        title="Debian 12, Xfce, LightDM",
        suite="bookworm",
        host_name="workshop",
        packages=(*_DEBIAN, "initramfs-tools", "task-xfce-desktop", "xfce4-terminal", "lightdm",
                  "lightdm-gtk-greeter", "network-manager-gnome", "firefox-esr", "pipewire-audio",
                  "cups", "sudo", "gvfs-backends", "fonts-dejavu", "openssh-server"),
        people=(_ALICE, _BOB),
        groups=_DOCKER_FIRST,
        habits=(Habit.SUDO, Habit.DESKTOP, Habit.LIGHTDM, Habit.RESUME, Habit.HARDENED,
                Habit.NETWORK_MANAGER),
        components=_FIRMWARE,
        desktop=True,
    ),
    Recipe(
        name="sid-sway",
        title="Debian sid, Sway, greetd; no sudo",
        suite="sid",
        host_name="unstable",
        packages=(*_DEBIAN, "initramfs-tools", "sway", "foot", "swaybg", "greetd", "doas",
                  "dbus-user-session", "iwd", "systemd-resolved", "fonts-dejavu"),
        people=(_ALICE,),
        habits=(Habit.DESKTOP, Habit.GREETD, Habit.RESUME),
        desktop=True,
    ),
    Recipe(
        name="deb13-kde",
        title="Debian 13, KDE Plasma, SDDM",
        suite="trixie",
        host_name="kitchen",
        packages=(*_DEBIAN, "initramfs-tools", "task-desktop", "kde-plasma-desktop", "sddm",
                  "plasma-nm", "konsole", "dolphin", "firefox-esr", "pipewire-audio", "sudo",
                  "fonts-noto-core", "cryptsetup", "cryptsetup-initramfs"),
        people=(_ALICE, _BOB),
        habits=(Habit.SUDO, Habit.DESKTOP, Habit.SDDM, Habit.RESUME, Habit.LUKS,
                Habit.NETWORK_MANAGER),
        components=_FIRMWARE,
        desktop=True,
    ),
)  # fmt: skip
