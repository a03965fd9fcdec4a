"""Which part of a source belongs to its tree: the same for building, listing and digesting it."""

from collections.abc import Iterable
from pathlib import Path

from builder.inside.selection.model import selection_rules
from builder.inside.tree.excludes import ATTRIBUTES
from builder.inside.tree.survey import SourceTree, path_named
from builder.inside.tree.tree import Tree


def source_tree(root: Path, *, exclude: Iterable[str], keep: Iterable[str]) -> SourceTree:
    """Return the tree at `root`: programs and settings, no data (docs/privacy.md).

    `exclude` are more rsync patterns of what is left out; `keep` of what is taken nevertheless,
    unless `exclude` names it, too. Raises StepError when what decides cannot be read.
    """
    with path_named(SourceTree(root=root)):
        sections = tuple(selection_rules(Tree(root), exclude=exclude, keep=keep))
    return SourceTree(
        root=root,
        rules=(*(rule for section in sections for rule in section.rules), *ATTRIBUTES),
        sections=tuple((section.name, len(section.rules)) for section in sections),
    )
