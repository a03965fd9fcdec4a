"""What an installed system has of its own: disks, ids, keys, name, language and the first account.

Formats: fstab(5), machine-id(5), useradd(8), chpasswd(8), locale.gen of Debian's locales.
"""

import secrets
import uuid
from typing import Final

from builder.formats.answers import Answers
from builder.formats.recipe import LiveSettings
from builder.inside.installing.machine import Machine
from builder.inside.installing.volumes import Volumes
from builder.inside.rules.rule import add, expand, lines_of, put_lines
from builder.inside.session import names, regional
from builder.inside.tree.tree import Tree

# The units of ours that make keys where there are none; here they are made at once.
_OURS: Final = (
    "/etc/systemd/system/*.wants/distroclone-builder-*",
    "/usr/lib/systemd/system/distroclone-builder-*",
)
_SEED_BYTES: Final = 512  # as many as systemd-random-seed(8) saves
_MORE_GROUPS: Final = ("lpadmin",)
_SHELLS: Final = ("/bin/bash", "/bin/sh")
_GENERATED: Final = "/etc/locale.gen"
_KEY_MAKERS: Final = (  # the program, and what it is asked for
    ("/usr/bin/ssh-keygen", ("ssh-keygen", "-A"), "/usr/sbin/sshd"),
    (
        "/usr/sbin/make-ssl-cert",
        ("make-ssl-cert", "generate-default-snakeoil", "--force-overwrite"),
        "/usr/sbin/make-ssl-cert",
    ),
)


def write_settings(tree: Tree, answers: Answers, volumes: Volumes, machine: Machine) -> None:
    """Write what every installation has anew, and what the answers say."""
    for path in expand(tree, _OURS):
        tree.remove(path)
    add(tree, "/etc/fstab", volumes.fstab().encode())
    crypttab = volumes.crypttab()
    if crypttab is not None:
        add(tree, "/etc/crypttab", crypttab.encode())
    add(tree, "/etc/machine-id", f"{uuid.uuid4().hex}\n".encode(), mode=0o444)
    if tree.is_dir("/var/lib/systemd"):
        add(tree, "/var/lib/systemd/random-seed", secrets.token_bytes(_SEED_BYTES), mode=0o600)
    live = LiveSettings(
        hostname=answers.hostname,
        locale=answers.locale,
        keyboard=answers.keyboard,
        timezone=answers.timezone,
    )
    for rule in (*names.RULES, *regional.RULES):
        for warned in rule.edit(tree, live) if rule.edit is not None else ():
            machine.note(warned.message, **dict(warned.values))
    _make_locale(tree, answers.locale, machine)


def make_keys(tree: Tree, machine: Machine) -> None:
    """Make the keys of servers, as their packages do when they are installed."""
    for program, command, server in _KEY_MAKERS:
        if tree.is_file(program) and tree.is_file(server):
            machine.run(command, root=tree.root)


def make_account(tree: Tree, answers: Answers, machine: Machine) -> None:
    """Make the first user, who may become root; without sudo, root has the same password."""
    user = answers.user
    known = {line.partition(":")[0] for line in lines_of(tree, "/etc/group") or ()}
    groups = [each for each in (*LiveSettings().groups, *_MORE_GROUPS) if each in known]
    shell = next(filter(tree.is_file, _SHELLS), _SHELLS[-1])
    command = ["useradd", "--create-home", "--shell", shell, "--comment", user.full_name]
    command += ["--groups", ",".join(groups)] if groups else []
    machine.run([*command, user.name], root=tree.root)
    people = [user.name, *([] if tree.is_file("/usr/bin/sudo") else ["root"])]
    if "root" in people:
        machine.note("The system has no sudo, so root has the password of {user}", user=user.name)
    said = "".join(f"{name}:{user.password_hash}\n" for name in people)
    machine.run(["chpasswd", "--encrypted"], root=tree.root, stdin=said)


def _make_locale(tree: Tree, locale: str | None, machine: Machine) -> None:
    """Make the locale that the rule for live systems would make at their start."""
    if locale is None or not tree.exists(regional.UNIT):
        return
    tree.remove(regional.ENABLED)
    tree.remove(regional.UNIT)
    lines = lines_of(tree, _GENERATED)
    if lines is not None and tree.is_file("/usr/sbin/locale-gen"):
        charset = locale.partition("@")[0].partition(".")[2] or "ISO-8859-1"
        # Otherwise the next update of the C library would take it away.
        put_lines(tree, _GENERATED, [*lines, f"{locale} {charset}\n"])
        machine.run(["locale-gen"], root=tree.root)
        return
    command = regional.making_locale(tree, locale)
    if command is not None:
        machine.run(command.split(" "), root=tree.root)
