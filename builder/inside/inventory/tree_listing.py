"""Lists the contents of a tree for the host to compare: from a directory or from an ISO.

The rows and their text format are those of `builder.formats.inventory`.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from builder.basics.regular import read_whole
from builder.formats.inventory import (
    LONGEST_TEXT,
    TEXTS_BELOW,
    Entry,
    EntryType,
    InstalledPackage,
    Row,
    encode_rows,
)
from builder.formats.tree_record import Record
from builder.inside.debian.dpkg import MOST_BYTES, STATUS, parse_status
from builder.inside.selection.source_tree import source_tree
from builder.inside.tree.survey import path_named, survey_tree
from builder.inside.tree.tree import Tree
from builder.inside.tree.tree_digest import TreeReader

_READABLE: Final = 0o004  # by everybody
_SEARCHABLE: Final = 0o001


def write_inventory(rows: Iterable[Row], target: Path) -> int:
    """Write an inventory and return the number of its lines."""
    target.parent.mkdir(parents=True, exist_ok=True)
    lines = 0
    with target.open("x", encoding="ascii") as file:
        for line in encode_rows(rows):
            file.write(line)
            lines += 1
    return lines


def tree_rows(root: Path, *, exclude: Iterable[str], keep: Iterable[str]) -> Iterator[Row]:
    """Yield what a build would read from the tree at `root`; `exclude` and `keep` are a recipe's.

    Raises StepError when a part of it cannot be read, changes or disappears.
    """
    tree, source = Tree(root), source_tree(root, exclude=exclude, keep=keep)
    with path_named(source):
        status = tree.read_bytes(STATUS, limit=MOST_BYTES) if tree.is_file(STATUS) else b""
    yield from package_rows(status)
    texts = OpenTexts()
    for record in TreeReader(tree=source, survey=survey_tree(source)).records():
        entry = _entry(record)
        if texts.wants(entry):
            with path_named(source):
                content = read_whole(Path(f"{root}{entry.path}"), limit=LONGEST_TEXT)
            entry = with_text(entry, content)
        yield entry


def package_rows(status: bytes) -> tuple[InstalledPackage, ...]:
    """Return the installed packages that a dpkg status file names, sorted."""
    return tuple(
        InstalledPackage(
            name=each.package.name,
            architecture=each.package.architecture,
            version=each.package.version,
            installed_size=each.installed_size,
        )
        for each in parse_status(status)
    )


class OpenTexts:
    """Selects the files whose text is included: small ones that are world-readable.

    Directories must come before their entries.
    """

    def __init__(self) -> None:
        self._closed: set[str] = set()

    def wants(self, entry: Entry) -> bool:
        """Whether the text of this entry, the next one of the tree, is included."""
        above = entry.path.rpartition("/")[0]
        if entry.type is EntryType.DIRECTORY and (
            not entry.mode & _SEARCHABLE or above in self._closed
        ):
            self._closed.add(entry.path)
        return (
            entry.type is EntryType.FILE
            and entry.path.startswith(TEXTS_BELOW)
            and entry.size <= LONGEST_TEXT
            and bool(entry.mode & _READABLE)
            and above not in self._closed
        )


def with_text(entry: Entry, content: bytes) -> Entry:
    """Return the entry with its text; unchanged if the content is not text."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return entry
    if "\0" in text:
        return entry
    return replace(entry, text=text)


def _entry(record: Record) -> Entry:
    return Entry(
        path=os.fsdecode(record.path),
        type=EntryType(record.kind.decode()),
        mode=int(record.mode, 8),
        uid=int(record.uid),
        gid=int(record.gid),
        mtime=int(record.mtime),
        size=int(record.size or b"0"),
        value=os.fsdecode(record.value),
        capability=record.capability.decode(),
        first=os.fsdecode(record.first),
    )
