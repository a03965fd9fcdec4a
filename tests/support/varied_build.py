"""A build, all that is around it, and what can be seen of it when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from tests.support.command_line import PROJECT, Ended
from tests.support.seen import Seen


class Places(Protocol):
    """Where a varied build finds what it needs; made when it is first asked for."""

    @property
    def moved_image(self) -> Path:
        """A copy of the cache image."""

    @property
    def btrfs(self) -> Path:
        """The same cache as a folder on btrfs."""

    @property
    def ext4(self) -> Path:
        """The same cache as a folder on ext4."""

    @property
    def checkout(self) -> Path:
        """Another checkout of this project."""

    @property
    def warm_blocks(self) -> Path:
        """A block cache that a build has filled."""

    @property
    def engine_group(self) -> int:
        """The group whose members may talk to the engine."""

    def cold_blocks(self) -> Path:
        """Make an empty block cache."""

    def folder(self, name: str) -> Path:
        """Make a new folder that every user may enter."""

    def clock(self, offset: int) -> Path:
        """A library that shifts the clock by so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A run of `build`, and all around it."""

    source: tuple[object, ...]
    output: Path
    alias: Path | None = None  # under which the command finds the output folder
    blocks: tuple[object, ...] = ("--no-block-cache",)
    flags: tuple[object, ...] = ()
    prefix: tuple[str, ...] = ()  # programs that end by becoming the rest of the line
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    containers: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    clock: Path | None = None
    project: Path = PROJECT
    crashes_before: bool = False

    def under(self, *prefix: str) -> "Build":
        """Return the same, run by a program."""
        return replace(self, prefix=(*self.prefix, *prefix))

    def having(self, **environment: str) -> "Build":
        """Return the same with more environment."""
        return replace(self, environment={**self.environment, **environment})

    def limited(self, **options: object) -> "Build":
        """Return the same with other options for its containers."""
        return replace(self, containers={**self.containers, **options})

    def having_inside(self, **environment: str) -> "Build":
        """Return the same with more environment for its containers."""
        return self.limited(environment={**self.containers.get("environment", {}), **environment})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What can be seen of a build that is over."""

    build: Build
    ended: Ended
    container: Mapping[str, Any]  # what the engine said of the build container
    command: Seen  # what the kernel said of the command, and
    inside: Seen  # of the first process in the build container
    left_by_crash: tuple[str, ...]  # what the engine had of a build that was killed before
    log: str
    programs: frozenset[str]  # those that the shifted clock reached

    @property
    def host_config(self) -> Mapping[str, Any]:
        """The container's limits."""
        return dict(self.container["HostConfig"])

    @property
    def sources(self) -> Mapping[str, str]:
        """What of this machine the engine bound into the container, by the place there."""
        return {each["Destination"]: each["Source"] for each in self.container["Mounts"]}
