"""What the engine is asked to start, checked against the row of the job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic

from builder.border.jobs import Job, Request, Result, Sight
from builder.border.plan import Isolation

# For every container, whatever the engine says of itself: Podman 4.3 tells nobody that it uses
# SELinux, and where there is none, engines pass over it. Files of the user have no container's
# label, labelled containers may mount nothing, and what one that is not labelled writes into a
# volume is closed to those that are.
NO_LABEL: Final = "label=disable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A path of the engine's host, seen in the container.

    `alone` leaves out what is mounted below it, and may be the host's own root.
    """

    source: str
    target: Path
    read_only: bool = True
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedVolume:
    """A volume of the engine, seen in the container."""

    name: str
    target: Path
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec(Generic[Request, Result]):
    """One run of a job: the request, and what of the engine's machine it sees.

    Raises ValueError for anything that the job's row does not name, and for what it misses.
    """

    image: str
    job: Job[Request, Result]
    request: Request
    run: str
    binds: tuple[Bind, ...] = ()
    volumes: tuple[NamedVolume, ...] = ()
    isolation: Isolation = Isolation.CONFINED
    devices: tuple[str, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)  # labels besides those of every run

    def __post_init__(self) -> None:
        mounts: tuple[Bind | NamedVolume, ...] = (*self.binds, *self.volumes)
        given = [(each.target, not each.read_only) for each in mounts]
        given += [(Path(each), True) for each in self.devices if not self._is_of_a_disk(each)]
        allowed = {each.target: each for each in self.job.sees}
        for target, writable in given:
            sight = allowed.get(target) or _around(target, self.job)
            if sight is None or (writable and not sight.writable):
                message = f"{self.job.name} may not see {target} like that"
                raise ValueError(message)
        needed = {target for target, each in allowed.items() if not each.optional}
        if missing := needed - {target for target, _writable in given}:
            message = f"{self.job.name} does not see {sorted(map(str, missing))}"
            raise ValueError(message)

    def _is_of_a_disk(self, device: str) -> bool:
        """Whether a device is one that the job is given, of whatever disk it works on."""
        return self.job.disks and Path(device).parent == Path("/dev")


def _around(target: Path, job: Job[Any, Any]) -> Sight | None:
    """Return what a file system that is bound at `target` is mounted in, if that may be."""
    around = [each for each in job.sees if each.with_mounts and each.target in target.parents]
    return around[0] if around else None
