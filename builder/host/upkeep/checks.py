"""What `doctor` looked at, and what of that needs no engine."""

import contextlib
import platform
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from builder.basics.regular import read_whole
from builder.basics.texts import say

_BTRFS: Final = re.compile(rb"^\tbtrfs$|/btrfs\.ko", re.MULTILINE)
_LARGEST: Final = 64 << 20  # bytes


class DoctorVerdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"  # builds work, something else does not
    FAILED = "failed"  # builds cannot work


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorCheck:
    """One thing that was looked at."""

    name: str
    verdict: DoctorVerdict
    finding: str
    remedy: str = ""


def sources_here() -> DoctorCheck:
    """Say which kinds of source this machine could read if it had an engine."""
    name = say("sources")
    if platform.system() != "Linux":
        return DoctorCheck(
            name=name,
            verdict=DoctorVerdict.WARNING,
            finding=say("this machine cannot mount a cache"),
            remedy=say("A cache image (--cache-image) is mounted where the engine runs."),
        )
    if knows_btrfs(platform.release()):
        return DoctorCheck(
            name=name, verdict=DoctorVerdict.OK, finding=say("this kernel supports btrfs")
        )
    return DoctorCheck(
        name=name,
        verdict=DoctorVerdict.WARNING,
        finding=say("this kernel does not support btrfs: no cache on btrfs, and no cache image"),
        remedy=say(
            "A cache in plain folders (--cache) and any other folder (--tree) can be built."
        ),
    )


def knows_btrfs(kernel: str, *, top: Path = Path("/")) -> bool:
    """Whether a kernel has btrfs, in it or as a module."""
    modules = top / "lib/modules" / kernel
    for path in (top / "proc/filesystems", modules / "modules.dep", modules / "modules.builtin"):
        with contextlib.suppress(OSError):
            if _BTRFS.search(read_whole(path, limit=_LARGEST)):
                return True
    return False
