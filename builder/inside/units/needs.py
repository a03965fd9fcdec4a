"""Whether a unit can still do its work: what its settings need, and whether that is gone."""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.references import paths_in
from builder.inside.leftovers.texts import is_comment, read_lines
from builder.inside.units.databases import has_lost_data
from builder.inside.units.folders import values
from builder.inside.units.text import Setting, parsed, unescaped

_USERS: Final = ("User", "SocketUser")
_GROUPS: Final = ("Group", "SupplementaryGroups", "SocketGroup")
_MADE: Final = {"StateDirectory": "/var/lib", "ConfigurationDirectory": "/etc"}
# What is missing there makes the start of a unit fail; a leading "-" says that it may be missing.
_NEEDED: Final = (
    "WorkingDirectory", "RootDirectory", "RootImage", "EnvironmentFile", "LoadCredential",
    "LoadCredentialEncrypted", "RequiresMountsFor", "BindPaths", "BindReadOnlyPaths",
    "ReadWritePaths", "ReadOnlyPaths", "ReadWriteDirectories", "ReadOnlyDirectories", "What",
    "Where", "AssertPathExists", "AssertFileNotEmpty", "AssertDirectoryNotEmpty",
    "AssertPathIsDirectory", "AssertFileIsExecutable", "PathExists", "PathChanged",
    "PathModified", "PathExistsGlob", "DirectoryNotEmpty",
)  # fmt: skip
_WITHOUT_NEED: Final = ("Documentation", "Description", "InaccessiblePaths", "PIDFile",
                        "TemporaryFileSystem", "ExecPaths", "NoExecPaths")  # fmt: skip
_SEARCH_PATH: Final = re.compile(r"\bPATH=\S+")  # folders that may be missing
_STARTERS: Final = "@:+!|"
_LARGEST_SETTINGS: Final = 1 << 20  # bytes of a file that a command line names
# Programs that run things out of a store of their own, which is never copied or was left out.
_STORES: Final = {
    "docker": "/var/lib/docker", "docker-compose": "/var/lib/docker",
    "podman": "/var/lib/containers", "podman-compose": "/var/lib/containers",
    "systemd-nspawn": "/var/lib/machines", "lxc-start": "/var/lib/lxc", "lxc": "/var/lib/lxd",
    "incus": "/var/lib/incus", "virsh": "/var/lib/libvirt/images", "snap": "/var/lib/snapd",
    "nerdctl": "/var/lib/containerd", "ctr": "/var/lib/containerd",
}  # fmt: skip


def refers_to_gone(name: str, settings: list[Setting], gone: Gone, *, packaged: bool) -> bool:
    """Whether a unit names what is gone, and so would fail, wait, or run for nobody.

    A package's unit only counts where its start fails; of others, each mention does.
    """
    made = {
        f"{_MADE[each.key]}/{part.split(':')[0]}"
        for each in settings
        if each.key in _MADE
        for part in each.value.split()
    }
    return (
        _is_of_gone_person(settings, gone)
        or _is_instance_of_gone(name, gone)
        or _is_gone_mount(name, gone)
        or any(gone.path(path) for path in _needed(settings, packaged=packaged) if path not in made)
        or _has_gone_settings(settings, gone, packaged=packaged)
        or (not packaged and _has_gone_store(settings, gone))
        or any(has_lost_data(each, gone) for each in _data_names(name, settings))
    )


def needs_of_drop_in(settings: list[Setting], gone: Gone) -> bool:
    """Whether a drop-in by itself names what is gone."""
    return _is_of_gone_person(settings, gone) or any(
        gone.path(path) for path in _needed(settings, packaged=False)
    )


def _is_of_gone_person(settings: list[Setting], gone: Gone) -> bool:
    users = {word for value in values(settings, *_USERS) for word in value.split()}
    groups = {word for value in values(settings, *_GROUPS) for word in value.split()}
    return bool(users & gone.users or groups & gone.groups)


def _is_instance_of_gone(name: str, gone: Gone) -> bool:
    """syncthing@alice, wg-quick@wg0: a person, or a file of settings, or a machine."""
    instance = parsed(name).instance or ""
    if not instance or parsed(name).prefix in ("user", "user-runtime-dir"):
        return False  # user@1000 is whoever logs in
    return instance in gone.users or bool({instance, unescaped(instance)} & gone.instances)


def _is_gone_mount(name: str, gone: Gone) -> bool:
    unit = parsed(name)
    return unit.kind in ("mount", "automount", "swap") and gone.path(f"/{unescaped(unit.prefix)}")


def _needed(settings: list[Setting], *, packaged: bool) -> Iterator[str]:
    for each in settings:
        if each.key.startswith("Exec") and each.section == "Service":
            yield from _of_command(each.value, packaged=packaged)
        elif each.key in _NEEDED or (not packaged and each.key not in _WITHOUT_NEED):
            yield from _paths(_SEARCH_PATH.sub("", each.value))


def _paths(value: str) -> Iterator[str]:
    for word in value.split():
        if not word.startswith(("-", "!", "|!")):
            yield from paths_in(word.lstrip(_STARTERS))
    yield from (path for path in paths_in(value) if " " in path)


def _of_command(value: str, *, packaged: bool) -> Iterator[str]:
    prefix = value[: len(value) - len(value.lstrip(_STARTERS + "-"))]
    command = value[len(prefix) :]
    if not packaged:
        yield from paths_in(command)
    elif "-" not in prefix:
        yield from paths_in(command)[:1] if command.startswith("/") else ()
        yield from _option_values(command)


def _option_values(command: str) -> Iterator[str]:
    """Paths of files that a package's own command line names: `--config=/etc/x.conf`."""
    _program, _blank, rest = command.partition(" ")
    yield from (path for path in paths_in(f" {rest}") if path.startswith("/etc/"))


def _has_gone_settings(settings: list[Setting], gone: Gone, *, packaged: bool) -> bool:
    """Whether a file that a unit reads names what is gone: keys, lists of users, its data."""
    named = [
        path
        for key in ("EnvironmentFile", "ExecStart")
        for value in values(settings, key)
        for path in paths_in(value.lstrip(_STARTERS + "-"))
        if path.startswith(("/etc/", "/usr/local/etc/", "/opt/"))
    ]
    return any(
        gone.path(path) and (not packaged or gone.source.is_file(path))
        for file in dict.fromkeys(named)
        for path in _paths_of_file(file, gone)
    )


def _paths_of_file(file: str, gone: Gone) -> tuple[str, ...]:
    tree = gone.tree
    if not tree.is_file(file) or tree.resolve(file).lstat().st_size > _LARGEST_SETTINGS:
        return ()
    lines = read_lines(tree, file) or []
    return paths_in("".join(line for line in lines if not is_comment(line, signs="#;/")))


def _has_gone_store(settings: list[Setting], gone: Gone) -> bool:
    programs = {
        word.lstrip(_STARTERS + "-").rpartition("/")[2]
        for value in values(settings, "ExecStart")
        for word in _words(value)
    }
    return any(
        gone.path(store) or gone.emptied(store)
        for program, store in _STORES.items()
        if program in programs
    )


def _words(value: str) -> list[str]:
    try:
        words = shlex.split(value)
    except ValueError:
        words = value.split()
    return [part for word in words[:50] for part in word.split()[:50]]


def _data_names(name: str, settings: list[Setting]) -> Iterator[str]:
    """Names after which the data of a service may be called: its own, its program's, its user's."""
    if not name.endswith(".service"):
        return
    yield parsed(name).prefix
    yield parsed(name).prefix.split("-")[0]  # gitlab-runsvdir, samba-ad-dc
    yield from values(settings, "User")
    for value in values(settings, "ExecStart"):
        program = value.lstrip(_STARTERS + "-").split(" ", 1)[0]
        yield program.rpartition("/")[2]
    for value in values(settings, "StateDirectory"):
        yield from value.split()
