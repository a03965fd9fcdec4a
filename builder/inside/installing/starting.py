"""What starts the installed system: an initramfs for each kernel, and GRUB for BIOS and UEFI.

GRUB is the system's own where it has one, with its own menu. For the others the installer brings
one, and a menu that finds new kernels by itself.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final

from builder.basics.errors import StepError
from builder.inside.debian.facts import read_os_release
from builder.inside.installing.clone import DRACUT, INITRAMFS_TOOLS
from builder.inside.installing.machine import Machine
from builder.inside.installing.volumes import Volumes
from builder.inside.rules.rule import add
from builder.inside.tree.tree import Tree

_SMALLEST: Final = 1 << 20  # bytes; an initramfs with udev and busybox has several times that
_BIOS: Final = "i386-pc"
_UEFI: Final = "x86_64-efi"
_GRUB: Final = "/usr/sbin/grub-install"
_SHIM: Final = "/usr/lib/shim/shimx64.efi.signed"
_MENU_MAKER: Final = "/usr/sbin/update-grub"
_MENU: Final = "/boot/grub/grub.cfg"
_CONTENT: Final = """\
# Written by the installer: the system has no GRUB that would keep a menu.
set default=0
set timeout=5
search --no-floppy --fs-uuid --set=root {uuid}
if [ -f /vmlinuz -a -f /initrd.img ]; then
  menuentry '{title}' {{
    linux /vmlinuz root=UUID={uuid} ro quiet
    initrd /initrd.img
  }}
fi
insmod regexp
for kernel in /boot/vmlinuz-*; do
  regexp --set=1:version '/boot/vmlinuz-(.*)' "$kernel"
  if [ -f "/boot/initrd.img-$version" ]; then
    menuentry "{title} ($version)" "$version" {{
      linux "/boot/vmlinuz-$2" root=UUID={uuid} ro quiet
      initrd "/boot/initrd.img-$2"
    }}
  fi
done
"""


@contextlib.contextmanager
def inhabited(tree: Tree, volumes: Volumes, machine: Machine) -> Iterator[None]:
    """Mount in the tree what its programs need of a running system, while the body runs."""
    mounts = (
        ("/dev", "dev", "", ("bind",)),
        ("proc", "proc", "proc", ()),
        ("sysfs", "sys", "sysfs", ()),
        ("tmpfs", "run", "tmpfs", ("mode=0755",)),
        ("tmpfs", "tmp", "tmpfs", ("mode=1777",)),
    )
    with contextlib.ExitStack() as stack:
        for source, name, kind, options in mounts:
            place = tree.root / name
            if place.is_symlink() or not place.is_dir():
                raise StepError("/{name} of the system is no folder", name=name)
            stack.enter_context(machine.mounted(source, place, kind=kind, options=options))
        # live-tools replaces update-initramfs by one that refuses where it reads "boot=live".
        line = tree.root / "tmp/cmdline"
        line.write_text(f"root=UUID={volumes.root_uuid} ro quiet\n", encoding="ascii")
        place = tree.root / "proc/cmdline"
        stack.enter_context(machine.mounted(str(line), place, options=("bind",)))
        yield


def make_initramfs(tree: Tree, kernels: Sequence[str], machine: Machine) -> None:
    """Make and check an initramfs for each kernel. Raises StepError for one that is not whole."""
    for kernel in kernels:
        image = f"/boot/initrd.img-{kernel}"
        if tree.is_file(INITRAMFS_TOOLS):
            command = ["update-initramfs", "-c", "-k", kernel]
        else:
            command = [DRACUT, "--force", "--kver", kernel, image]
        machine.run(command, root=tree.root)
        if not tree.is_file(image) or tree.resolve(image).stat().st_size < _SMALLEST:
            raise StepError(
                "The initramfs of the kernel {kernel} is missing or too small",
                hint="The installed system would not start. See the log for what {tool} said.",
                kernel=kernel,
                tool=command[0],
            )


def install_boot_loader(tree: Tree, volumes: Volumes, machine: Machine) -> None:
    """Install GRUB for both kinds of firmware, and its menu."""
    for platform in (_BIOS, _UEFI):
        options = (
            [volumes.disk]
            if platform == _BIOS
            # Where every firmware looks on a disk that it does not know.
            else ["--no-nvram", "--force-extra-removable"]
        )
        if has_grub(tree, platform):
            efi = [] if platform == _BIOS else ["--efi-directory=/boot/efi"]
            command = [_GRUB, f"--target={platform}", "--recheck", *efi, *options]
            machine.run(command, root=tree.root)
        else:
            boot = tree.root / "boot"
            efi = [] if platform == _BIOS else [f"--efi-directory={boot / 'efi'}", "--removable"]
            place = f"--boot-directory={boot}"
            given = [each for each in options if each != "--force-extra-removable"]
            machine.run(["grub-install", f"--target={platform}", place, *efi, *given])
    if tree.is_file(_MENU_MAKER):
        machine.run([_MENU_MAKER], root=tree.root)
        if not tree.is_file(_MENU):
            raise StepError("{tool} wrote no menu for GRUB", tool=_MENU_MAKER)
    else:
        add(tree, _MENU, menu(tree, volumes).encode())


def has_grub(tree: Tree, platform: str) -> bool:
    """Whether the tree has its own GRUB for a platform, and what puts it on a disk."""
    return tree.is_file(_GRUB) and tree.is_file(f"/usr/lib/grub/{platform}/modinfo.sh")


def menu(tree: Tree, volumes: Volumes) -> str:
    """Return a menu for a system that has no program for that.

    What its kernels' packages link to as newest comes first; kernels of later are found as well.
    """
    name = (read_os_release(tree) or {}).get("PRETTY_NAME", "")
    title = "".join(each for each in name if each.isalnum() or each in " ./()+-_") or "Linux"
    return _CONTENT.format(uuid=volumes.root_uuid, title=title)


def has_signed_grub(tree: Tree) -> bool:
    """Whether the tree has loaders of its own that firmware with Secure Boot starts."""
    return all(
        map(tree.is_file, (_GRUB, f"/usr/lib/grub/{_UEFI}-signed/grubx64.efi.signed", _SHIM))
    )
