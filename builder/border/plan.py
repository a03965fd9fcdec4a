"""The plan of a build.

The host plans, the container acts: a `BuildPlan` holds everything that determines the bytes of the
ISO (snapshot, recipe, image, time), and the same plan gives the same bytes on any host.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from builder.border.cache_report import Candidate
from builder.border.privacy import Privacy
from builder.border.source import TreePlace
from builder.border.step_names import StepName
from builder.formats.added_packages import PackagesLock
from builder.formats.identities import ImageIdentity
from builder.formats.recipe import Recipe

PLAN_FORMAT: Final = 2

_PRIVACY: Final = Privacy()


class Isolation(StrEnum):
    """How much the build container may do; it never affects the bytes of the result."""

    CONFINED = "confined"
    PRIVILEGED = "privileged"


class Staging(StrEnum):
    """How the build gets a tree that it may change; it never affects the bytes of the result."""

    AUTO = "auto"  # an overlay where possible, else a copy
    OVERLAY = "overlay"
    RSYNC = "rsync"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlan:
    """Everything the build container needs to know."""

    format: int
    run: str  # the run's id; not in any artefact
    candidate: Candidate
    recipe: Recipe
    image: ImageIdentity
    source_date_epoch: int  # seconds; even, and not before 1980 (FAT)
    iso_name: str  # without ".iso"
    volume_id: str
    place: TreePlace  # not in any artefact
    staging: Staging = Staging.AUTO  # not in any artefact
    privacy: Privacy = _PRIVACY  # not in any artefact, but for counts
    packages: PackagesLock | None = None  # that are added
    block_cache_key: str = field(default="", repr=False)  # hexadecimal; not in any artefact
    stop_after: StepName | None = None  # the container then waits for inspection
    hold_failed: bool = False  # it also waits after a failed step
