"""The job that gives a tree its digest and does nothing else, for `reproduce` to find it by."""

import contextlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from builder.inside import cache_image, paths
from builder.inside.excludes import copy_rules, swap_files
from builder.inside.system import System
from builder.inside.tree import Tree
from builder.inside.tree_digest import SourceTree, digest_tree
from builder.plan import DigestRequest, TreeName


def name_tree(request: DigestRequest, *, system: System) -> TreeName:
    """Read the whole tree once, with the rules of the stage step, and return its name.

    Raises StepError when a part of it cannot be read or changes meanwhile.
    """
    with _source(request, system):
        rules = copy_rules((*request.exclude, *swap_files(Tree(paths.SOURCE))))
        found = digest_tree(SourceTree(root=paths.SOURCE, rules=rules))
    return TreeName(digest=found.digest, format=found.format, files=found.files, bytes=found.size)


@contextlib.contextmanager
def _source(request: DigestRequest, system: System) -> Iterator[None]:
    if not request.image:
        yield
        return
    subvolume = PurePosixPath("/") / request.path
    with cache_image.mounted(
        paths.CACHE_IMAGE, paths.SOURCE, system=system, subvolume=str(subvolume)
    ):
        yield
