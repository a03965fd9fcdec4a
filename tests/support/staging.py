"""The stage step, as the pipeline would make it."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from builder.border.plan import Staging
from builder.inside.steps.stage import StageStep
from builder.inside.tree.excludes import filters
from builder.inside.tree.survey import SourceTree, survey_tree


def stage_step(
    source: Path,
    target: Path,
    *exclude: str,
    rules: Iterable[str] | None = None,
    staging: Staging = Staging.RSYNC,
    mounts: ExitStack | None = None,
) -> StageStep:
    """Return the step; `rules`, where given, take the place of the whole table."""
    usual = (*(f"- {pattern}" for pattern in exclude), *filters())
    tree = SourceTree(root=source, rules=usual if rules is None else tuple(rules))
    return StageStep(
        tree=tree,
        survey=lambda: survey_tree(tree),
        target=target,
        layer=target.with_name(f"{target.name}.layer"),
        filters=target.with_name(f"{target.name}.filters"),
        left_out=target.with_name(f"{target.name}.left_out"),
        reserve=1.0,
        staging=staging,
        mounts=mounts or ExitStack(),
    )
