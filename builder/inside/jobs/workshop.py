"""What the steps of a build work with: the source, mounted, read in the background, unchanged."""

import contextlib
from collections.abc import Iterator

from builder.border import paths
from builder.border.plan import BuildPlan
from builder.inside.blocks.store import BlockCache
from builder.inside.jobs.pipeline import Workshop
from builder.inside.output.results import Results
from builder.inside.search.gather import gather
from builder.inside.selection.source_tree import source_tree
from builder.inside.source.mounted import mounted_source, unchanged
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree
from builder.inside.tree.tree_digest import read_in_background


@contextlib.contextmanager
def workshop(
    plan: BuildPlan, system: System, *, results: Results, store: BlockCache | None
) -> Iterator[Workshop]:
    """Provide it; at the end, check that the source is what it was at the beginning."""
    chosen = plan.recipe
    with (
        mounted_source(plan.place, system=system),
        unchanged(plan.place),
        read_in_background(
            source_tree(paths.SOURCE, exclude=chosen.exclude, keep=chosen.keep),
            records=paths.RECORDS,
        ) as reading,
        contextlib.ExitStack() as mounts,
    ):
        yield Workshop(
            results=results,
            reading=reading,
            words=gather(Tree(paths.SOURCE), spared=_of_live_system(plan)),
            store=store,
            mounts=mounts,
        )


def _of_live_system(plan: BuildPlan) -> tuple[str, ...]:
    """Return the words that the live system uses itself."""
    live = plan.recipe.live
    return (live.user, live.full_name, live.hostname)
