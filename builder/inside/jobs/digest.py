"""The job that computes the digest of a tree, by which `reproduce` finds it."""

from builder.border import paths
from builder.border.requests import TreeRequest
from builder.formats.identities import TreeName
from builder.inside.selection.source_tree import source_tree
from builder.inside.source import mounted as source
from builder.inside.system.system import System
from builder.inside.tree.tree_digest import digest_tree


def name_tree(request: TreeRequest, *, system: System) -> TreeName:
    """Read the whole tree once, with the rules of the stage step, and return its identity.

    Raises StepError when a part of it cannot be read, SourceError when it changes.
    """
    with source.mounted_source(request.tree, system=system), source.unchanged(request.tree):
        found = digest_tree(source_tree(paths.SOURCE, exclude=request.exclude, keep=request.keep))
    return TreeName(digest=found.digest, format=found.format, files=found.files, bytes=found.size)
