"""Text files of settings: read within bounds, and written so that only the text changes."""

import os
import stat
from collections.abc import Iterable, Iterator
from typing import Final

from builder.inside.tree.tree import Tree

_LARGEST: Final = 16 << 20  # bytes; what is larger is data, not a setting


def read_lines(tree: Tree, path: str) -> list[str] | None:
    r"""Return the lines of a text file with their ends, which are `\n` and nothing else.

    None for what is not a regular file, too large, or not text. Bytes that are not UTF-8 survive
    `write_lines`.
    """
    if not tree.is_file(path) or tree.resolve(path).lstat().st_size > _LARGEST:
        return None
    content = tree.read_bytes(path, limit=_LARGEST)
    if b"\0" in content:
        return None
    parts = content.decode("utf-8", errors="surrogateescape").split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def write_lines(tree: Tree, path: str, lines: Iterable[str]) -> bool:
    """Replace the text of a file, keeping owner and mode; return whether it was different.

    A symlink stays, and its target is written.
    """
    data = os.fsencode("".join(lines))
    real = tree.resolve(path)
    if data == tree.read_bytes(path, limit=_LARGEST):
        return False
    status = real.lstat()
    mode = stat.S_IMODE(status.st_mode)
    tree.write(tree.inner(real), data, mode=mode, uid=status.st_uid, gid=status.st_gid)
    return True


def logical(lines: Iterable[str]) -> Iterator[list[str]]:
    r"""Yield the lines that belong together because they end with `\`; comments stand alone."""
    together: list[str] = []
    for line in lines:
        together.append(line)
        continues = line.rstrip("\r\n").endswith("\\")
        if not continues or (len(together) == 1 and line.lstrip().startswith("#")):
            yield together
            together = []
    if together:
        yield together


def joined(together: Iterable[str]) -> str:
    r"""Return lines that belong together as one, without the `\` and the line ends."""
    return " ".join(line.rstrip("\r\n").removesuffix("\\") for line in together).strip()


def is_comment(line: str, *, signs: str = "#") -> bool:
    """Whether a line is empty or a comment."""
    text = line.strip()
    return not text or text[0] in signs
