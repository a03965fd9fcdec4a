"""A container for every row of the catalogue of jobs, which sees exactly what the row names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from builder.border import paths
from builder.border.jobs import SCAN_TREE, Job, Sight
from builder.host.engine import Bind, ContainerSpec, NamedVolume
from tests.support.samples import sample

RUN = "0123456789abcdef"
_VOLUMES = (paths.WORK, paths.BLOCK_CACHE, paths.SENT)


def title(job: Job[Any, Any]) -> str:
    """Return the row's name, and what it is on where that tells it from another one."""
    if job.on_image:
        return f"{job.name}, of a cache image"
    return f"{job.name}, of a tree" if job == SCAN_TREE else job.name


def nowhere(sight: Sight) -> str:
    """Return a path of the engine's machine for what a job may see."""
    return f"/srv/with space: {sight.target.name}"


def spec_for(
    job: Job[Any, Any],
    *,
    image: str = "image",
    place: Callable[[Sight], str] = nowhere,
    devices: bool = True,
    volume: str = "a-volume",
) -> ContainerSpec[Any, Any]:
    """Return a container that sees all that the row names, at what `place` says."""
    binds = [each for each in job.sees if not _is_volume(each) and not _is_device(each)]
    return ContainerSpec(
        image=image,
        job=job,
        request=sample(job.request),
        run=RUN,
        binds=tuple(
            Bind(source=place(each), target=each.target, read_only=not each.writable)
            for each in binds
        ),
        volumes=tuple(
            NamedVolume(name=volume, target=each.target, read_only=not each.writable)
            for each in job.sees
            if _is_volume(each)
        ),
        devices=tuple(str(each.target) for each in job.sees if _is_device(each) and devices),
    )


def _is_volume(sight: Sight) -> bool:
    return sight.target in _VOLUMES


def _is_device(sight: Sight) -> bool:
    return Path("/dev") in sight.target.parents
