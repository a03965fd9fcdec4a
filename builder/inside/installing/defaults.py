"""What an installation does where nothing is said: what the source system did.

A build reads it from the source, since the copy does not have the source's disks any more, and
leaves it beside our code in the installer.
"""

import os
from pathlib import Path
from typing import Final

from builder.basics.plain_yaml import Plain, read_plain
from builder.formats.answers import FileSystem
from builder.inside.tree.tree import Tree

NAME: Final = "defaults.yaml"  # beside the package of our code
_FILE: Final = Path(__file__).parents[3] / NAME
_KEY: Final = "file_system"


def file_system_of(tree: Tree) -> FileSystem | None:
    """Return what the root of a system is by its fstab(5); None where that is no use to us."""
    try:
        lines = tree.read_text("/etc/fstab").split("\n")
    except OSError:
        return None
    for line in lines:
        fields = line.split()
        if fields[1:2] == ["/"] and not fields[0].startswith("#"):
            return next((each for each in FileSystem if fields[2:3] == [each.value]), None)
    return None


def write_defaults(file: Path, *, file_system: FileSystem | None) -> None:
    """Write them down, as far as they are known."""
    file.write_text("" if file_system is None else f"{_KEY}: {file_system}\n", encoding="ascii")


def default_file_system(file: Path = _FILE) -> FileSystem:
    """Return what the root becomes unless something else is asked for."""
    said = read_plain(file.read_text("ascii")).get(_KEY) if os.path.lexists(file) else None
    return FileSystem(said.text) if isinstance(said, Plain) else FileSystem.EXT4
