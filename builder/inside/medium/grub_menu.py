"""GRUB's configuration: the menu, and the few lines in its boot images that load it.

Untrusted text (the distribution's name, kernel parameters) is quoted: inside single quotes GRUB's
shell takes every character but `'` literally (GRUB manual, "Quoting"). Only what every GRUB has
built in is used, and no module is loaded: a signed one has no others, and that of somebody's stick
may be an old one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from builder.formats.answers import NAME as ANSWERS
from builder.formats.recipe import STARTING, BootEntry, BootSettings
from builder.formats.system_facts import SystemFacts
from builder.inside.medium.identity import (
    MEMTEST_BIOS,
    MEMTEST_UEFI,
    MEMTEST_UEFI32,
    MediumId,
    initrd_path,
    kernel_path,
)
from builder.inside.medium.menu_words import MenuWords

_LONGEST_TITLE: Final = 60  # characters that fit into the menu on an 80-column console
_PLAIN_WORD: Final = re.compile(r"[0-9A-Za-z_.,:/@%+=-]+")
_SERIAL: Final = re.compile(r"ttyS(?P<unit>[0-9]{1,2})(?:,(?P<speed>[0-9]{1,7})[a-z0-9]*)?")
_SPLASH: Final = frozenset({"splash"})
_CHECK_HIDES: Final = frozenset({"quiet", "splash"})  # the check shows its progress
# Without the second word, live-boot mounts every partition of every disk, writable, to look for a
# file of that name: also those of a system that is only hibernated.
_PERSISTENCE: Final = ("persistence", "persistence-storage=filesystem")
_INSTALL: Final = "install"
_INSTALLING: Final = "systemd.unit=distroclone-builder-install.target"
_IN_SUBMENU: Final = (BootEntry.LIVE, BootEntry.SAFE)  # of every kernel but the best


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """The boot menu of a system, in somebody's words; the best kernel is the default.

    With `installs` it has an entry for that, which is the default where an answer file is.
    """

    facts: SystemFacts
    boot: BootSettings
    words: MenuWords
    installs: bool = False

    def render(self) -> str:
        """Return grub.cfg for both BIOS and UEFI."""
        return _text(
            "# Made by distroclone-builder; read on BIOS and on UEFI.",
            f"set default={self.boot.entries[0]}",
            f"set timeout={self.boot.timeout_seconds}",
            *self._default_with_answers(),
            *_terminal(self.boot.serial_console),
            *self._entries(self.boot.entries, extra=()),
        )

    def render_loopback(self) -> str:
        """Return loopback.cfg: the menu for another GRUB, which reads it in this ISO as a file.

        Whoever reads it has set `root` to the ISO and `iso_path` to the file's path on its
        partition (supergrubdisk.org/wiki/Loopback.cfg); some set `isofile` instead.
        """
        return _text(
            "# Made by distroclone-builder; for GRUB that has this ISO as a file.",
            'if [ -z "$iso_path" ]; then set iso_path="$isofile"; fi',
            f"set default={self.boot.entries[0]}",
            *self._entries(
                [each for each in self.boot.entries if each is not BootEntry.FIRMWARE],
                extra=('findiso="$iso_path"',),
            ),
        )

    def _entries(self, entries: Sequence[BootEntry], *, extra: Sequence[str]) -> Iterator[str]:
        """Yield the entries, and after the last that starts the best kernel those of others."""
        best, *others = self.facts.kernels
        starting = [each for each in entries if each in STARTING]
        for entry in entries:
            match entry:
                case BootEntry.CHECK:
                    yield from self._check(best, extra=extra)
                case BootEntry.MEMTEST:
                    yield from _memtest(self.words.memtest)
                case BootEntry.FIRMWARE:
                    yield from _firmware(self.words.firmware)
                case _:
                    yield from self._starting(entry, best, extra=extra)
            if entry is starting[-1] and self.installs:
                yield from self._install(best, extra=extra)
            if entry is starting[-1] and others:
                yield from self._submenu(starting, others, extra=extra)

    def _submenu(
        self, starting: Sequence[BootEntry], versions: Iterable[str], *, extra: Sequence[str]
    ) -> Iterator[str]:
        entries = [each for each in starting if each in _IN_SUBMENU] or starting[:1]
        yield f"submenu {quoted(self.words.others)} --id other {{"
        for version in versions:
            for entry in entries:
                lines = self._starting(entry, version, suffix=f"-{version}", extra=extra)
                yield from (f"  {line}" for line in lines)
        yield "}"

    def _starting(
        self, entry: BootEntry, version: str, *, suffix: str = "", extra: Sequence[str]
    ) -> list[str]:
        name = shown_title(self.facts.pretty_name or self.facts.distro_name)
        kernel = f", {self.words.kernel} {version}" if suffix else ""
        return self._entry(
            f"{name} ({getattr(self.words, entry.value)}{kernel})",
            name=f"{entry}{suffix}",
            version=version,
            parameters=_parameters(entry, self.boot.kernel_parameters),
            extra=extra,
        )

    def _default_with_answers(self) -> list[str]:
        if not self.installs:
            return []
        return [
            f"if search --no-floppy --file --set=answers /{ANSWERS}; then",
            f"  set default={_INSTALL}",
            "fi",
        ]

    def _install(self, version: str, *, extra: Sequence[str]) -> list[str]:
        name = shown_title(self.facts.pretty_name or self.facts.distro_name)
        return self._entry(
            f"{name} ({self.words.install})",
            name=_INSTALL,
            version=version,
            parameters=[_INSTALLING, *_without(self.boot.kernel_parameters, _SPLASH)],
            extra=extra,
        )

    def _check(self, version: str, *, extra: Sequence[str]) -> list[str]:
        return self._entry(
            self.words.check,
            name=BootEntry.CHECK,
            version=version,
            parameters=["verify-checksums", *_without(self.boot.kernel_parameters, _CHECK_HIDES)],
            extra=extra,
        )

    def _entry(
        self,
        title: str,
        *,
        name: str,
        version: str,
        parameters: Iterable[str],
        extra: Sequence[str],
    ) -> list[str]:
        words = map(quoted, ["boot=live", *parameters, *_consoles(self.boot.serial_console)])
        return [
            f"menuentry {quoted(title)} --id {quoted(name)} {{",
            f"  linux {quoted('/' + kernel_path(version))} {' '.join([*words, *extra])}",
            f"  initrd {quoted('/' + initrd_path(version))}",
            "}",
        ]


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


def _parameters(entry: BootEntry, given: Sequence[str]) -> list[str]:
    match entry:
        case BootEntry.SAFE:
            return ["nomodeset", *_without(given, _SPLASH)]
        case BootEntry.TORAM:
            return ["toram", *given]
        case BootEntry.PERSISTENCE:
            return [*_PERSISTENCE, *given]
        case _:
            return list(given)


def _memtest(title: str) -> list[str]:
    def entry(path: str) -> list[str]:
        return [
            f"  menuentry {quoted(title)} --id {BootEntry.MEMTEST} {{",
            f"    linux {quoted('/' + path)}",
            "  }",
        ]

    return [
        'if [ "$grub_platform" = pc ]; then',
        *entry(MEMTEST_BIOS),
        # It is not signed. With Secure Boot, GRUB locks itself down and would refuse it.
        'elif [ "$grub_cpu" = x86_64 -a "$lockdown" != y ]; then',
        *entry(MEMTEST_UEFI),
        'elif [ "$grub_cpu" = i386 -a "$grub_platform" = efi -a "$lockdown" != y ]; then',
        *entry(MEMTEST_UEFI32),
        "fi",
    ]


def _firmware(title: str) -> list[str]:
    # Not guarded by `fwsetup --is-supported`: an older GRUB takes that for the order itself.
    return [
        'if [ "$grub_platform" = efi ]; then',
        f"  menuentry {quoted(title)} --id {BootEntry.FIRMWARE} {{",
        "    fwsetup",
        "  }",
        "fi",
    ]


def _consoles(serial_console: str | None) -> Sequence[str]:
    # The last console is the one that /dev/console refers to.
    return ["console=tty0", f"console={serial_console}"] if serial_console else []


def _without(words: Iterable[str], unwanted: frozenset[str]) -> list[str]:
    return [word for word in words if word not in unwanted]


def _text(*lines: str) -> str:
    return "\n".join(lines) + "\n"
