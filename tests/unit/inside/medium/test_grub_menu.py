"""The boot menu as text, hostile names included; how real GRUB reads it is tested with GRUB."""

import re
from dataclasses import fields, replace

import pytest

from builder.formats.recipe import BootEntry, BootSettings
from builder.formats.system_facts import SystemFacts
from builder.inside.medium.grub_menu import (
    Menu,
    quoted,
    render_early_config,
    render_partition_config,
    shown_title,
)
from builder.inside.medium.identity import MediumId
from builder.inside.medium.menu_words import words_in

KERNEL = "6.12.48+deb13-amd64"
OLDER = "6.12.41+deb13-amd64"


def facts(*kernels: str, pretty_name: str = "Debian GNU/Linux 13 (trixie)") -> SystemFacts:
    return SystemFacts(
        distro_id="debian",
        distro_name="Debian GNU/Linux",
        pretty_name=pretty_name,
        version="13",
        architecture="amd64",
        desktop="xfce",
        kernels=kernels or (KERNEL,),
    )


def menu_of(facts: SystemFacts, boot: BootSettings, locale: str | None = None) -> Menu:
    return Menu(facts=facts, boot=boot, words=words_in(locale))


def render_menu(facts: SystemFacts, boot: BootSettings, locale: str | None = None) -> str:
    return menu_of(facts, boot, locale).render()


def lines_with(text: str, word: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip().startswith(word)]


def test_the_images_find_the_medium_by_its_id_file() -> None:
    identity = MediumId(text="0123456789abcdef" * 2)
    assert render_early_config(identity) == (
        "search --no-floppy --file --set=root"
        " /.disk/distroclone-builder-0123456789abcdef0123456789abcdef\n"
        "set prefix=($root)/boot/grub\n"
    )


def test_the_partition_finds_the_medium_and_never_reads_its_own_config_again() -> None:
    identity = MediumId(text="0123456789abcdef" * 2)
    first, *inside, last = render_partition_config(identity).splitlines()
    search = render_early_config(identity).splitlines()[0]
    assert (first, last) == (f"if {search}; then", "fi")
    assert [line.strip() for line in inside] == [
        "set prefix=($root)/boot/grub",
        "source $prefix/grub.cfg",
    ]


def test_the_font_is_named_as_signed_grub_may_read_it() -> None:
    menu = render_menu(facts(), BootSettings())
    assert lines_with(menu, "if loadfont") == ["if loadfont unicode; then"]
    assert "insmod" not in menu


def test_one_kernel_gives_every_entry() -> None:
    menu = render_menu(facts(), BootSettings(timeout_seconds=7))
    assert lines_with(menu, "menuentry") == [
        "menuentry 'Debian GNU/Linux 13 (trixie) (live)' --id live {",
        "menuentry 'Debian GNU/Linux 13 (trixie) (live, safe graphics)' --id safe {",
        "menuentry 'Debian GNU/Linux 13 (trixie) (live, copied to memory)' --id toram {",
        "menuentry 'Debian GNU/Linux 13 (trixie) (live, with persistence)' --id persistence {",
        "menuentry 'Check this medium, then restart' --id check {",
        "menuentry 'Memory test' --id memtest {",
        "menuentry 'Memory test' --id memtest {",
        "menuentry 'Memory test' --id memtest {",
        "menuentry 'UEFI firmware settings' --id firmware {",
    ]
    assert lines_with(menu, "linux") == [
        f"linux /live/vmlinuz-{KERNEL} boot=live quiet",
        f"linux /live/vmlinuz-{KERNEL} boot=live nomodeset quiet",
        f"linux /live/vmlinuz-{KERNEL} boot=live toram quiet",
        f"linux /live/vmlinuz-{KERNEL} boot=live persistence persistence-storage=filesystem quiet",
        f"linux /live/vmlinuz-{KERNEL} boot=live verify-checksums",
        "linux /boot/memtest86+x64.bin",
        "linux /boot/memtest86+x64.efi",
        "linux /boot/memtest86+ia32.efi",
    ]
    assert set(lines_with(menu, "initrd")) == {f"initrd /live/initrd.img-{KERNEL}"}
    assert "set default=live\nset timeout=7\n" in menu


def test_chosen_entries_come_in_their_order_and_the_first_is_the_default() -> None:
    chosen = (BootEntry.PERSISTENCE, BootEntry.CHECK, BootEntry.LIVE)
    menu = render_menu(facts(), BootSettings(entries=chosen))
    names = [line.split("--id ")[1] for line in lines_with(menu, "menuentry")]
    assert names == ["persistence {", "check {", "live {"]
    assert "set default=persistence\n" in menu
    assert "fwsetup" not in menu


def test_other_kernels_are_offered_once_as_the_chosen_entries_start_them() -> None:
    chosen = BootSettings(entries=(BootEntry.TORAM, BootEntry.PERSISTENCE, BootEntry.CHECK))
    menu = render_menu(facts(KERNEL, OLDER), chosen)
    assert menu.count("submenu") == 1
    assert menu.index("--id persistence {") < menu.index("submenu") < menu.index("--id check {")
    assert [line for line in lines_with(menu, "linux") if OLDER in line] == [
        f"linux /live/vmlinuz-{OLDER} boot=live toram quiet"
    ]


@pytest.mark.parametrize(
    ("locale", "title"),
    [
        ("de_DE.UTF-8", "Andere Kernel"),
        ("de_AT", "Andere Kernel"),
        ("es_MX.UTF-8", "Otros núcleos"),
        ("fr_FR.UTF-8", "Autres noyaux"),
        ("it_IT.UTF-8", "Altri kernel"),
        ("pt_BR.UTF-8", "Outros kernels"),
        ("en_GB.UTF-8", "Other kernels"),
        ("nl_NL.UTF-8", "Other kernels"),
        ("C.UTF-8", "Other kernels"),
        (None, "Other kernels"),
    ],
)
def test_titles_are_in_the_language_of_the_live_system(locale: str | None, title: str) -> None:
    menu = render_menu(facts(KERNEL, OLDER), BootSettings(), locale)
    assert f"submenu '{title}' --id other {{" in menu


@pytest.mark.parametrize("locale", ["de_DE", "en_US", "es_ES", "fr_FR", "it_IT", "pt_PT"])
def test_words_are_plain_latin_for_grubs_font(locale: str) -> None:
    words = words_in(locale)
    for each in fields(words):
        text = getattr(words, each.name)
        assert text == shown_title(text)
        assert max(text) < "\u0250"


def test_no_module_is_loaded_and_the_font_is_asked_for_by_name() -> None:
    """A signed GRUB has no other modules, and reads no font from the medium."""
    menu = render_menu(facts(KERNEL, OLDER), BootSettings())
    assert "insmod" not in menu
    assert lines_with(menu, "if loadfont") == ["if loadfont unicode; then"]
    assert "--is-supported" not in menu


def test_another_grub_hands_the_place_of_the_iso_on() -> None:
    menu = menu_of(facts(KERNEL, OLDER), BootSettings()).render_loopback()
    lines = lines_with(menu, "linux /live")
    assert len(lines) == 7
    assert all(line.endswith(' findiso="$iso_path"') for line in lines)
    assert 'if [ -z "$iso_path" ]; then set iso_path="$isofile"; fi\n' in menu
    for own in ("timeout", "terminal", "serial", "loadfont", "fwsetup"):
        assert own not in menu


def test_every_older_kernel_is_in_the_submenu_with_its_own_initrd() -> None:
    menu = render_menu(facts(KERNEL, OLDER, "6.1.0-1-rt"), BootSettings())
    before, _submenu, rest = menu.partition("submenu 'Other kernels'")
    after = rest.partition("\n}\n")[0]
    assert KERNEL in before
    assert OLDER not in before
    assert KERNEL not in after
    for version in (OLDER, "6.1.0-1-rt"):
        assert f"--id live-{version} {{" in after
        assert f"--id safe-{version} {{" in after
        assert after.count(f"initrd /live/initrd.img-{version}\n") == 2


def test_the_firmware_entry_is_for_uefi_only() -> None:
    menu = render_menu(facts(), BootSettings())
    guarded = menu.split('if [ "$grub_platform" = efi ]; then', 1)[1]
    assert "fwsetup" not in menu.replace(guarded, "")
    assert "fwsetup" in guarded


def test_the_memory_test_is_the_firmwares_own_and_not_offered_where_it_would_be_refused() -> None:
    menu = render_menu(facts(), BootSettings(entries=(BootEntry.LIVE, BootEntry.MEMTEST)))
    _before, bios, uefi, uefi32 = re.split(
        r"^(?:el)?if (?=.*(?:= pc|lockdown))", menu, flags=re.MULTILINE
    )
    assert bios.startswith('[ "$grub_platform" = pc ]; then\n')
    assert lines_with(bios, "linux") == ["linux /boot/memtest86+x64.bin"]
    assert uefi.startswith('[ "$grub_cpu" = x86_64 -a "$lockdown" != y ]; then\n')
    assert lines_with(uefi, "linux") == ["linux /boot/memtest86+x64.efi"]
    asked = '[ "$grub_cpu" = i386 -a "$grub_platform" = efi -a "$lockdown" != y ]; then\n'
    assert uefi32.startswith(asked)
    assert lines_with(uefi32, "linux") == ["linux /boot/memtest86+ia32.efi"]


def test_kernel_parameters_come_in_their_order_before_the_consoles() -> None:
    boot = BootSettings(
        kernel_parameters=("splash", "quiet", "mitigations=off"), serial_console="ttyS0,115200"
    )
    live, safe, toram, kept, check, *_memtest = lines_with(render_menu(facts(), boot), "linux")
    consoles = "console=tty0 console=ttyS0,115200"
    assert live.endswith(f"boot=live splash quiet mitigations=off {consoles}")
    assert safe.endswith(f"boot=live nomodeset quiet mitigations=off {consoles}")
    assert toram.endswith(f"boot=live toram splash quiet mitigations=off {consoles}")
    assert kept.endswith(f"=filesystem splash quiet mitigations=off {consoles}")
    assert check.endswith(f"boot=live verify-checksums mitigations=off {consoles}")


@pytest.mark.parametrize(
    ("console", "command"),
    [
        ("ttyS0,115200", "serial --unit=0 --speed=115200"),
        ("ttyS1,9600n8", "serial --unit=1 --speed=9600"),
        ("ttyS0", "serial --unit=0"),
    ],
)
def test_a_serial_console_makes_the_menu_text_on_both(console: str, command: str) -> None:
    menu = render_menu(facts(), BootSettings(serial_console=console))
    assert command in menu.splitlines()
    assert "terminal_output console serial" in menu.splitlines()
    assert "gfxterm" not in menu


@pytest.mark.parametrize("console", [None, "hvc0", "ttyAMA0,115200"])
def test_without_a_serial_port_grub_knows_the_menu_is_on_the_screen(console: str | None) -> None:
    menu = render_menu(facts(), BootSettings(serial_console=console))
    assert "terminal_output gfxterm" in menu
    assert "serial" not in menu
    assert (f"console={console}" in menu) == (console is not None)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Debian", "Debian"),
        ("  two \n lines\t\x00\x1b[31m ", "two lines [31m"),
        ("Émile 18 ☃", "Émile 18 ☃"),
        ("--unrestricted", "unrestricted"),
        ("", "Live system"),
        ("\n\x07", "Live system"),
        ("x" * 61, "x" * 59 + "…"),
        ("\u202ereversed", "reversed"),
    ],
)
def test_titles_are_one_short_printable_line(name: str, title: str) -> None:
    assert shown_title(name) == title


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("quiet", "quiet"),
        ("rd.x=a/b:c,d@e%f+g", "rd.x=a/b:c,d@e%f+g"),
        ("", "''"),
        ("two words", "'two words'"),
        ('"double" $var `x` \\', "'\"double\" $var `x` \\'"),
        ("it's", "'it'\\''s'"),
        ("}; halt; {", "'}; halt; {'"),
        ("#no comment", "'#no comment'"),
    ],
)
def test_quoting_leaves_nothing_to_grubs_shell(text: str, word: str) -> None:
    assert quoted(text) == word


def test_a_hostile_name_stays_inside_its_title() -> None:
    name = "'; halt; echo '$root {\\\n}"
    menu = render_menu(facts(pretty_name=name), BootSettings())
    title = r"""''\''; halt; echo '\''$root {\ } (live)'"""
    assert lines_with(menu, "menuentry")[0] == f"menuentry {title} --id live {{"


def test_a_medium_that_installs_has_an_entry_for_it_and_answers_choose_it() -> None:
    menu = replace(menu_of(facts(KERNEL, OLDER), BootSettings()), installs=True)
    text = menu.render()
    assert "menuentry 'Debian GNU/Linux 13 (trixie) (install to a disk)' --id install {" in text
    assert "if search --no-floppy --file --set=answers /distroclone-answers.yaml; then" in text
    assert text.index("set default=live") < text.index("  set default=install")
    (line,) = [each for each in lines_with(text, "linux") if "distroclone-builder-install" in each]
    assert line == (
        f"linux /live/vmlinuz-{KERNEL} boot=live "
        "systemd.unit=distroclone-builder-install.target quiet"
    )
    ids = re.findall(r"--id (\S+)", text)
    assert ids.index("persistence") < ids.index("install") < ids.index("other")
    loopback = menu.render_loopback()
    assert "--id install" in loopback
    assert "set default=install" not in loopback


def test_a_medium_that_does_not_has_neither() -> None:
    text = render_menu(facts(), BootSettings())
    assert "install" not in text
