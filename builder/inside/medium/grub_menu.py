"""GRUB's configuration: the menu, and the few lines in its boot images that load it.

Untrusted text (the distribution's name, kernel parameters) is quoted: inside single quotes GRUB's
shell takes every character but `'` literally (GRUB manual, "Quoting").
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from builder.formats.recipe import BootSettings
from builder.formats.system_facts import SystemFacts
from builder.inside.medium.identity import MediumId, initrd_path, kernel_path

_LONGEST_TITLE: Final = 60  # characters that fit into the menu on an 80-column console
_PLAIN_WORD: Final = re.compile(r"[0-9A-Za-z_.,:/@%+=-]+")
_SERIAL: Final = re.compile(r"ttyS(?P<unit>[0-9]{1,2})(?:,(?P<speed>[0-9]{1,7})[a-z0-9]*)?")
_CHECK_HIDES: Final = frozenset({"quiet", "splash"})  # the check shows its progress


def render_early_config(identity: MediumId) -> str:
    """Return the config in a boot image: find the medium by its id file, and continue there."""
    return f"search --no-floppy --file --set=root /{identity.path}\nset prefix=($root)/boot/grub\n"


def render_partition_config(identity: MediumId) -> str:
    """Return the grub.cfg in the EFI system partition, which signed GRUB reads on a disk.

    Where the medium is not found, it must not read itself again: its prefix is that partition.
    """
    return (
        f"if search --no-floppy --file --set=root /{identity.path}; then\n"
        "  set prefix=($root)/boot/grub\n"
        "  source $prefix/grub.cfg\n"
        "fi\n"
    )


def render_menu(facts: SystemFacts, boot: BootSettings) -> str:
    """Return grub.cfg for both BIOS and UEFI; the newest kernel is the default."""
    newest, *older = facts.kernels
    title = shown_title(facts.pretty_name or facts.distro_name)
    sections = [
        ["# Made by distroclone-builder; read on BIOS and on UEFI.", "set default=live"],
        [f"set timeout={boot.timeout_seconds}"],
        _terminal(boot.serial_console),
        _live_entries(title, newest, boot, suffix=""),
        _entry(
            "Check this medium, then restart",
            name="check",
            version=newest,
            parameters=["verify-checksums", *_without(boot.kernel_parameters, _CHECK_HIDES)],
            boot=boot,
        ),
        _older_kernels(title, older, boot) if older else [],
        _firmware_entry(),
    ]
    return "\n".join(line for section in sections for line in section) + "\n"


def shown_title(name: str) -> str:
    """Return `name` as one short line that GRUB does not take for an option."""
    printable = "".join(character if character.isprintable() else " " for character in name)
    line = " ".join(printable.split()).lstrip("- ") or "Live system"
    return line if len(line) <= _LONGEST_TITLE else f"{line[: _LONGEST_TITLE - 1].rstrip()}…"


def quoted(text: str) -> str:
    """Return `text` as one word of GRUB's shell."""
    if _PLAIN_WORD.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def _terminal(serial_console: str | None) -> list[str]:
    serial = _SERIAL.fullmatch(serial_console or "")
    if serial:
        speed = f" --speed={serial['speed']}" if serial["speed"] else ""
        return [
            f"serial --unit={serial['unit']}{speed}",
            "terminal_input console serial",
            "terminal_output console serial",
        ]
    # By its name: signed GRUB has this font in itself, and refuses to read any other.
    return [
        "if loadfont unicode; then",
        "  set gfxmode=1024x768,auto",
        "  set gfxpayload=keep",
        "  terminal_output gfxterm",
        "fi",
    ]


def _live_entries(title: str, version: str, boot: BootSettings, *, suffix: str) -> list[str]:
    kernel = f", kernel {version}" if suffix else ""
    return [
        *_entry(
            f"{title} (live{kernel})",
            name=f"live{suffix}",
            version=version,
            parameters=boot.kernel_parameters,
            boot=boot,
        ),
        *_entry(
            f"{title} (live{kernel}, safe graphics)",
            name=f"safe{suffix}",
            version=version,
            parameters=["nomodeset", *_without(boot.kernel_parameters, frozenset({"splash"}))],
            boot=boot,
        ),
    ]


def _older_kernels(title: str, versions: Iterable[str], boot: BootSettings) -> list[str]:
    entries = [
        f"  {line}"
        for version in versions
        for line in _live_entries(title, version, boot, suffix=f"-{version}")
    ]
    return ["submenu 'Other kernels' --id other {", *entries, "}"]


def _entry(
    title: str, *, name: str, version: str, parameters: Iterable[str], boot: BootSettings
) -> list[str]:
    words = ["boot=live", *parameters, *_consoles(boot.serial_console)]
    return [
        f"menuentry {quoted(title)} --id {quoted(name)} {{",
        f"  linux {quoted('/' + kernel_path(version))} {' '.join(map(quoted, words))}",
        f"  initrd {quoted('/' + initrd_path(version))}",
        "}",
    ]


def _firmware_entry() -> list[str]:
    return [
        'if [ "$grub_platform" = efi ]; then',
        "  if fwsetup --is-supported; then",
        "    menuentry 'UEFI firmware settings' --id firmware {",
        "      fwsetup",
        "    }",
        "  fi",
        "fi",
    ]


def _consoles(serial_console: str | None) -> Sequence[str]:
    # The last console is the one that /dev/console refers to.
    return ["console=tty0", f"console={serial_console}"] if serial_console else []


def _without(words: Iterable[str], unwanted: frozenset[str]) -> list[str]:
    return [word for word in words if word not in unwanted]
