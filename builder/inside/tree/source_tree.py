"""Which part of a source belongs to its tree: the same for building, listing and digesting it."""

from collections.abc import Iterable
from pathlib import Path

from builder.inside.tree.excludes import staging_rules, swap_files
from builder.inside.tree.survey import SourceTree, path_named
from builder.inside.tree.tree import Tree


def source_tree(root: Path, *, exclude: Iterable[str]) -> SourceTree:
    """Return the tree at `root` without what is excluded from every ISO and by `exclude`.

    `exclude` are rsync patterns; they take precedence over the table in `excludes`. Raises
    StepError when the tree's own list of swap files cannot be read.
    """
    with path_named(SourceTree(root=root)):
        rules = staging_rules((*exclude, *swap_files(Tree(root))))
    return SourceTree(root=root, rules=rules)
