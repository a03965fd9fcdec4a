"""Settings in sections: `[name]` with `key = value` lines, or `name {` blocks.

A section goes when it is about what is gone: an account that it runs as, a path that it serves.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.references import paths_in
from builder.inside.leftovers.texts import is_comment, read_lines, write_lines
from builder.inside.tree.tree import Tree

_COMMENTS: Final = "#;"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """A format: which keys name accounts, groups and paths, and which sections always stay."""

    users: Collection[str] = ()
    groups: Collection[str] = ()
    paths: Collection[str] = ()
    kept: Collection[str] = ("global", "default", "defaults", "main", "")

    def is_gone(self, name: str, lines: list[str], gone: Gone) -> bool:
        """Whether the section `name` is about what is gone."""
        if name.lower() in self.kept:
            return False
        for line in lines:
            key, value = _split(line)
            if key in self.users and _words(value) & gone.users:
                return True
            if key in self.groups and _words(value) & gone.groups:
                return True
            if key in self.paths and any(gone.path(path) for path in _paths(value)):
                return True
        return False


SAMBA: Final = Sections(users=("force user",), groups=("force group",), paths=("path",),
                        kept=("global", "homes", "printers", "print$", ""))  # fmt: skip
POOL: Final = Sections(users=("user", "listen.owner"), groups=("group", "listen.group"),
                       paths=("chdir", "chroot"))  # fmt: skip
SUPERVISED: Final = Sections(users=("user",), paths=("command", "directory"))
MODULES: Final = Sections(users=("uid",), groups=("gid",), paths=("path",))
POLKIT: Final = Sections(users=("identity",), groups=("identity",))


def drop_sections(tree: Tree, gone: Gone, path: str, form: Sections) -> bool:
    """Drop the sections of `path` that are about what is gone; return whether there were any.

    A file without a section left is removed.
    """
    lines = read_lines(tree, path)
    if lines is None:
        return False
    found = list(_sections(lines))
    kept = [section for section in found if not form.is_gone(*section, gone)]
    if len(kept) == len(found):
        return False
    if not any(name for name, _lines in kept):
        return tree.remove(path)
    return write_lines(tree, path, [line for _name, part in kept for line in part])


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    name, part = "", list[str]()
    for line in lines:
        text = line.strip()
        if text.startswith("[") and "]" in text:
            yield name, part
            name, part = text[1 : text.index("]")].strip(), []
        part.append(line)
    yield name, part


def _split(line: str) -> tuple[str, str]:
    if is_comment(line, signs=_COMMENTS):
        return "", ""
    key, _sign, value = line.partition("=")
    return " ".join(key.lower().split()), value.strip()


def _words(value: str) -> set[str]:
    """Return names; of polkit's `unix-user:alice;unix-group:films` the second parts."""
    return {word.rpartition(":")[2] for word in re.split(r"[\s,;\"']+", value) if word}


def _paths(value: str) -> tuple[str, ...]:
    """Return paths; a value that is nothing else may hold blanks."""
    return (*paths_in(value), value.strip("\"'")) if value[:1] in "/\"'" else paths_in(value)


def drop_blocks(tree: Tree, gone: Gone, path: str, form: "Blocks") -> bool:
    """Drop the blocks of `path` that are about what is gone; return whether there were any."""
    lines = read_lines(tree, path)
    if lines is None:
        return False
    kept = [line for block in _blocks(lines) if not form.is_gone(block, gone) for line in block]
    return write_lines(tree, path, kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """A format of `head {` … `}` blocks: which words precede accounts, and which paths count."""

    accounts: Collection[str]
    paths: Collection[str] = ()  # directives whose paths are needed
    logs: bool = False  # its head names logs, each of which must be there
    excuse: str = ""  # a directive with which missing paths do no harm

    def is_gone(self, block: list[str], gone: Gone) -> bool:
        """Whether a block, from its head to its `}`, is about what is gone."""
        if not any("{" in line for line in block):
            return False
        body = [line.replace("=", " ").split() for line in block if not is_comment(line)]
        if any({*words[1:]} & gone.accounts for words in body
               if words and words[0] in self.accounts):  # fmt: skip
            return True
        if self.excuse and any(words[:1] == [self.excuse] for words in body):
            return False
        head = "".join(line for line in block if not is_comment(line)).partition("{")[0]
        if self.logs and any(_is_lost_log(word.strip("\"'"), gone) for word in head.split()):
            return True
        named = [path for words in body if words and words[0] in self.paths
                  for path in paths_in(" ".join(words))]  # fmt: skip
        return any(gone.path(path) for path in named)


def _is_lost_log(word: str, gone: Gone) -> bool:
    """Whether a log, or each that a pattern matches, was left out: logrotate(8) would fail."""
    folder, sign, name = word.rpartition("/")
    if not sign or not word.startswith("/"):
        return False
    return bool(gone.source.glob(folder, name)) and not gone.tree.glob(folder, name)


LOGROTATE: Final = Blocks(accounts=("su", "create", "createolddir"), logs=True, excuse="missingok")
XINETD: Final = Blocks(accounts=("user", "group"), paths=("server",))


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Yield each block with the lines of its head, and what is between them by the line."""
    block: list[str] = []
    inside = False
    for line in lines:
        block.append(line)
        text = line.strip()
        if not is_comment(line):
            inside = inside or "{" in text
            ends = text.endswith("}") if inside else not _starts_head(text)
            if ends:
                yield block
                block, inside = [], False
        elif not inside and len(block) == 1:
            yield block
            block = []
    if block:
        yield block


def _starts_head(text: str) -> bool:
    return text.startswith(("/", '"', "'", "service "))
