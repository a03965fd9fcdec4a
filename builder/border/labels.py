"""Names by which we recognize what is ours: labels, volumes, frozen snapshots.

A run's id is 16 hexadecimal digits.
"""

import re
import secrets
from typing import Final

LABEL_RUN: Final = "distroclone-builder.run"
LABEL_ROLE: Final = "distroclone-builder.role"
LABEL_OWNER: Final = "distroclone-builder.owner"
LABEL_CACHE: Final = "distroclone-builder.cache"
LABEL_OUTPUT: Final = "distroclone-builder.output"
LABEL_BUILD: Final = "distroclone-builder.build"  # of a build that can be attached to again
LABEL_SENT: Final = "distroclone-builder.sent"  # of a volume: what was sent to it, for people
LABEL_LOCKED: Final = "distroclone-builder.locked"
LABEL_BASE: Final = "distroclone-builder.base"

BLOCK_CACHE: Final = "distroclone-builder-block-cache"  # the volume of compressed blocks
PACKAGES: Final = "distroclone-builder-added-packages"  # the volume of files of added packages
SENT_PREFIX: Final = "distroclone-builder-sent-"  # the volume of a source that was sent: + digest

_RUN: Final = re.compile(r"[0-9a-f]{8,32}")
_FROZEN_PREFIX: Final = ".distroclone-builder-"
_FROZEN: Final = re.compile(r"\.distroclone-builder-[0-9a-f]{8,32}")


def new_run() -> str:
    """Return a fresh id for a run."""
    return secrets.token_hex(8)


def is_run(text: str) -> bool:
    """Whether `text` is a run's id."""
    return _RUN.fullmatch(text) is not None


def frozen_name(run: str) -> str:
    """Return the name of the run's frozen snapshot, beside `.rootfs_cache`.

    Raises ValueError for an invalid run id, whose snapshot `is_frozen_name` would not recognize.
    """
    name = _FROZEN_PREFIX + run
    if not is_frozen_name(name):
        message = f"invalid run id: {run!r}"
        raise ValueError(message)
    return name


def is_frozen_name(name: str) -> bool:
    """Whether `name` is one that `frozen_name` can return."""
    return _FROZEN.fullmatch(name) is not None


def volume_name(run: str) -> str:
    """Return the name of the run's work volume."""
    return f"distroclone-builder-{run}"
