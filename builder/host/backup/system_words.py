"""What people are told before and after a whole system is restored."""

from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.host.backup.retention import moment
from builder.host.backup.whole_system import BIOS, UEFI, SystemPlan, SystemRestored
from builder.host.display import columns
from builder.host.source.local_zone import local_zone

_FIRMWARE = {BIOS: "BIOS", UEFI: "UEFI"}


def plan_text(plan: SystemPlan) -> str:
    """Return what would be done, and what speaks against it."""
    looked, taken = plan.looked, moment(plan.snapshot, zone=local_zone())
    rows = [
        (say("Snapshot"), f"{plan.snapshot.selector}, {taken:%Y-%m-%d %H:%M}"),
        (say("System"), f"{looked.system} ({looked.hostname})"),
        (say("Files"), say("{count}, {size}", count=looked.entries,
                           size=readable_size(looked.size))),
        (say("Kernels"), ", ".join(looked.kernels)),
    ]  # fmt: skip
    rows += [
        (each.place, f"{each.device}, {each.kind}{each.subvolume and ' '}{each.subvolume}")
        for each in plan.target.parts
    ]
    rows.append((say("Starts with"), _firmware(plan.read.platforms)))
    rows.append((say("Boot loader"), say("GRUB, to {disk}", disk=plan.target.disk)))
    head = say("To be restored to {path}:", path=plan.folder)
    if looked.continued:
        head = say("To be gone on with in {path}:", path=plan.folder)
    lines = [head, columns(rows, indent="  "), *_warnings(plan)]
    return "\n".join(lines)


def _warnings(plan: SystemPlan) -> list[str]:
    found = []
    if plan.shared:
        found.append(
            say("This machine's own system is on {disk} too: its boot loader there is replaced",
                disk=plan.target.disk)
        )  # fmt: skip
    if UEFI in plan.read.platforms:
        found.append(
            say("The EFI system partition's default loader, EFI/BOOT/BOOTX64.EFI, is replaced")
        )
    if (UEFI if plan.uefi else BIOS) not in plan.read.platforms:
        found.append(
            say("This machine was started with {firmware}, with which the disk will not start",
                firmware=_FIRMWARE[UEFI if plan.uefi else BIOS])
        )  # fmt: skip
    if plan.looked.homeless:
        found.append(
            say("The homes of {users} are not in the snapshot",
                users=", ".join(plan.looked.homeless))
        )  # fmt: skip
    return [say("Note: {text}", text=each) for each in found]


def done_text(plan: SystemPlan, done: SystemRestored) -> str:
    """Return what was done, and what is left for people."""
    started = done.started
    lines = [
        say("Restored snapshot {selector} to {path}: {count} files and folders",
            selector=plan.snapshot.selector, path=plan.folder, count=done.copied.entries),
        say("New initramfs for: {kernels}", kernels=", ".join(started.kernels)),
        say("GRUB for {firmware} on {disk}", firmware=_firmware(started.platforms),
            disk=plan.target.disk),
        say("/etc/fstab has the new disk; as it was, it is /etc/fstab.before-restore"),
    ]  # fmt: skip
    lines += [say("Switched off: {line}", line=each) for each in started.switched_off]
    if started.optional:
        places = ", ".join(started.optional)
        lines.append(say("Starts also without: {places}", places=places))
    lines.append(say("Left for you:"))
    lines += [f"  - {each}" for each in _left(plan, done)]
    return "\n".join(lines)


def _left(plan: SystemPlan, done: SystemRestored) -> list[str]:
    left = []
    if plan.looked.homeless:
        left.append(
            say("homes for {users}: mount them, restore them from another backup, or make new ones "
                "(`mkhomedir_helper USER` in the system)", users=", ".join(plan.looked.homeless))
        )  # fmt: skip
    if any("swap" in each.split() for each in done.started.switched_off):
        left.append(say("swap space: none is in a backup"))
    left += [
        say("passwords of wireless networks, logs and snaps, which no backup has"),
        say("unmount: `umount --recursive {path}`, then start from the disk", path=plan.folder),
        say("the machine id and ssh keys are those of the backup: do not run the old machine "
            "beside the new one"),
    ]  # fmt: skip
    return left


def _firmware(platforms: tuple[str, ...]) -> str:
    return ", ".join(_FIRMWARE[each] for each in platforms)
