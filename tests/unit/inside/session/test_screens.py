"""Every login screen logs the live user in by itself, however it is configured."""

import tomllib
from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from builder.inside.session.ini import value_in, with_values
from tests.support.machines import make_live, make_machine
from tests.support.trees import put

USER = LiveSettings(user="demo")
SESSION = "[Desktop Entry]\nExec=startplasma-wayland --x\n"
PLASMA = {
    "usr/share/wayland-sessions/plasma.desktop": SESSION,
    "usr/bin/startplasma-wayland": "",
}
I3 = {"usr/share/xsessions/i3.desktop": "[Desktop Entry]\nExec=i3\n", "usr/bin/i3": ""}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_machine(tmp_path / "root")
    for name in ("gdm3", "lightdm", "sddm.conf.d", "greetd"):
        (root / "etc" / name).rename(root / "etc" / f"{name}.away")
    return root


def live(root: Path, program: str, files: dict[str, str]) -> None:
    """Make the live layer of a system with a login screen and some files."""
    put(root, program)
    for name, text in files.items():
        put(root, name, text)
    make_live(root, USER)


CASES: dict[str, tuple[str, dict[str, str], str, list[str]]] = {
    "gdm, as Debian configures it": (
        "usr/sbin/gdm3",
        {"etc/gdm3/daemon.conf": "[daemon]\n#x\n"},
        "etc/gdm3/daemon.conf",
        ["AutomaticLoginEnable=true", "AutomaticLogin=demo", "InitialSetupEnable=false", "#x"],
    ),
    "gdm, as Ubuntu configures it": (
        "usr/sbin/gdm3",
        {"etc/gdm3/custom.conf": "[daemon]\nAutomaticLogin = x\n[security]\n"},
        "etc/gdm3/custom.conf",
        ["AutomaticLogin=demo", "[security]"],
    ),
    "gdm without a file, on Ubuntu": (
        "usr/sbin/gdm3",
        {"etc/os-release": "ID=ubuntu\n"},
        "etc/gdm3/custom.conf",
        ["AutomaticLogin=demo"],
    ),
    "gdm without a file, on Debian": (
        "usr/sbin/gdm3",
        {"etc/os-release": "ID=debian\n"},
        "etc/gdm3/daemon.conf",
        ["AutomaticLogin=demo"],
    ),
    "lightdm with nothing but a section": (
        "usr/sbin/lightdm",
        {"etc/lightdm/lightdm.conf": "[Seat:*]\n"},
        "etc/lightdm/lightdm.conf",
        ["[Seat:*]", "autologin-user=demo"],
    ),
    "lightdm with somebody else": (
        "usr/sbin/lightdm",
        {"etc/lightdm/lightdm.conf": "[LightDM]\nx=1\n[Seat:*]\nautologin-user=a"},
        "etc/lightdm/lightdm.conf",
        ["x=1", "[Seat:*]", "autologin-user=demo"],
    ),
    "lightdm without a file": (
        "usr/sbin/lightdm",
        {},
        "etc/lightdm/lightdm.conf",
        ["[Seat:*]", "autologin-user=demo"],
    ),
    "sddm": (
        "usr/bin/sddm",
        PLASMA,
        "etc/sddm.conf.d/zz-distroclone-builder.conf",
        ["[Autologin]", "User=demo", "Session=plasma.desktop"],
    ),
    "sddm with the file that is read last": (
        "usr/bin/sddm",
        {"etc/sddm.conf": "[Autologin]\nUser=\n", **PLASMA},
        "etc/sddm.conf",
        ["User=demo", "Session=plasma.desktop"],
    ),
    "Plasma's own": (
        "usr/bin/plasmalogin",
        PLASMA,
        "etc/plasmalogin.conf.d/zz-distroclone-builder.conf",
        ["User=demo"],
    ),
    "greetd": (
        "usr/sbin/greetd",
        {"etc/greetd/config.toml": '[default_session]\nuser = "x"\n', **PLASMA},
        "etc/greetd/config.toml",
        ['user = "x"', "[initial_session]", 'command="startplasma-wayland --x"', 'user="demo"'],
    ),
    "lxdm": (
        "usr/sbin/lxdm",
        {"etc/lxdm/lxdm.conf": "[base]\n# autologin=a\n"},
        "etc/lxdm/lxdm.conf",
        ["autologin=demo"],
    ),
    "slim": (
        "usr/bin/slim",
        {"etc/slim.conf": "default_user a\n"},
        "etc/slim.conf",
        ["default_user demo", "auto_login yes"],
    ),
    "nodm": (
        "usr/sbin/nodm",
        {"etc/default/nodm": "NODM_USER=a\nNODM_ENABLED=no\n"},
        "etc/default/nodm",
        ["NODM_USER=demo", "NODM_ENABLED=true"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_login_screen_logs_the_live_user_in(root: Path, case: str) -> None:
    program, before, path, lines = CASES[case]
    live(root, program, before)
    found = (root / path).read_text().split("\n")
    assert [line for line in lines if line not in found] == []
    names = ("AutomaticLogin", "autologin-user", "default_user", "NODM_USER")
    said = [line for line in found if line.replace("=", " ").split(" ")[0] in names]
    assert len(said) <= 1


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("", "[s]\nk=v\n"),
        ("[s]\nk=1\nk=2\n", "[s]\nk=v\n"),
        ("[o]\nk=1", "[o]\nk=1\n\n[s]\nk=v\n"),
        ("[s]\n[o]\nk=1\n[s]\nk = 2\n", "[s]\nk=v\n[o]\nk=1\n[s]\n"),
        ("#[s]\n[s]\n#k=1\n", "#[s]\n[s]\nk=v\n#k=1\n"),
        ("[ s ]  # mine\nk=1\n[o] ; not\nk=1\n", "[ s ]  # mine\nk=v\n[o] ; not\nk=1\n"),
        ("[a][s]\nk=1\n", "[a][s]\nk=1\n\n[s]\nk=v\n"),
    ],
)
def test_a_value_is_set_once_in_its_section(lines: str, wanted: str) -> None:
    assert "".join(with_values(lines.splitlines(keepends=True), "s", {"k": "v"})) == wanted


def test_the_last_value_of_a_section_counts() -> None:
    lines = ["[o]\n", "k=1\n", "[s] # x\n", "k = 2\n", "#k=3\n", "[s]\n", "k=4=5\n", "[o]\n", "k=6"]
    assert value_in(lines, "s", "k") == "4=5"
    assert value_in(lines, "s", "other") is None


@pytest.mark.parametrize(
    ("named", "started"),
    [
        ("", "plasma.desktop"),
        ("i3", "i3.desktop"),
        ("i3.desktop", "i3.desktop"),
        ("/usr/share/xsessions/i3.desktop", "i3.desktop"),
        ("gone", "plasma.desktop"),
    ],
)
def test_the_session_that_the_system_names_is_started_if_it_is_there(
    root: Path, named: str, started: str
) -> None:
    settings = {"etc/sddm.conf.d/mine.conf": f"[Autologin]\nSession={named}\n"}
    live(root, "usr/bin/sddm", {**PLASMA, **I3, **settings})
    text = (root / "etc/sddm.conf.d/zz-distroclone-builder.conf").read_text()
    assert f"\nSession={started}\n" in text


@pytest.mark.parametrize(
    "entry",
    [
        "Exec=missing\n",
        "Exec=i3\nTryExec=missing\n",
        "Exec=i3\nTryExec=/usr/local/bin/i3\n",
        "Exec=i3\nHidden=true\n",
        "Exec=i3\nNoDisplay=true\n",
        "[Desktop Action x]\nExec=i3\n",
        "",
    ],
)
def test_a_session_that_cannot_be_started_is_not(root: Path, entry: str) -> None:
    files = {**I3, "usr/share/xsessions/i3.desktop": f"[Desktop Entry]\n{entry}"}
    live(root, "usr/bin/sddm", files)
    assert "Session" not in (root / "etc/sddm.conf.d/zz-distroclone-builder.conf").read_text()


@pytest.mark.parametrize(
    ("files", "session"),
    [
        ({**I3, "usr/bin/x-session-manager": ""}, None),
        (I3, "i3"),
        (PLASMA, "plasma"),
        ({**I3, "etc/lightdm/lightdm.conf": "[Seat:*]\nuser-session=gone\n"}, "i3"),
        ({**I3, **PLASMA, "etc/lightdm/lightdm.conf": "[Seat:*]\nuser-session=i3\n"}, None),
        ({**PLASMA, "etc/lightdm/lightdm.conf": "[Seat:*]\nautologin-session=lightdm-xsession\n"},
         "plasma"),
    ],
)  # fmt: skip
def test_lightdm_is_told_the_session_where_its_own_would_be_none(
    root: Path, files: dict[str, str], session: str | None
) -> None:
    before = files.get("etc/lightdm/lightdm.conf", "").split("\n")
    live(root, "usr/sbin/lightdm", files)
    lines = (root / "etc/lightdm/lightdm.conf").read_text().split("\n")
    ours = [line for line in lines if "-session=" in line and line not in before]
    assert ours == ([] if session is None else [f"autologin-session={session}"])


GREETD = '[terminal]\nvt = 7\n[default_session]\nuser = "_greetd"\ncommand = "tuigreet"\n'


@pytest.mark.parametrize(
    ("more", "files", "command"),
    [
        ("", PLASMA, "startplasma-wayland --x"),
        ("[initial_session] # mine\ncommand = 'x'\nuser = 'alice'\n", PLASMA,
         "startplasma-wayland --x"),
        ("", {**I3, "usr/bin/startx": ""}, "startx i3"),
        ("", {"usr/share/wayland-sessions/a.desktop": '[Desktop Entry]\nExec=a "b\\\\c"\n',
              "usr/bin/a": ""}, 'a "b\\\\c"'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["config.toml", "cosmic-greeter.toml"])
def test_greetd_starts_the_session_by_its_command(
    root: Path, name: str, more: str, files: dict[str, str], command: str
) -> None:
    live(root, "usr/sbin/greetd", {f"etc/greetd/{name}": GREETD + more, **files})
    found = tomllib.loads((root / "etc/greetd" / name).read_text())
    assert found["initial_session"] == {"command": command, "user": "demo"}
    assert found["default_session"]["user"] == "_greetd"


@pytest.mark.parametrize("files", [{}, I3])
def test_greetd_without_a_session_that_it_can_start_stays_as_it_is(
    root: Path, files: dict[str, str]
) -> None:
    live(root, "usr/sbin/greetd", {"etc/greetd/config.toml": GREETD, **files})
    assert (root / "etc/greetd/config.toml").read_text() == GREETD
