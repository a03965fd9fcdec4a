"""What of a source belongs to its tree: the one rule for building, listing and naming it."""

from collections.abc import Iterable
from pathlib import Path

from builder.inside.tree.excludes import staging_rules, swap_files
from builder.inside.tree.survey import SourceTree, told_of
from builder.inside.tree.tree import Tree


def source_tree(root: Path, *, exclude: Iterable[str]) -> SourceTree:
    """Return the tree at `root` without what is left out of every ISO and by `exclude`.

    `exclude` are rsync patterns; they are tried before the table of `excludes`. Raises StepError
    where the tree's own list of swap files cannot be read.
    """
    with told_of(SourceTree(root=root)):
        rules = staging_rules((*exclude, *swap_files(Tree(root))))
    return SourceTree(root=root, rules=rules)
