"""What was found of one start path: a boot on each of its machines."""

from dataclasses import dataclass
from enum import StrEnum


class Ending(StrEnum):
    """How a boot ended."""

    STARTED = "started"  # the right live system reported itself
    REFUSED = "refused"  # as it should be, with the words that were expected
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """One boot under QEMU; of several with the same drives, the last."""

    machine: str
    ending: Ending
    seconds: float  # from power-on to what was said
    said: str  # the words of a refusal, or the last ones before a failure
    accelerator: str
    firmware: str  # its package and version, e.g. "seabios 1.16.3-2"
    qemu: str  # version
    date: str  # YYYY-MM-DD
    builder: str  # version


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Everything that docs/booting.md says of a start path."""

    name: str
    boots: tuple[Boot, ...]

    @property
    def is_fine(self) -> bool:
        """Whether each boot ended as it should."""
        return bool(self.boots) and all(boot.ending is not Ending.FAILED for boot in self.boots)
