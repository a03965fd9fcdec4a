"""People, data and settings in a fresh system, the same for the same recipe.

The files lie in `planted/`, a folder for each habit and one for what everybody has. A name that
ends in `.add` is appended to a file. Words between @ signs stand for values of the recipe, and for
numbers and keys that its name decides.
"""

import base64
import os
import random
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from tests.systems.recipe import Person, Recipe

PLANTED: Final = Path(__file__).parent / "planted"
_PERSON: Final = "person"
_WRITTEN: Final = 1780473600  # 2026-06-03 08:00:00 UTC, when all of it was written
_VALUE: Final = re.compile(r"@(HOST|USER|HEX|FAT|KEY|PRIVATE-KEY|UUID-[a-z0-9]+)@")
_ACCOUNT: Final = "acme"  # a vendor's, with a low number and a home in /opt
# Git keeps no modes, so those that matter are here; the first that fits counts.
_MODES: Final = (
    ("etc/NetworkManager/system-connections/*", 0o600),
    ("etc/netplan/*", 0o600),
    ("etc/keys/*", 0o400),
    ("etc/sudoers.d/*", 0o440),
    ("etc/doas.conf", 0o400),
    ("etc/iscsi/*", 0o600),
    ("etc/machine-id", 0o444),
    ("var/spool/cron/crontabs/*", 0o600),
    ("home/*/.ssh/*", 0o600),
    ("home/*/.bash_history", 0o600),
)


def plant(recipe: Recipe, tree: Path) -> None:
    """Turn a system as its installer leaves it into one that somebody has used."""
    values = _Values(recipe)
    (tree / "etc/resolv.conf").unlink(missing_ok=True)  # of the machine that made the tree
    for name, number in recipe.groups:
        _inside(tree, "groupadd", "--force", "--gid", str(number), name)
    _inside(tree, "useradd", "--system", "--home-dir", "/opt/acme", "--no-create-home", _ACCOUNT)
    for person in recipe.people:
        _add_account(tree, person)
    for habit in ("every", *recipe.habits):
        for source in _files(PLANTED / habit):
            _put(source, tree, source.relative_to(PLANTED / habit), values.filled)
    for person in recipe.people:
        _fill_home(tree, person, values)
    _name_server(tree)
    _enable(tree, ("every", *recipe.habits))


class _Values:
    """What the words between @ signs stand for in one system."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._user = recipe.people[0].name

    def filled(self, text: str, *, user: str | None = None) -> str:
        """Return a text with its words replaced."""
        return _VALUE.sub(lambda found: self._value(found[1], user or self._user), text)

    def _value(self, word: str, user: str) -> str:
        seeded = random.Random(f"{self._recipe.name} {user} {word}")  # noqa: S311 - no secret
        known = {"HOST": self._recipe.host_name, "USER": user}
        if word in known:
            return known[word]
        match word:
            case "HEX":
                return seeded.randbytes(16).hex()
            case "FAT":
                return "-".join(seeded.randbytes(2).hex().upper() for _ in range(2))
            case "KEY":
                return base64.b64encode(seeded.randbytes(33)).decode()
            case "PRIVATE-KEY":
                return _private_key(seeded)
            case _:
                return str(uuid.UUID(bytes=seeded.randbytes(16), version=4))


def _private_key(seeded: random.Random) -> str:
    """Return what looks like a key of OpenSSH, and is none."""
    body = base64.b64encode(b"openssh-key-v1\0" + seeded.randbytes(240)).decode()
    lines = [body[at : at + 70] for at in range(0, len(body), 70)]
    frame = "-----{} OPENSSH PRIVATE KEY-----"
    return "\n".join((frame.format("BEGIN"), *lines, frame.format("END")))


def _add_account(tree: Path, person: Person) -> None:
    known = {line.split(":")[0] for line in (tree / "etc/group").read_text().splitlines()}
    groups = ",".join(name for name in person.groups if name in known)
    _inside(
        tree, "useradd", "--create-home", "--uid", str(person.uid), "--shell", person.shell,
        "--comment", person.full_name, "--password", "$y$j9T$planted$planted",
        *(("--groups", groups) if groups else ()), person.name,
    )  # fmt: skip


def _fill_home(tree: Path, person: Person, values: _Values) -> None:
    home = tree / "home" / person.name
    owner = home.stat()
    for source in _files(PLANTED / _PERSON):
        name = Path("home", person.name, source.relative_to(PLANTED / _PERSON))
        _put(source, tree, name, lambda text: values.filled(text, user=person.name))
    (home / ".ssh").chmod(0o700)
    for path in home.rglob("*"):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _put(source: Path, tree: Path, name: Path, filled: Callable[[str], str]) -> None:
    added = name.suffix == ".add"
    name = Path(filled(os.fspath(name.with_suffix("") if added else name)))
    target = tree / name
    target.parent.mkdir(parents=True, exist_ok=True)
    text = filled(source.read_text("utf-8"))
    target.write_text((target.read_text("utf-8") if added else "") + text, "utf-8")
    usual = 0o755 if os.access(source, os.X_OK) else 0o644
    target.chmod(next((mode for glob, mode in _MODES if fnmatch(os.fspath(name), glob)), usual))
    os.utime(target, (_WRITTEN, _WRITTEN))


def _name_server(tree: Path) -> None:
    target = tree / "etc/resolv.conf"
    if (tree / "usr/lib/systemd/systemd-resolved").exists():
        target.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    else:
        target.write_text("nameserver 192.168.1.1\n", "utf-8")


def _enable(tree: Path, habits: tuple[str, ...]) -> None:
    """Enable every unit of ours that says where it wants to be, as its owner did."""
    for habit in habits:
        for unit in sorted((PLANTED / habit / "etc/systemd/system").glob("*")):
            if "[Install]" in unit.read_text("utf-8"):
                _inside(tree, "systemctl", "--quiet", "enable", unit.name)


def _inside(tree: Path, *argv: str) -> None:
    """Run a program of the tree in it: accounts are numbered by its own rules."""
    command = [shutil.which("chroot") or "/usr/sbin/chroot", os.fspath(tree), *argv]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, env=environment)
