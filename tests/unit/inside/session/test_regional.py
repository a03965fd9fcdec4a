"""Language, keyboard and time zone of the live system, and the report that it sends."""

import shutil
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.formats.recipe import LiveSettings
from builder.inside.session import regional
from builder.inside.session.boot_report import ENABLED, EXPECTED, SCRIPT, UNIT
from tests.support.machines import RecordingSystem, make_live, make_machine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_machine(tmp_path / "root")
    for name in ("de_DE", "it_IT", "ca_ES@valencia"):
        (root / "usr/share/i18n/locales").mkdir(parents=True, exist_ok=True)
        (root / "usr/share/i18n/locales" / name).write_text("")
    (root / "usr/bin").mkdir(parents=True, exist_ok=True)
    (root / "usr/bin/localedef").write_text("")
    return root


def configured(root: Path, settings: LiveSettings) -> RecordingSystem:
    system, _changes = make_live(root, settings)
    return system


def test_the_time_zone_is_set_in_the_tree(root: Path) -> None:
    configured(root, LiveSettings(timezone="America/Argentina/Ushuaia"))
    target = (root / "etc/localtime").readlink()
    assert str(target) == "/usr/share/zoneinfo/America/Argentina/Ushuaia"


def test_an_unknown_time_zone_is_refused(root: Path) -> None:
    with pytest.raises(StepError, match="Mars/Olympus"):
        configured(root, LiveSettings(timezone="Mars/Olympus"))


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("de_DE.UTF-8", "-i de_DE -f UTF-8"),
        ("ca_ES.UTF-8@valencia", "-i ca_ES@valencia -f UTF-8"),
        ("it_IT", "-i it_IT -f ISO-8859-1"),
    ],
)
def test_a_locale_that_the_system_has_not_made_is_made_at_boot(
    root: Path, locale: str, words: str
) -> None:
    system = configured(root, LiveSettings(locale=locale))
    assert (root / "etc/locale.conf").read_text() == f"LANG={locale}\n"
    unit = (root / regional.UNIT.lstrip("/")).read_text()
    assert f"ExecStart=/usr/bin/localedef -c {words} {locale}\n" in unit
    assert str((root / regional.ENABLED.lstrip("/")).readlink()) == regional.UNIT
    assert system.notes == []


@pytest.mark.parametrize(
    ("systemds", "debians", "expected"),
    [
        (True, None, {"etc/locale.conf"}),
        (True, "link", {"etc/locale.conf", "etc/default/locale"}),
        (True, "file", {"etc/locale.conf", "etc/default/locale"}),
        (False, "file", {"etc/default/locale"}),
        (False, "link", {"etc/locale.conf", "etc/default/locale"}),
        (False, None, {"etc/default/locale"}),
    ],
)
def test_every_file_that_names_a_language_names_this_one(
    root: Path, debians: str | None, expected: set[str], *, systemds: bool
) -> None:
    if not systemds:
        (root / "etc/locale.conf").unlink()
    if debians == "link":
        (root / "etc/default/locale").symlink_to("../locale.conf")
    elif debians == "file":
        (root / "etc/default/locale").write_text("LANG=it_IT.UTF-8\nLANGUAGE=it:en\n")
    configured(root, LiveSettings(locale="C.UTF-8"))
    names = ("etc/locale.conf", "etc/default/locale")
    found = {name: (root / name).read_text() for name in names if (root / name).exists()}
    assert found == dict.fromkeys(expected, "LANG=C.UTF-8\n")


def made_as_a_folder(root: Path) -> None:
    (root / "usr/lib/locale/de_DE.utf8").mkdir(parents=True)


def made_in_the_archive(root: Path) -> None:
    (root / "usr/lib/locale").mkdir(parents=True)
    (root / "usr/lib/locale/locale-archive").write_bytes(b"..\0it_IT.utf8\0de_DE.utf8\0..")


@pytest.mark.parametrize("make", [made_as_a_folder, made_in_the_archive])
def test_one_that_it_has_made_is_not(root: Path, make: object) -> None:
    assert callable(make)
    make(root)
    configured(root, LiveSettings(locale="de_DE.UTF-8"))
    assert not (root / regional.UNIT.lstrip("/")).exists()


@pytest.mark.parametrize("locale", ["xx_XX.UTF-8", "C.utf16"])
def test_one_that_cannot_be_made_is_told(root: Path, locale: str) -> None:
    system = configured(root, LiveSettings(locale=locale))
    assert [note for note in system.notes if "can neither use nor make" in note]
    assert not (root / regional.UNIT.lstrip("/")).exists()


def test_the_keyboard_loses_the_variant_of_the_former_layout(root: Path) -> None:
    configured(root, LiveSettings(keyboard="de"))
    text = (root / "etc/default/keyboard").read_text()
    assert text == 'XKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBVARIANT=""\n'


@pytest.mark.parametrize(
    ("wished", "layout", "variant"), [(None, "it", "winkeys"), ("de", "de", "")]
)
def test_wayland_sessions_have_the_systems_keyboard(
    root: Path, wished: str | None, layout: str, variant: str
) -> None:
    (root / "usr/share/wayland-sessions").mkdir(parents=True)
    (root / "usr/bin/plasmashell").write_text("")
    (root / "etc/environment").write_text("A=b\nXKB_DEFAULT_LAYOUT=fr")
    configured(root, LiveSettings(keyboard=wished))
    lines = (root / "etc/xdg/kxkbrc").read_text().split("\n")
    assert lines[:-1] == ["[Layout]", "Use=true", f"LayoutList={layout}", f"VariantList={variant}"]
    text = f"A=b\nXKB_DEFAULT_LAYOUT={layout}\nXKB_DEFAULT_VARIANT={variant}\n"
    assert (root / "etc/environment").read_text() == text


@pytest.mark.parametrize("value", ["$(reboot)", "", "a b"])
def test_a_keyboard_that_is_no_list_of_layouts_is_told_to_nobody(root: Path, value: str) -> None:
    (root / "usr/share/wayland-sessions").mkdir(parents=True)
    (root / "etc/default/keyboard").write_text(f'XKBLAYOUT="{value}"\n')
    configured(root, LiveSettings())
    assert not (root / "etc/environment").exists()


def test_without_wishes_locale_keyboard_and_zone_stay(root: Path) -> None:
    names = ("etc/locale.conf", "etc/locale.gen", "etc/default/keyboard")
    before = [(root / name).read_bytes() for name in names]
    configured(root, LiveSettings())
    assert [(root / name).read_bytes() for name in names] == before
    assert str((root / "etc/localtime").readlink()) == "/usr/share/zoneinfo/Europe/Rome"


def test_the_boot_report_is_installed_and_enabled(root: Path) -> None:
    configured(root, LiveSettings())
    assert (root / SCRIPT.lstrip("/")).stat().st_mode & 0o777 == 0o755
    assert str((root / ENABLED.lstrip("/")).readlink()) == UNIT
    assert f"ExecStart={SCRIPT}" in (root / UNIT.lstrip("/")).read_text()
    assert f"expected={EXPECTED}\n" in (root / SCRIPT.lstrip("/")).read_text()
    assert (root / EXPECTED.lstrip("/")).read_text() == "user=user\nhostname=live\n"


def test_a_system_without_systemd_gets_no_boot_report(root: Path) -> None:
    shutil.rmtree(root / "usr/lib/systemd")
    system = configured(root, LiveSettings())
    assert not (root / SCRIPT.lstrip("/")).exists()
    assert [note for note in system.notes if "systemd" in note]
