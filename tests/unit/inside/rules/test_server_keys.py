"""A server that was in the source has keys of its own again before it starts."""

import re
from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import Gone
from builder.inside.rules import RULES, server_keys
from builder.inside.tree.tree import Tree

UNITS = "usr/lib/systemd/system"
WANTED = "etc/systemd/system/multi-user.target.wants"


def apply(root: Path, *, rules: tuple[str, ...]) -> None:
    tree = Tree(root, clock=1_700_000_000)
    for rule in RULES:
        if rule.name in rules:
            rule.apply(tree, LiveSettings(), Gone(source=Tree(root), tree=tree, heir="user"))


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")


@pytest.mark.parametrize(
    ("program", "unit", "server", "keys"),
    [
        ("usr/sbin/sshd", "distroclone-builder-ssh-keys.service", "ssh.service", "ssh-keygen"),
        ("usr/sbin/xrdp", "distroclone-builder-xrdp-keys.service", "xrdp.service", "xrdp-keygen"),
        ("usr/sbin/make-ssl-cert", "distroclone-builder-snakeoil.service", "basic.target",
         "make-ssl-cert"),
    ],
)  # fmt: skip
def test_a_server_gets_a_unit_that_makes_its_keys_first(
    tmp_path: Path, program: str, unit: str, server: str, keys: str
) -> None:
    put(tmp_path, program, f"{UNITS}/{server}")
    apply(tmp_path, rules=tuple(each.name for each in server_keys.RULES))
    text = (tmp_path / UNITS / unit).read_text()
    before = re.search(r"^Before=(.*)$", text, re.MULTILINE)
    assert before is not None
    assert server in before[1].split()
    assert re.search(rf"^ExecStart=/usr/s?bin/{keys} ", text, re.MULTILINE)
    assert re.search(r"^ConditionPathExists(Glob)?=!", text, re.MULTILINE), "there may be some"
    assert str((tmp_path / WANTED / unit).readlink()) == f"/{UNITS}/{unit}"
    assert len(list((tmp_path / WANTED).iterdir())) == 1


@pytest.mark.parametrize("name", ["usr/sbin/sshd", f"{UNITS}/ssh.service"])
def test_without_a_server_or_systemd_there_is_no_unit(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    apply(tmp_path, rules=tuple(each.name for each in server_keys.RULES))
    assert not (tmp_path / WANTED).exists()


@pytest.mark.parametrize(
    ("path", "target", "stays"),
    [
        ("etc/dovecot/private/a.key", "/etc/ssl/private/ssl-cert-snakeoil.key", True),
        ("etc/dovecot/private/a.pem", "../../ssl/certs/ssl-cert-snakeoil.pem", True),
        ("etc/xrdp/key.pem", "/etc/ssl/private/../private/ssl-cert-snakeoil.key", True),
        ("etc/xrdp/key.pem", "/etc/ssl/private/firm.key", False),
        ("etc/xrdp/key.pem", "/etc/ssl/private/../../../srv/ssl-cert-snakeoil.key", False),
        ("etc/dovecot/private/a.key", "ssl-cert-snakeoil.key", False),
    ],
)
def test_a_link_to_a_key_that_is_made_at_boot_stays_and_no_other(
    tmp_path: Path, path: str, target: str, stays: bool
) -> None:
    link = tmp_path / path
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    apply(tmp_path, rules=("private-keys", "shared-services"))
    assert link.is_symlink() is stays


def test_a_key_under_the_name_of_one_that_is_made_at_boot_goes(tmp_path: Path) -> None:
    put(tmp_path, "etc/ssl/private/ssl-cert-snakeoil.key", "etc/ssh/ssh_host_rsa_key")
    apply(tmp_path, rules=("private-keys", "ssh-host-keys", "snakeoil-certificate"))
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
