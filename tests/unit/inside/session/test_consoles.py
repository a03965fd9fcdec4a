"""Consoles log the live user in, and the first one starts the session where nothing else does."""

import subprocess
from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from tests.support.machines import make_live, make_machine
from tests.support.trees import put

USER = LiveSettings(user="demo")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_machine(tmp_path / "root")


def test_consoles_log_in_too(root: Path) -> None:
    make_live(root, USER)
    for unit in ("getty@.service.d", "serial-getty@.service.d"):
        (drop_in,) = (root / "etc/systemd/system" / unit).glob("zz-*.conf")
        assert "--autologin demo" in drop_in.read_text()


X = {"usr/bin/startx": "", "usr/bin/x-session-manager": "", "usr/bin/xfce4-session": "",
     "usr/share/xsessions/xfce.desktop": "[Desktop Entry]\nExec=xfce4-session\n"}  # fmt: skip
SWAY = {"usr/bin/sway": "",
        "usr/share/wayland-sessions/sway.desktop": "[Desktop Entry]\nExec=sway\n"}  # fmt: skip
PROFILE = "etc/profile.d/zz-distroclone-builder-session.sh"


@pytest.mark.parametrize(
    ("files", "command"), [(X, "startx"), (SWAY, "sway"), (X | SWAY, "startx")]
)
def test_without_a_login_screen_the_first_console_starts_the_session(
    root: Path, files: dict[str, str], command: str
) -> None:
    for name, text in files.items():
        put(root, name, text)
    make_live(root, USER)
    assert f"\n    {command}\n" in (root / PROFILE).read_text()


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"usr/bin/startx": "", "usr/bin/x-window-manager": ""},  # on a server
        {**X, "usr/sbin/lightdm": ""},
        {name: text for name, text in X.items() if name != "usr/bin/startx"},
    ],
)
def test_elsewhere_it_starts_nothing(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        put(root, name, text)
    make_live(root, USER)
    assert not (root / PROFILE).exists()


def test_who_chose_the_console_gets_the_console(root: Path) -> None:
    for name, text in X.items():
        put(root, name, text)
    target = root / "etc/systemd/system/default.target"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to("/usr/lib/systemd/system/multi-user.target")
    make_live(root, USER)
    assert not (root / PROFILE).exists()


def test_a_login_screen_that_waits_for_somebody_makes_way(root: Path) -> None:
    for name, text in X.items():
        put(root, name, text)
    put(root, "usr/bin/xdm")
    units = root / "etc/systemd/system"
    (units / "display-manager.service").symlink_to("/usr/lib/systemd/system/xdm.service")
    make_live(root, USER)
    masked = [(units / name).readlink() for name in ("xdm.service", "display-manager.service")]
    assert masked == [Path("/dev/null")] * 2
    assert not (units / "wdm.service").is_symlink()


@pytest.mark.parametrize(
    ("terminal", "user", "started"),
    [("/dev/tty1", "demo", 1), ("/dev/tty2", "demo", 0), ("/dev/tty1", "root", 0)],
)
def test_the_session_starts_once_on_the_first_console_alone(
    root: Path, tmp_path: Path, terminal: str, user: str, started: int
) -> None:
    for name, text in SWAY.items():
        put(root, name, text)
    make_live(root, USER)
    programs = {"tty": f"echo {terminal}", "id": f"echo {user}", "sway": "echo started"}
    for name, text in programs.items():
        put(tmp_path, f"bin/{name}", f"#!/bin/sh\n{text}\n").chmod(0o755)
    environment = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "XDG_RUNTIME_DIR": f"{tmp_path}"}
    done = [
        subprocess.run(
            ["sh", "-eu", root / PROFILE], env=environment, capture_output=True, check=True
        ).stdout.count(b"started")
        for _again in range(2)
    ]
    assert done == [started, 0]
