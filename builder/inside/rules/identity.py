"""The identity of the source machine: ids and keys that must be new on every live system."""

from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add
from builder.inside.tree.tree import Tree


def _empty_machine_id(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    add(tree, "/etc/machine-id", b"", mode=0o444)
    if tree.is_dir("/var/lib/dbus"):
        tree.symlink("/var/lib/dbus/machine-id", "/etc/machine-id")
    return ()


RULES: Final = (
    Rule(
        name="machine-id",
        reason="identifies the machine; it must exist but be empty, so that every boot makes a new "
        "one (a missing one would count as a first boot)",
        edits=("/etc/machine-id", "/var/lib/dbus/machine-id"),
        edit=_empty_machine_id,
    ),
    Rule(
        name="ssh-host-keys",
        reason="anybody with the ISO could pose as the source machine; new ones are made at boot",
        removes=("/etc/ssh/ssh_host_*", "/etc/dropbear/dropbear_*_host_key",
                 "/etc/dropbear/initramfs/dropbear_*_host_key",
                 "/etc/dropbear/initramfs/authorized_keys",
                 "/etc/dropbear-initramfs/dropbear_*_host_key",
                 "/etc/dropbear-initramfs/authorized_keys"),
    ),
    Rule(
        name="random-seed",
        reason="a random seed that is public is useless",
        removes=("/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed",
                 "/var/lib/random-seed"),
    ),
    Rule(
        name="system-credentials",
        reason="the key that encrypts this machine's credentials, and those credentials",
        removes=("/var/lib/systemd/credential.secret", "/etc/credstore/*",
                 "/etc/credstore.encrypted/*", "/var/lib/systemd/home/*"),
    ),
    Rule(
        name="snakeoil-certificate",
        reason="the private key of the machine's own certificate; a new one is made at boot",
        removes=("/etc/ssl/private/ssl-cert-snakeoil.key",
                 "/etc/ssl/certs/ssl-cert-snakeoil.pem"),
    ),
    Rule(
        name="survey-id",
        reason="identifies the machine to a package survey or to support tools",
        removes=("/etc/popularity-contest.conf", "/var/lib/popularity-contest/*",
                 "/var/lib/ubuntu-advantage/private/*", "/var/lib/whoopsie/*"),
    ),
)  # fmt: skip
