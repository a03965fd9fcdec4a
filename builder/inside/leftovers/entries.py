"""Files that are one entry each: menu entries, bus services, sites, scripts in a folder."""

import re
from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.references import paths_in
from builder.inside.leftovers.texts import is_comment, read_lines, write_lines
from builder.inside.tree.tree import Tree

_PROGRAM_KEYS: Final = ("Exec", "TryExec", "Path")
_POLICY: Final = re.compile(r"<policy\s+(user|group)\s*=\s*[\"']([^\"'<>]{1,64})[\"']\s*>")
_POLICY_END: Final = "</policy>"
_JAVASCRIPT_NAME: Final = re.compile(r"[\"']([A-Za-z_][\w.-]{0,31})[\"']")


def is_entry_of_gone(tree: Tree, gone: Gone, path: str) -> bool:
    """Whether an entry of the menu, of autostart or of a bus starts what is gone.

    Formats: Desktop Entry Specification, D-Bus Specification ("Message Bus Starting Services").
    """
    for line in read_lines(tree, path) or ():
        key, sign, value = line.partition("=")
        if not sign:
            continue
        if key.strip() in _PROGRAM_KEYS and any(gone.path(each) for each in paths_in(value)):
            return True
        if key.strip() == "User" and value.strip() in gone.users:
            return True
    return False


def names_gone_path(tree: Tree, gone: Gone, path: str) -> bool:
    """Whether a file of no package names what is gone outside of comments."""
    if _is_packaged(tree, gone, path):
        return False
    lines = [line for line in read_lines(tree, path) or () if not is_comment(line, signs="#;")]
    text = "".join(line for line in lines if not line.lstrip().startswith("//"))
    return any(gone.path(each) for each in paths_in(text))


def drop_service_folder(tree: Tree, gone: Gone, path: str) -> bool:
    """Remove the folder of the `run` script `path`, of runit or s6, if that names what is gone."""
    return names_gone_path(tree, gone, path) and tree.remove(path.rpartition("/")[0])


def names_gone_account(tree: Tree, gone: Gone, path: str) -> bool:
    """Whether a script of polkit(8) that no package owns has a removed account's name in quotes."""
    if _is_packaged(tree, gone, path):
        return False
    text = "".join(read_lines(tree, path) or ())
    return any(name in gone.listed for name in _JAVASCRIPT_NAME.findall(text))


def _is_packaged(tree: Tree, gone: Gone, path: str) -> bool:
    return gone.is_packaged(path) or gone.is_packaged(tree.inner(tree.resolve(path)))


def forget_entries(tree: Tree, path: str, removed: frozenset[str]) -> bool:
    """Take the names of removed menu entries out of a list of defaults, such as mimeapps.list."""
    lines = read_lines(tree, path)
    if lines is None or not removed:
        return False
    return write_lines(tree, path, [each for line in lines for each in _left(line, removed)])


def _left(line: str, removed: frozenset[str]) -> list[str]:
    key, sign, value = line.rstrip("\n").partition("=")
    names = value.split(";")
    if not sign or not removed.intersection(names):
        return [line]
    kept = [name for name in names if name not in removed]
    return [f"{key}={';'.join(kept)}\n"] if any(kept) else []


def drop_policies(tree: Tree, gone: Gone, path: str) -> bool:
    """Drop the policies for removed accounts from a bus's settings: dbus-daemon(1)."""
    lines = read_lines(tree, path)
    if lines is None:
        return False
    text = "".join(lines)
    kept, position = [], 0
    for match in _POLICY.finditer(text):
        end = text.find(_POLICY_END, match.end())
        names = gone.users if match[1] == "user" else gone.groups
        if match[2] in names and end >= 0 and match.start() >= position:
            kept.append(text[position : match.start()])
            position = end + len(_POLICY_END)
    return write_lines(tree, path, [*kept, text[position:]])
