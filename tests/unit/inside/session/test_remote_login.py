"""A live system's password stays at its own screens; the programs run, on a small root."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import Gone
from builder.inside.session import remote_login
from builder.inside.tree.tree import Tree

KNOWN = "8Ab05sVQ4LLps"  # of "live", in crypt(3)'s oldest form
OWN = "$6$salt$" + "x" * 86
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=="
STATE = "var/lib/distroclone-builder/live-login"
LINE = "auth sufficient pam_exec.so quiet expose_authtok /usr/lib/distroclone-builder/local-login\n"
PAM = "@include common-auth\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A live system in which something gave the user a password."""
    files = {
        "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nuser:x:1000:1000::/home/user:/bin/bash\n",
        "etc/shadow": f"root:*:1:::::: \ndaemon:!:1::::::\nuser:{KNOWN}:20000:0:99999:7:::\n",
        "etc/pam.d/login": PAM,
        "etc/pam.d/sshd": PAM,
        "etc/pam.d/something-new": PAM,
        "usr/lib/pam.d/polkit-1": PAM,
        "usr/lib/pam.d/cockpit": PAM,
        "usr/lib/systemd/system/multi-user.target": "",
        "usr/sbin/sshd": "",
        "home/user/.profile": "",
        "proc/cmdline": "quiet boot=live\n",
        "usr/bin/passwd": "#!/bin/sh\necho user L 2026-01-01 0 99999 7 -1\n",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "usr/bin/passwd").chmod(0o755)
    return tmp_path


def ruled(root: Path, settings: LiveSettings) -> list[str]:
    tree = Tree(root, clock=1_750_170_600)
    gone = Gone(source=tree, tree=tree, heir=settings.user)
    applied = (rule.apply(tree, settings, gone) for rule in remote_login.RULES)
    return [told.message for warned in applied for told in warned]


def boot(root: Path) -> None:
    program = root / remote_login.LIVE_LOGIN.lstrip("/")
    subprocess.run([program, root], check=True, capture_output=True)


def fields(root: Path) -> dict[str, str]:
    lines = (root / "etc/shadow").read_text().splitlines()
    return {line.split(":")[0]: line.split(":")[1] for line in lines}


def mask(root: Path) -> list[str]:
    early = root / "early"
    generator = root / remote_login.SCREENS.lstrip("/")
    subprocess.run([generator, "normal", early, "late", root], check=True)
    return sorted(each.name for each in early.iterdir()) if early.exists() else []


def test_no_account_has_a_password_that_a_service_could_ask_for(root: Path) -> None:
    ruled(root, LiveSettings())
    shadow = (root / "etc/shadow").read_text()
    boot(root)
    assert (root / "etc/shadow").read_text() == shadow.replace(KNOWN, "*")
    assert (root / STATE / "user").read_text() == f"{KNOWN}\n"


@pytest.mark.parametrize("hash_", ["", "$y$j9T$abc$def", "_J9..rasm"])
def test_whatever_password_is_new_counts_also_none_at_all(root: Path, hash_: str) -> None:
    ruled(root, LiveSettings())
    shadow = root / "etc/shadow"
    shadow.write_text(shadow.read_text().replace(KNOWN, hash_) + f"guest:{hash_}:1::::::")
    boot(root)
    assert fields(root) == {"root": "*", "daemon": "!", "user": "*", "guest": "*"}


def test_a_password_that_somebody_sets_later_stays_at_the_next_boot(root: Path) -> None:
    ruled(root, LiveSettings())
    boot(root)
    shadow = root / "etc/shadow"
    shadow.write_text(shadow.read_text().replace("user:*:", f"user:{OWN}:"))
    boot(root)
    assert fields(root)["user"] == OWN


def test_only_services_of_this_machines_own_screens_ask_for_the_known_password(root: Path) -> None:
    ruled(root, LiveSettings())
    boot(root)
    boot(root)
    found = {path.name: path.read_text() for path in (root / "etc/pam.d").iterdir()}
    assert found == {
        "login": LINE + PAM, "polkit-1": LINE + PAM, "sshd": PAM, "something-new": PAM,
    }  # fmt: skip
    assert (root / "usr/lib/pam.d/polkit-1").read_text() == PAM


def test_a_password_in_passwd_itself_ends_the_boot(root: Path) -> None:
    ruled(root, LiveSettings())
    passwd = root / "etc/passwd"
    passwd.write_text(passwd.read_text().replace("user:x:", "user::"))
    with pytest.raises(subprocess.CalledProcessError) as caught:
        boot(root)
    assert b"user has a " in caught.value.stderr
    unit = (root / "usr/lib/systemd/system/distroclone-builder-live-login.service").read_text()
    assert "\nOnFailure=emergency.target\nOnFailureJobMode=isolate\n" in unit


def test_with_remote_login_all_is_as_the_system_has_it(root: Path) -> None:
    ruled(root, LiveSettings(remote_login=True))
    shadow = (root / "etc/shadow").read_text()
    boot(root)
    assert (root / "etc/shadow").read_text() == shadow
    assert (root / "etc/pam.d/login").read_text() == PAM


def test_keys_without_a_server_are_told(root: Path) -> None:
    (root / "usr/sbin/sshd").unlink()
    assert [text for text in ruled(root, LiveSettings(authorized_keys=(KEY,))) if "no ssh" in text]
    assert ruled(root, LiveSettings()) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("etc/systemd/system/mine.service", '[Service]\nExecStart=sh -c "x11vnc -nopw"\n'),
        ("usr/lib/systemd/system/mine.service", "[Service]\nExecStart=\\\n /opt/bin/ttyd bash\n"),
        ("usr/local/lib/systemd/system/mine.service", "ExecStart=-/usr/bin/Xtigervnc :1\n"),
        ("etc/init.d/mine", "#!/bin/sh\nDAEMON=/usr/bin/wayvnc\n"),
    ],
)
def test_a_server_that_shows_the_screen_is_masked(root: Path, path: str, text: str) -> None:
    ruled(root, LiveSettings())
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    assert "mine.service" in mask(root)
    assert (root / "early/mine.service").readlink() == Path("/dev/null")


@pytest.mark.parametrize(
    "text",
    [
        "[Unit]\nDescription=After x11vnc\nAfter=x11vnc.service\n[Service]\nExecStart=/bin/true\n",
        "[Service]\n# ttyd\nExecStart=/usr/bin/gettyd\n",
        "[Service]\nExecStart=/usr/bin/xrdp\n",
    ],
)
def test_a_unit_that_only_mentions_one_stays(root: Path, text: str) -> None:
    ruled(root, LiveSettings())
    (root / "usr/lib/systemd/system/mine.service").write_text(text)
    assert mask(root) == []


@pytest.mark.parametrize("installed", [True, False])
def test_nothing_is_masked_where_it_should_not_be(root: Path, *, installed: bool) -> None:
    ruled(root, LiveSettings(remote_login=not installed))
    (root / "usr/lib/systemd/system/mine.service").write_text("ExecStart=x11vnc\n")
    if installed:
        (root / "proc/cmdline").write_text("root=UUID=1 quiet noboot=live\n")
    assert mask(root) == []


def test_screens_that_are_offered_to_other_machines_are_closed(root: Path) -> None:
    lightdm = root / "etc/lightdm/lightdm.conf"
    lightdm.parent.mkdir()
    lightdm.write_text("[VNCServer]\nenabled=true\n")
    gdm = root / "etc/gdm3/daemon.conf"
    gdm.parent.mkdir()
    gdm.write_text("[xdmcp]\nEnable=true\n")
    ruled(root, LiveSettings())
    boot(root)
    assert lightdm.read_text().endswith(
        "[VNCServer]\nenabled=false\n\n[XDMCPServer]\nenabled=false\n"
    )
    assert gdm.read_text().endswith("[xdmcp]\nEnable=false\n")


def asked(root: Path, password: str, said: Mapping[str, str]) -> bool:
    environment = {"PAM_USER": "user", "PAM_TYPE": "auth", "PAM_SERVICE": "lightdm", **said}
    program = root / remote_login.LOCAL_LOGIN.lstrip("/")
    done = subprocess.run(
        [program, root], input=f"{password}\0".encode(), env=environment, check=False
    )
    return done.returncode == 0


@pytest.fixture
def up(root: Path) -> Path:
    ruled(root, LiveSettings())
    boot(root)
    return root


@pytest.mark.parametrize(
    ("service", "tty"),
    [
        ("lightdm", ":0"), ("gdm-password", "/dev/tty2"), ("swaylock", ""), ("login", "/dev/tty1"),
        ("login", "ttyS0"), ("login", "ttyAMA0"), ("sudo", "/dev/pts/3"),
    ],
)  # fmt: skip
def test_the_password_is_good_here(up: Path, service: str, tty: str) -> None:
    said = {"PAM_SERVICE": service, "PAM_TTY": tty}
    assert asked(up, "live", said)
    assert not asked(up, "Live", said)
    assert not asked(up, "", said)


@pytest.mark.parametrize(
    "said",
    [
        {"PAM_RHOST": "192.0.2.1"},
        {"PAM_TTY": "host:0"},
        {"PAM_TTY": "localhost:10.0"},
        {"PAM_SERVICE": "login", "PAM_TTY": "pts/0"},
        {"PAM_SERVICE": "login", "PAM_TTY": ""},
        {"PAM_USER": "root"},
        {"PAM_USER": "../live-login/user"},
        {"PAM_TYPE": "account"},
    ],
)
def test_it_is_not_from_elsewhere_or_for_others(up: Path, said: Mapping[str, str]) -> None:
    assert not asked(up, "live", said)


def test_it_is_not_in_an_installed_system(up: Path) -> None:
    (up / "proc/cmdline").write_text("root=UUID=1 quiet\n")
    assert not asked(up, "live", {})


def test_it_is_not_once_the_user_has_another_one(up: Path) -> None:
    (up / "usr/bin/passwd").write_text("#!/bin/sh\necho user P 2026-01-01 0 99999 7 -1\n")
    assert not asked(up, "live", {})
