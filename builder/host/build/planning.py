"""The build plan: everything that decides a byte, from the config and the choice."""

from typing import Any, Final

from builder.basics.codec import to_data
from builder.border.plan import PLAN_FORMAT, BuildPlan
from builder.border.source import TreePlace
from builder.formats.result_names import (
    volume_id,
)
from builder.host.build.choice import Choice, source_in
from builder.host.config.build_config import Config

_FAT_BEGINS: Final = 315_532_800  # 1980-01-01, in seconds since 1970
_SQUASHFS_ENDS: Final = (1 << 32) - 1  # seconds since 1970: in 2106


def plan_of(config: Config, choice: Choice, *, run: str, place: TreePlace) -> BuildPlan:
    """Return the plan: everything that decides a byte, and how the container finds its source."""
    return BuildPlan(
        format=PLAN_FORMAT,
        run=run,
        candidate=choice.candidate,
        recipe=config.recipe,
        image=choice.image,
        source_date_epoch=epoch_of(choice.candidate.taken),
        iso_name=choice.iso_name,
        volume_id=volume_id(choice.iso_name, config.recipe.volume_id),
        place=place,
        staging=config.staging,
        privacy=config.privacy,
        packages=choice.packages,
    )


def epoch_of(taken: int) -> int:
    """Return SOURCE_DATE_EPOCH for a snapshot of that date: the date itself, rounded for FAT.

    FAT begins in 1980 and counts in steps of two seconds, and squashfs ends in 2106: the clock of
    the system may have been wrong.
    """
    return min(max(taken, _FAT_BEGINS), _SQUASHFS_ENDS) // 2 * 2


def describe(config: Config, choice: Choice) -> dict[str, Any]:
    """Return a dry run's plan as plain data."""
    source, candidate = source_in(config), choice.candidate
    frozen = source.freezes_in(candidate) is not None
    place = source.place(choice.report, candidate, frozen=frozen)
    plan = plan_of(config, choice, run="", place=place)
    return {"output": str(config.output), "plan": to_data(plan)}
