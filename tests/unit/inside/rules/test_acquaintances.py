"""Other people and machines: who may log in, who is told, who made a package, who is near."""

from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import Gone
from builder.inside.rules import RULES
from builder.inside.tree.tree import Tree


def put(root: Path, path: str, text: str = "x\n") -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def apply(root: Path, name: str, *, source: Path | None = None) -> None:
    tree = Tree(root, clock=1_700_000_000)
    gone = Gone(source=Tree(source or root), tree=tree, heir="user")
    (rule,) = (each for each in RULES if each.name == name)
    rule.apply(tree, LiveSettings(), gone)


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("AuthorizedKeysFile /etc/ssh/keys/%u .ssh/authorized_keys", "etc/ssh/keys/root"),
        ("AuthorizedKeysFile=/srv/keys/%u/keys", "srv/keys/zoltan/keys"),
        ('authorizedkeysfile "/etc/ssh/all"', "etc/ssh/all"),
        ("TrustedUserCAKeys /etc/ssh/user_ca.pub", "etc/ssh/user_ca.pub"),
        ("AuthorizedPrincipalsFile /etc/ssh/who/%u", "etc/ssh/who/root"),
    ],
)
@pytest.mark.parametrize("settings", ["sshd_config", "sshd_config.d/50-own.conf"])
def test_keys_that_sshd_trusts_go_wherever_they_are(
    tmp_path: Path, setting: str, path: str, settings: str
) -> None:
    put(tmp_path, f"etc/ssh/{settings}", f"Port 22\n{setting}\n")
    key, other = put(tmp_path, path), put(tmp_path, "etc/ssh/other")
    apply(tmp_path, "trusted-keys")
    assert not key.exists()
    assert other.exists()
    assert (tmp_path / f"etc/ssh/{settings}").read_text().startswith("Port 22\n")


def test_a_name_that_is_the_users_alone_takes_no_settings_of_ssh_along(tmp_path: Path) -> None:
    put(tmp_path, "etc/ssh/sshd_config", "AuthorizedKeysFile /etc/ssh/%u\n")
    key, primes = put(tmp_path, "etc/ssh/zoltan"), put(tmp_path, "etc/ssh/moduli")
    apply(tmp_path, "trusted-keys")
    assert not key.exists()
    assert primes.exists()
    assert (tmp_path / "etc/ssh/sshd_config").exists()


@pytest.mark.parametrize(
    "setting",
    ["AuthorizedKeysFile .ssh/keys", "AuthorizedKeysFile %h/.ssh/keys", "AuthorizedKeysFile none",
     "# TrustedUserCAKeys /etc/ssh/other", "AuthorizedKeysFile /%u", "AuthorizedKeysFile /etc/ssh"],
)  # fmt: skip
def test_other_settings_of_sshd_remove_nothing(tmp_path: Path, setting: str) -> None:
    put(tmp_path, "etc/ssh/sshd_config", f"{setting}\n")
    other = put(tmp_path, "etc/ssh/other")
    apply(tmp_path, "trusted-keys")
    assert other.exists()


NOTICES = (
    ("etc/aliases", "root: zoltan@acme.example, x@y.example\n", "root: root, root\n"),
    ("etc/aliases", "postmaster: root\n# a@b.example\n", "postmaster: root\n# root\n"),
    ("etc/cron.d/x", "MAILTO=z@acme.example\n", "MAILTO=root\n"),
    ("etc/cron.d/x", "1 * * * * root rsync z@nas.acme.example:/x /y\n", None),
    ("etc/mdadm/mdadm.conf", "MAILADDR z@acme.example\n", "MAILADDR root\n"),
    ("etc/smartd.conf", "DEVICESCAN -a -m z@acme.example\n", "DEVICESCAN -a -m root\n"),
    ("etc/apt/apt.conf.d/5", 'U::Mail "z@acme.example";\n', 'U::Mail "root";\n'),
    ("etc/fail2ban/jail.local", "destemail = z@acme.example\n", "destemail = root\n"),
    ("etc/monit/conf.d/x", "set alert z@acme.example\n", "set alert root\n"),
    ("etc/default/x", 'EMAIL="webmaster@example.com"\n', None),
    ("etc/default/x", "PROXY=http://mail@proxy.acme.example:3128/\n", None),
)


@pytest.mark.parametrize(("path", "before", "after"), NOTICES)
def test_root_is_told_instead_of_a_person(
    tmp_path: Path, path: str, before: str, after: str | None
) -> None:
    file = put(tmp_path, path, before)
    apply(tmp_path, "notices")
    assert file.read_text() == (before if after is None else after)


@pytest.mark.parametrize(
    "maker",
    ["Zoltan <zoltan@wuppertal>", "root@wuppertal", "Z <z@wuppertal.acme.example>",
     "Equivs <root@Box.lan>"],
)  # fmt: skip
def test_a_package_that_was_made_on_the_machine_does_not_say_where(
    tmp_path: Path, maker: str
) -> None:
    source, root = tmp_path / "source", tmp_path / "root"
    put(source, "etc/hostname", "wuppertal\n")
    put(source, "etc/hosts", "127.0.1.1\tbox.lan box\n10.0.0.1\tdebian\n")
    text = f"Package: own\nMaintainer: {maker}\nVersion: 1\n\n"
    others = "Package: a\nMaintainer: A <a@debian.org>\nDescription: by z@wuppertal\n"
    status = put(root, "var/lib/dpkg/status", text + others)
    apply(root, "package-makers", source=source)
    assert status.read_text() == text.replace(maker, "unknown") + others


HOSTS = (
    ("192.168.1.9\tprinter\n", False),
    ("10.9.8.7 payroll.acme.example payroll # ours\n", False),
    ("fd00:1::7\tnas\n", False),
    ("100.64.0.3 phone\n", False),
    ("169.254.7.7 camera\n", False),
    ("0.0.0.0 ads.example\n", True),
    ("127.0.0.53 x\n", True),
    ("ff02::1 ip6-allnodes\n", True),
    ("fe00::0 ip6-localnet\n", True),
    ("1.1.1.1 resolver\n", True),
    ("# 192.168.1.9 is nobody\n", True),
    ("no-address at-all\n", True),
)


@pytest.mark.parametrize(("line", "stays"), HOSTS)
def test_machines_of_the_own_networks_are_not_named(
    tmp_path: Path, line: str, *, stays: bool
) -> None:
    put(tmp_path, "etc/hostname", "wuppertal\n")
    hosts = put(tmp_path, "etc/hosts", f"127.0.0.1\tlocalhost\n{line}")
    apply(tmp_path, "host-name")
    assert (line in hosts.read_text()) is stays


@pytest.mark.parametrize(
    "parameter",
    ["ip=192.168.7.5::192.168.7.1:255.255.255.0::eth0:off", "netroot=iscsi:1.2.3.4::",
     "rd.iscsi.password=x", "rd.lvm.lv=vg/root", "netconsole=@10.0.0.1/eth0", "resume=UUID=1-2",
     "root=UUID=1-2", "nfsroot=10.0.0.1:/x", "systemd.hostname=wuppertal", "ifname=eth0:3c:22"],
)  # fmt: skip
def test_the_boot_does_not_wait_for_the_own_disks_and_networks(
    tmp_path: Path, parameter: str
) -> None:
    grub = put(tmp_path, "etc/default/grub", f'GRUB_CMDLINE_LINUX="quiet {parameter} splash"\n')
    apply(tmp_path, "resume-device")
    assert grub.read_text() == 'GRUB_CMDLINE_LINUX="quiet splash"\n'


def test_other_parameters_stay(tmp_path: Path) -> None:
    text = 'GRUB_CMDLINE_LINUX="zip=1 ipv6.disable=1 rd.driver.pre=x rootdelay=5"\n'
    grub = put(tmp_path, "etc/default/grub", text)
    apply(tmp_path, "resume-device")
    assert grub.read_text() == text


@pytest.mark.parametrize("path", ["conf.d/ip", "initramfs.conf"])
def test_an_initramfs_sets_up_no_network_of_the_source(tmp_path: Path, path: str) -> None:
    text = "IP=192.168.7.5::192.168.7.1:255.255.255.0::eth0\nDEVICE=eth0\nMODULES=most\nDEVICE=\n"
    file = put(tmp_path, f"etc/initramfs-tools/{path}", text)
    apply(tmp_path, "resume-device")
    assert file.read_text() == "MODULES=most\nDEVICE=\n"
