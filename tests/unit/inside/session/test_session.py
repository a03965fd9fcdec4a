"""A live session starts by itself, may do everything, and is left in peace."""

from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from builder.inside.session.quiet import SILENCED
from tests.support.machines import make_live, make_machine

USER = LiveSettings(user="demo")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_machine(tmp_path / "root")
    (root / "usr/bin").mkdir(parents=True, exist_ok=True)
    (root / "usr/sbin").mkdir(parents=True, exist_ok=True)
    return root


def put(root: Path, path: str, text: str = "") -> Path:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    return target


def test_what_an_installed_system_does_by_itself_is_masked_where_it_is(root: Path) -> None:
    units = [unit for each in SILENCED for unit in each.units]
    for unit in units[:4]:
        put(root, f"usr/lib/systemd/system/{unit}")
    make_live(root, USER)
    masked = {
        path.name
        for path in (root / "etc/systemd/system").iterdir()
        if path.is_symlink() and str(path.readlink()) == "/dev/null"
    }
    assert masked == set(units[:4])


def test_a_unit_that_systemd_makes_of_a_script_is_masked_too(root: Path) -> None:
    put(root, "etc/init.d/usbguard", "#!/bin/sh\n")
    make_live(root, USER)
    assert (root / "etc/systemd/system/usbguard.service").readlink() == Path("/dev/null")


def test_jobs_on_the_disks_of_others_are_left_out_and_other_jobs_stay(root: Path) -> None:
    for name in ("timeshift-hourly", "local-report"):
        put(root, f"etc/cron.d/{name}", "0 * * * * root true\n")
    make_live(root, USER)
    assert [path.name for path in (root / "etc/cron.d").iterdir()] == ["local-report"]


def test_the_host_name_is_the_live_systems(root: Path) -> None:
    make_live(root, LiveSettings(hostname="elsewhere"))
    assert (root / "etc/hostname").read_text() == "elsewhere\n"
    assert "127.0.1.1\telsewhere\n" in (root / "etc/hosts").read_text()


@pytest.mark.parametrize(
    ("path", "text", "stays"),
    [
        ("etc/X11/xorg.conf", 'Section "Device"\n Driver "nvidia"\n BusID "PCI:1:0:0"\n', False),
        ("etc/X11/xorg.conf.d/20-intel.conf", '  section "device"\n', False),
        ("etc/X11/xorg.conf.d/10-monitor.conf", 'Section "Monitor"\n', False),
        ("etc/X11/xorg.conf.d/00-keyboard.conf", 'Section "InputClass"\n', True),
        ("etc/X11/xorg.conf.d/90-x.conf", '# Section "Device"\n', True),
        ("etc/fancontrol", "INTERVAL=10\n", False),
    ],
)
def test_hardware_is_what_the_machine_has(root: Path, path: str, text: str, *, stays: bool) -> None:
    put(root, path, text)
    make_live(root, USER)
    assert (root / path).exists() is stays


def test_a_list_of_blocked_hosts_is_no_obstacle(root: Path) -> None:
    hosts = put(root, "etc/hosts", "127.0.0.1 localhost\n" + "0.0.0.0 example.org\n" * 1_200_000)
    make_live(root, LiveSettings(hostname="elsewhere"))
    assert "127.0.1.1\telsewhere\n" in hosts.read_text()
    assert hosts.stat().st_size > 22 << 20


def test_whoever_took_a_persons_place_is_the_live_user(root: Path) -> None:
    put(root, "etc/ssh/sshd_config", "AllowUsers live-user git\n")
    put(root, "etc/app.conf", "dir=/home/live-user/x\nother=my-live-user\n")
    put(root, "etc/untouched.conf", "user=user\n")
    _system, changes = make_live(root, USER)
    assert (root / "etc/ssh/sshd_config").read_text() == "AllowUsers demo git\n"
    assert (root / "etc/app.conf").read_text() == "dir=/home/demo/x\nother=my-live-user\n"
    assert "/etc/untouched.conf" not in {each.path for each in changes}
