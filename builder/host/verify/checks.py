"""What a check of results says."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from builder.basics.errors import VerificationError


class CheckVerdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was checked, or could not be."""

    name: str  # sums, manifest, content, sbom, provenance, private, tree or signature
    verdict: CheckVerdict
    finding: str
    advice: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether something was found wrong."""
        return self.verdict is CheckVerdict.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Everything known about an output folder."""

    folder: Path
    iso: str  # its name; "" when it is not known
    sha256: str  # of the ISO as it was read; "" when it could not be
    checks: tuple[Check, ...]

    @property
    def verified(self) -> bool:
        """Whether nothing failed and the sums and the manifest were really checked."""
        good = {check.name for check in self.checks if check.verdict is CheckVerdict.OK}
        failed = any(check.is_failure for check in self.checks)
        return not failed and {"sums", "manifest"} <= good


def checked(name: str, check: Callable[[], str]) -> Check:
    """Return the verdict of a check that returns what it found, or raises VerificationError."""
    try:
        return Check(name=name, verdict=CheckVerdict.OK, finding=check())
    except VerificationError as error:
        return failed(name, error)


def not_checked(name: str, finding: str) -> Check:
    """Return the verdict for what could not be checked."""
    return Check(name=name, verdict=CheckVerdict.NOT_CHECKED, finding=finding)


def failed(name: str, error: VerificationError) -> Check:
    """Return the verdict for what is wrong."""
    return Check(name=name, verdict=CheckVerdict.FAILED, finding=str(error), advice=error.advice)
