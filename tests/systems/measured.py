"""What was found of one system: its build, its boots, and what did not go as it should."""

from dataclasses import dataclass
from enum import StrEnum


class Ending(StrEnum):
    """How a boot ended."""

    FINE = "fine"  # up, with the session that was wanted, and no unit failed
    FLAWED = "flawed"  # up, but not all is as it should be
    FAILED = "failed"  # the live system did not report itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """One boot under QEMU."""

    firmware: str
    ending: Ending
    seconds: float | None = None  # from power-on to the report; None: there was none
    accelerator: str | None = None
    session: str | None = None
    failed_units: tuple[str, ...] = ()
    state: str | None = None  # of systemd
    network: bool | None = None  # set up by itself
    rights: str | None = None  # what makes the live user root


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A squashfs image on the medium."""

    name: str
    size: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Everything that docs/systems.md says of a system."""

    name: str
    title: str
    recipe: str  # the digest of its tree
    date: str  # of the run, YYYY-MM-DD
    builder: str  # version
    tree: int  # bytes of its files; a hard link counts once
    build_seconds: float | None = None  # None: it was not built
    iso: int | None = None  # bytes
    layers: tuple[Layer, ...] = ()
    boots: tuple[Boot, ...] = ()
    screenshot: bool = False
    remarks: tuple[str, ...] = ()  # what the program said of what failed

    @property
    def is_fine(self) -> bool:
        """Whether it was built, and each boot was as it should be."""
        return bool(self.boots) and all(boot.ending is Ending.FINE for boot in self.boots)
