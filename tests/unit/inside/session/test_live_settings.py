"""What live-config is told, and what it cannot do for itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.formats.recipe import LiveSettings
from builder.inside.session import live
from builder.inside.session.boot_report import ENABLED, SCRIPT, UNIT
from builder.inside.steps.configure import ConfigureStep
from tests.support.machines import (
    CLOCK,
    RecordingSystem,
    make_live,
    make_machine,
    original_of,
)

VARIABLES = (
    "LIVE_USERNAME", "LIVE_USER_FULLNAME", "LIVE_USER_DEFAULT_GROUPS", "LIVE_HOSTNAME",
    "LIVE_LOCALES", "LIVE_TIMEZONE", "LIVE_KEYBOARD_LAYOUTS", "LIVE_CONFIG_NOCOMPONENTS",
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_machine(tmp_path / "root")


def configured(root: Path, settings: LiveSettings) -> RecordingSystem:
    system, _changes = make_live(root, settings)
    return system


def sourced(settings: LiveSettings, before: str = "") -> dict[str, str]:
    """Read the file as live-config does: as shell."""
    shown = "\n".join(f'printf "%s\\0" "${{{name}}}"' for name in VARIABLES)
    script = f"set -e\n{before}\n{live.settings_text(settings)}\n{shown}\n"
    output = subprocess.run(
        ["sh", "-c", script], capture_output=True, check=True, text=True, env=dict(os.environ)
    ).stdout
    return dict(zip(VARIABLES, output.split("\0"), strict=False))


def test_values_survive_the_shell() -> None:
    name = 'O\'Neil; $(touch /tmp/x) `id` "q" \\ é'
    values = sourced(LiveSettings(user="demo", full_name=name, groups=("audio", "sudo")))
    assert values["LIVE_USER_FULLNAME"] == name
    assert values["LIVE_USERNAME"] == "demo"
    assert values["LIVE_USER_DEFAULT_GROUPS"] == "audio sudo"


def test_what_is_not_set_is_left_to_the_system() -> None:
    values = sourced(LiveSettings(), before="LIVE_LOCALES=xx; LIVE_CONFIG_NOCOMPONENTS=gdm3")
    assert values["LIVE_LOCALES"] == values["LIVE_TIMEZONE"] == ""
    assert values["LIVE_CONFIG_NOCOMPONENTS"] == "gdm3,locales,tzdata"


def test_what_is_set_reaches_live_config() -> None:
    values = sourced(LiveSettings(locale="de_DE.UTF-8", timezone="Europe/Rome", keyboard="de"))
    assert values["LIVE_LOCALES"] == "de_DE.UTF-8"
    assert values["LIVE_TIMEZONE"] == "Europe/Rome"
    assert values["LIVE_KEYBOARD_LAYOUTS"] == "de"
    assert values["LIVE_CONFIG_NOCOMPONENTS"] == ""


@pytest.mark.parametrize("zone", ["America/Argentina/Ushuaia", "UTC"])
def test_a_zone_that_live_config_would_split_wrongly_is_kept_from_it(zone: str) -> None:
    values = sourced(LiveSettings(timezone=zone, locale="C.UTF-8"))
    assert values["LIVE_TIMEZONE"] == ""
    assert values["LIVE_CONFIG_NOCOMPONENTS"] == "tzdata"


def test_the_time_zone_is_set_in_the_tree(root: Path) -> None:
    configured(root, LiveSettings(timezone="America/Argentina/Ushuaia"))
    target = (root / "etc/localtime").readlink()
    assert str(target) == "/usr/share/zoneinfo/America/Argentina/Ushuaia"


def test_an_unknown_time_zone_is_refused(root: Path) -> None:
    with pytest.raises(StepError, match="Mars/Olympus"):
        configured(root, LiveSettings(timezone="Mars/Olympus"))


@pytest.mark.parametrize("name", ["daemon", "sudo"])
def test_a_name_of_the_systems_own_is_refused_for_the_live_user(root: Path, name: str) -> None:
    with pytest.raises(StepError, match=f"cannot be called {name}"):
        configured(root, LiveSettings(user=name))


def test_the_name_of_a_removed_person_is_free(root: Path) -> None:
    ConfigureStep(
        root=root,
        source=original_of(root),
        source_date_epoch=CLOCK,
        journal=root.parent / "journal.json",
    ).run(RecordingSystem())
    configured(root, LiveSettings(user="alice"))
    assert "LIVE_USERNAME=alice" in (root / live.CONFIG.lstrip("/")).read_text()


@pytest.mark.parametrize(
    ("locale", "line"),
    [
        ("de_DE.UTF-8", "de_DE.UTF-8 UTF-8"),
        ("ca_ES.UTF-8@valencia", "ca_ES.UTF-8@valencia UTF-8"),
        ("it_IT.UTF-8", "it_IT.UTF-8 UTF-8"),
        ("xx_XX.UTF-8", "xx_XX.UTF-8 UTF-8"),
    ],
)
def test_the_locale_will_be_generated(root: Path, locale: str, line: str) -> None:
    system = configured(root, LiveSettings(locale=locale))
    assert (root / "etc/locale.conf").read_text() == f"LANG={locale}\n"
    assert (root / "etc/locale.gen").read_text().splitlines().count(line) == 1
    assert system.notes == []


def test_a_locale_that_cannot_be_generated_is_told(root: Path) -> None:
    status = root / "var/lib/dpkg/status"
    status.write_text(status.read_text().replace("Package: locales\n", "Package: other\n"))
    system = configured(root, LiveSettings(locale="de_DE.UTF-8"))
    assert [note for note in system.notes if "de_DE.UTF-8" in note]


@pytest.mark.parametrize("package", ["live-config", "user-setup"])
def test_what_keeps_the_live_user_from_being_made_is_told(root: Path, package: str) -> None:
    status = root / "var/lib/dpkg/status"
    status.write_text(status.read_text().replace(f"Package: {package}\n", "Package: other\n"))
    system = configured(root, LiveSettings(user="demo"))
    assert [package in note and "demo" in note for note in system.notes] == [True]


def test_the_keyboard_loses_the_variant_of_the_former_layout(root: Path) -> None:
    configured(root, LiveSettings(keyboard="de"))
    text = (root / "etc/default/keyboard").read_text()
    assert text == 'XKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBVARIANT=""\n'


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
    assert f"config={live.CONFIG}\n" in (root / SCRIPT.lstrip("/")).read_text()


def test_a_system_without_systemd_gets_no_boot_report(root: Path) -> None:
    shutil.rmtree(root / "usr/lib/systemd")
    system = configured(root, LiveSettings())
    assert not (root / SCRIPT.lstrip("/")).exists()
    assert [note for note in system.notes if "systemd" in note]
