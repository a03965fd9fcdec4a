"""The live user may do everything at this machine, with whatever the system has for that."""

import shutil
import subprocess
from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from builder.inside.session.rights import DOAS, PKLA, POLKIT, SUDOERS
from tests.support.machines import make_live, make_machine
from tests.support.trees import put

USER = LiveSettings(user="demo")
RULE = "demo ALL=(ALL:ALL) NOPASSWD: ALL\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_machine(tmp_path / "root")


@pytest.mark.parametrize("program", ["usr/bin/sudo", "usr/lib/cargo/bin/sudo"])
def test_sudo_asks_the_live_user_for_nothing(root: Path, program: str) -> None:
    put(root, program)
    make_live(root, USER)
    rule = root / SUDOERS.lstrip("/")
    assert rule.stat().st_mode & 0o777 == 0o440
    assert rule.read_text() == RULE


@pytest.mark.parametrize(
    ("main", "added"),
    [
        ("@includedir /etc/sudoers.d\n", ""),
        ("#includedir /etc/sudoers.d\n# the end\n\n", ""),
        ('@includedir "/etc/sudoers.d/" # all\n', ""),
        ("@includedir /etc/sudoers.d\n%sudo ALL=(ALL) ALL\n", RULE),
        ("@includedir /etc/sudoers.d\n#1000 ALL=(ALL) ALL\n", RULE),
        ("root ALL=(ALL) ALL", f"\n{RULE}"),
        ("@includedir /etc/elsewhere\n", RULE),
    ],
)
@pytest.mark.parametrize("name", ["sudoers", "sudoers-rs"])
def test_of_all_rules_in_sudoers_ours_is_the_last(
    root: Path, name: str, main: str, added: str
) -> None:
    put(root, "usr/bin/sudo")
    put(root, f"etc/{name}", main)
    make_live(root, USER)
    assert (root / "etc" / name).read_text() == main + added


def test_sudo_itself_finds_no_fault(root: Path) -> None:
    visudo = shutil.which("visudo", path="/usr/sbin:/usr/bin")
    put(root, "usr/bin/sudo")
    put(root, "etc/sudoers", "Defaults env_reset\n%sudo ALL=(ALL:ALL) ALL\n")
    make_live(root, USER)
    if visudo is None:  # on machines without sudo, the text alone is looked at
        assert (root / "etc/sudoers").read_text().endswith(RULE)
        return
    for path in ("etc/sudoers", SUDOERS.lstrip("/")):
        subprocess.run([visudo, "-c", "-q", "-f", root / path], check=True)


def test_without_sudo_the_live_user_becomes_root_with_su(root: Path) -> None:
    put(root, "etc/pam.d/su", "auth sufficient pam_rootok.so\n")
    make_live(root, USER)
    first, second = (root / "etc/pam.d/su").read_text().splitlines()
    assert first == "auth sufficient pam_succeed_if.so quiet use_uid user = demo"
    assert second == "auth sufficient pam_rootok.so"
    assert not (root / SUDOERS.lstrip("/")).exists()


def test_polkit_lets_whoever_is_at_the_machine(root: Path) -> None:
    put(root, "usr/lib/polkit-1/polkitd")
    make_live(root, USER)
    text = (root / POLKIT.lstrip("/")).read_text()
    assert 'subject.user == "demo" && subject.local' in text
    assert not (root / PKLA.lstrip("/")).exists()


def test_an_older_polkit_reads_a_list_of_its_own(root: Path) -> None:
    put(root, "usr/libexec/polkitd")
    (root / "etc/polkit-1/localauthority").mkdir(parents=True)
    make_live(root, USER)
    lines = (root / PKLA.lstrip("/")).read_text().split("\n")
    assert {"Identity=unix-user:demo", "Action=*", "ResultAny=no", "ResultActive=yes"} <= set(lines)


@pytest.mark.parametrize("before", ["", "permit persist :wheel"])
def test_doas_asks_for_nothing_either(root: Path, before: str) -> None:
    put(root, "usr/bin/doas")
    if before:
        put(root, DOAS.lstrip("/"), before)
    make_live(root, USER)
    text = (root / DOAS.lstrip("/")).read_text()
    assert text == (f"{before}\n" if before else "") + "permit nopass demo\n"
