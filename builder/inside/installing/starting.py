"""What starts the installed system: an initramfs for each kernel, and GRUB for BIOS and UEFI.

GRUB is the system's own where it has one, with its own menu. For the others the installer brings
one, and a menu that finds new kernels by itself.
"""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from typing import Final

from builder.basics.errors import StepError
from builder.formats.answers import FileSystem
from builder.inside.debian.facts import read_os_release
from builder.inside.installing.clone import DRACUT, INITRAMFS_TOOLS, MENU_MAKER
from builder.inside.installing.encryption import check_unlocking
from builder.inside.installing.machine import Machine, has_small_uefi
from builder.inside.installing.volumes import BIOS, UEFI, StartingDisk
from builder.inside.rules.rule import add
from builder.inside.tree.tree import Tree

_SMALLEST: Final = 1 << 20  # bytes; an initramfs with udev and busybox has several times that
_CHUNK: Final = 1 << 20
_UEFI32: Final = "i386-efi"
_GRUB: Final = "/usr/sbin/grub-install"
_SHIM: Final = "/usr/lib/shim/shimx64.efi.signed"
_MENU: Final = "/boot/grub/grub.cfg"
_MORE: Final = "/boot/grub/custom.cfg"
_FOLDER: Final = "/etc/default/grub.d/esp-folder.cfg"
_VARIABLES: Final = "sys/firmware/efi/efivars"
_CONTENT: Final = """\
# Written by the installer: the system has no GRUB that would keep a menu.
set default=0
set timeout=5
search --no-floppy --fs-uuid --set=root {seen}
if [ -f {top}/vmlinuz -a -f {top}/initrd.img ]; then
  menuentry '{title}' {{
    linux {top}/vmlinuz root=UUID={uuid} ro quiet{more}
    initrd {top}/initrd.img
  }}
fi
insmod regexp
for kernel in {boot}/vmlinuz-*; do
  regexp --set=1:version '/vmlinuz-(.*)' "$kernel"
  if [ -f "{boot}/initrd.img-$version" ]; then
    menuentry "{title} ($version)" "$version" {{
      linux "{boot}/vmlinuz-$2" root=UUID={uuid} ro quiet{more}
      initrd "{boot}/initrd.img-$2"
    }}
  fi
done
"""


@contextlib.contextmanager
def inhabited(tree: Tree, start: StartingDisk, machine: Machine) -> Iterator[None]:
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
        line.write_text(f"root=UUID={start.root_uuid} ro quiet\n", encoding="ascii")
        if start.esp_folder:  # which the firmware is told of
            place = tree.root / _VARIABLES
            stack.enter_context(machine.mounted("efivarfs", place, kind="efivarfs"))
        place = tree.root / "proc/cmdline"
        stack.enter_context(machine.mounted(str(line), place, options=("bind",)))
        yield


def make_initramfs(
    tree: Tree, kernels: Sequence[str], start: StartingDisk, machine: Machine
) -> None:
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
        if start.locked_uuid:
            check_unlocking(tree, image, uuid=start.locked_uuid, machine=machine)
        if start.file_system is FileSystem.BTRFS:
            for path in (f"/boot/vmlinuz-{kernel}", image):
                _write_plainly(tree, path)


def _write_plainly(tree: Tree, path: str) -> None:
    """Write a file again: whole, with no holes, and sharing nothing.

    GRUB is known to end early in files on btrfs that are anything else.
    """
    if not tree.is_file(path):
        return  # such a kernel is beside its modules
    real = tree.resolve(path)
    status = real.stat()
    new = real.with_name(f"{real.name}.new")
    with real.open("rb") as source, new.open("xb") as copy:
        os.fchmod(copy.fileno(), stat.S_IMODE(status.st_mode))
        os.fchown(copy.fileno(), status.st_uid, status.st_gid)
        while chunk := source.read(_CHUNK):
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
    new.replace(real)


def install_boot_loader(tree: Tree, start: StartingDisk, machine: Machine) -> None:
    """Install GRUB for each kind of firmware that the disk has a place for, and its menu.

    That of UEFI with 32 bits only where the machine has it: no system would keep it up to date.
    """
    if start.esp_folder and has_grub(tree, UEFI):
        # Or an update would write into the folder of another system of that name. GRUB makes the
        # letters small again.
        add(tree, _FOLDER, f'GRUB_DISTRIBUTOR="{start.esp_folder.capitalize()}"\n'.encode("ascii"))
    small = not start.esp_folder and has_small_uefi(machine)
    for platform in (*start.platforms, *((_UEFI32,) if small else ())):
        own = has_grub(tree, platform)
        where = _where(platform, start, own=own)
        if own:
            efi = [] if platform == BIOS else ["--efi-directory=/boot/efi"]
            command = [_GRUB, f"--target={platform}", "--recheck", *efi, *where]
            machine.run(command, root=tree.root)
        else:
            boot = tree.root / "boot"
            efi = [] if platform == BIOS else [f"--efi-directory={boot / 'efi'}"]
            place = f"--boot-directory={boot}"
            machine.run(["grub-install", f"--target={platform}", place, *efi, *where])
    if start.others:
        add(tree, _MORE, start.others.encode())  # which each menu of GRUB's own makers reads
    if tree.is_file(MENU_MAKER):
        machine.run([MENU_MAKER], root=tree.root)
        if not tree.is_file(_MENU):
            raise StepError("{tool} wrote no menu for GRUB", tool=MENU_MAKER)
    else:
        add(tree, _MENU, menu(tree, start).encode())


def _where(platform: str, start: StartingDisk, *, own: bool) -> list[str]:
    """Return the options of grub-install that say where it puts what the firmware starts."""
    if platform == BIOS:
        return [start.disk]
    if start.esp_folder:
        # With signed loaders, the folder would be the distribution's, whoever uses it already.
        return [f"--bootloader-id={start.esp_folder}", *(["--no-uefi-secure-boot"] if own else [])]
    # Where every firmware looks on a disk that it does not know.
    return ["--no-nvram", "--force-extra-removable"] if own else ["--removable", "--no-nvram"]


def has_grub(tree: Tree, platform: str) -> bool:
    """Whether the tree has its own GRUB for a platform, and what puts it on a disk."""
    return tree.is_file(_GRUB) and tree.is_file(f"/usr/lib/grub/{platform}/modinfo.sh")


def menu(tree: Tree, start: StartingDisk) -> str:
    """Return a menu for a system that has no program for that.

    What its kernels' packages link to as newest comes first; kernels of later are found as well.
    """
    name = (read_os_release(tree) or {}).get("PRETTY_NAME", "")
    title = "".join(each for each in name if each.isalnum() or each in " ./()+-_") or "Linux"
    # GRUB sees a btrfs from its top, and the kernel is told which of its subvolumes is the root.
    top, more = "", ""
    if start.subvolume:
        top, more = f"/{start.subvolume}", f" rootflags=subvol={start.subvolume}"
    # Where /boot is another file system, GRUB sees that one alone: links to it do not lead there.
    seen, boot = (start.boot_uuid, "") if start.boot_uuid else (start.root_uuid, f"{top}/boot")
    content = _CONTENT.format(
        seen=seen, uuid=start.root_uuid, title=title, top=top, boot=boot, more=more
    )
    return f"{content}{start.others}"


def has_signed_grub(tree: Tree) -> bool:
    """Whether the tree has loaders of its own that firmware with Secure Boot starts."""
    return all(map(tree.is_file, (_GRUB, f"/usr/lib/grub/{UEFI}-signed/grubx64.efi.signed", _SHIM)))
