"""Writes a text file of the live layer, whether the system has it or not."""

from collections.abc import Sequence

from builder.inside.rules.rule import add, lines_of, put_lines
from builder.inside.tree.tree import Tree


def put_text(tree: Tree, path: str, lines: Sequence[str], *, mode: int = 0o644) -> None:
    """Write lines, each with a newline at its end; a new file is root's and gets `mode`."""
    ended = [line if line.endswith("\n") else f"{line}\n" for line in lines]
    if lines_of(tree, path) is None:
        add(tree, path, "".join(ended).encode("utf-8", "surrogateescape"), mode=mode)
    else:
        put_lines(tree, path, ended)
