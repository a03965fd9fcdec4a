"""Write a cache image with the trees that the benchmark builds: python3 make_trees.py WORK KIND.

WORK/KIND.img becomes a btrfs volume with a cache of DistroClone Backup, whose snapshots are one
system at four times: as installed, after apt installed six packages, with another kernel in the
place of its own, and with one byte changed. KIND `desktop` has a fifth, with more packages.
"""

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, "/recipe")  # the demo cache's recipe, whose image this runs in

from backup import Cache
from debian import bootstrap
from shell import make_loop_nodes, mounted, run, tell

_IMAGE_BYTES = 16 * 1024**3  # nearly all of it holes
_DESKTOP = (
    "linux-image-amd64", "live-boot", "live-boot-initramfs-tools", "live-config",
    "live-config-systemd", "user-setup", "initramfs-tools", "systemd-sysv", "sudo", "dbus", "zstd",
    "locales", "console-setup", "keyboard-configuration", "bash-completion", "man-db",
    "task-desktop", "xserver-xorg", "xfce4", "xfce4-terminal", "lightdm", "network-manager-gnome",
    "pipewire-audio", "cups", "firefox-esr", "file-roller", "gvfs-backends", "fonts-dejavu",
    "fonts-liberation",
)  # fmt: skip
_MORE = (
    "blender", "chromium", "libreoffice-calc", "libreoffice-gtk3", "libreoffice-impress",
    "libreoffice-writer", "thunderbird",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A size of tree: what the six packages of its update are, and what makes it larger."""

    six: tuple[str, ...]
    more: tuple[str, ...] = ()


KINDS = {
    "demo": Kind(six=("bc", "less", "nano", "openssh-client", "python3", "rsync")),
    "desktop": Kind(six=("bc", "geany", "gimp", "git", "ripgrep", "vim"), more=_MORE),
}


def main() -> None:
    """Make everything, or end with the tool that failed."""
    work, name = Path(sys.argv[1]), sys.argv[2]
    try:
        _make(work / f"{name}.img.partial", KINDS[name], desktop=name == "desktop")
    except subprocess.CalledProcessError as error:
        sys.exit(f"make_trees: {error.cmd[0]} failed with exit code {error.returncode}")
    (work / f"{name}.img.partial").rename(work / f"{name}.img")


def _make(image: Path, kind: Kind, *, desktop: bool) -> None:
    image.unlink(missing_ok=True)
    with image.open("wb") as stream:
        stream.truncate(_IMAGE_BYTES)
    run(["mkfs.btrfs", "--quiet", "--label", "bench-backup", image])
    make_loop_nodes()
    with mounted(image, Path("/volume"), "-o", "loop,noatime") as volume:
        run(["btrfs", "subvolume", "create", volume / "system"])
        _fill(Cache(volume / "SysLinuxOS_backup"), volume / "system/root", kind, desktop=desktop)
        run(["btrfs", "subvolume", "delete", "--commit-after", volume / "system"])
        run(["btrfs", "subvolume", "sync", volume])
        run(["btrfs", "filesystem", "sync", volume])
        run(["fstrim", volume])


def _fill(cache: Cache, system: Path, kind: Kind, *, desktop: bool) -> None:
    """Four or five states; each but the last is the first with one change."""
    if desktop:
        _bootstrap_desktop(system)
    else:
        bootstrap(system)
    cache.create()
    _keep(cache, system, 1)
    before = system.with_name("before")
    _clone(system, before)
    _apt(system, "install", *kind.six)
    _keep(cache, system, 2)
    _back_to(before, system)
    _other_kernel(system)
    _keep(cache, system, 3)
    _back_to(before, system)
    _change_a_byte(system / "usr/share/common-licenses/GPL-3")
    _keep(cache, system, 4)
    if kind.more:
        _apt(system, "install", *kind.more)
        _keep(cache, system, 5)


def _bootstrap_desktop(system: Path) -> None:
    run(["mmdebstrap", "--mode=root", "--variant=important", "--format=directory",
         f"--include={','.join(_DESKTOP)}", "--aptopt=APT::Install-Recommends false",
         "trixie", system])  # fmt: skip
    (system / "etc/resolv.conf").unlink(missing_ok=True)
    (system / "etc/hostname").write_text("workstation\n")


def _clone(source: Path, target: Path) -> None:
    run(["cp", "-a", "--reflink=always", source, target])


def _back_to(before: Path, system: Path) -> None:
    run(["rm", "-rf", "--one-file-system", system])
    _clone(before, system)


def _keep(cache: Cache, system: Path, number: int) -> None:
    """Back the system up, and take the snapshot with this number."""
    taken = datetime.now(UTC).replace(microsecond=0)  # later than all that is in it
    kernel = max(path.name for path in (system / "usr/lib/modules").iterdir())
    tell(f"== state {number}")
    cache.back_up(system, taken, kernel=kernel, full=True)
    cache.snapshot(number, taken.replace(tzinfo=None), kernel=kernel)
    run(["du", "-sm", "--exclude=.snapshots", cache.rootfs])


def _other_kernel(system: Path) -> None:
    """Put the real-time kernel in the place of the usual one, with its initramfs."""
    kernels = [path.name for path in (system / "usr/lib/modules").iterdir()]
    _apt(system, "install", "linux-image-rt-amd64")
    _apt(system, "purge", "linux-image-amd64", *(f"linux-image-{kernel}" for kernel in kernels))


def _change_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _apt(system: Path, *words: str) -> None:
    with mounted("proc", system / "proc", "-t", "proc"):
        resolver = system / "etc/resolv.conf"
        resolver.write_bytes(Path("/etc/resolv.conf").read_bytes())
        apt: list[str | Path] = ["chroot", system, "apt-get", "--yes", "--quiet=2"]
        apt += ["-o", "Dpkg::Use-Pty=0"]  # there is no /dev/pts
        if words[0] == "install":
            run([*apt, "update"])
        run([*apt, *words])
        run([*apt, "clean"])
        resolver.unlink()


if __name__ == "__main__":
    main()
