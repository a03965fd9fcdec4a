"""Names by which a later run recognises what an earlier one left behind."""

import re
from typing import Final

_FROZEN: Final = re.compile(r"\.distroclone-builder-[0-9a-f]{8,32}")


def frozen_name(run: str) -> str:
    """Return the name of the frozen snapshot of run `run` (8 to 32 hexadecimal digits).

    Raises ValueError for a run id that would give a name that nobody recognises.
    """
    name = f".distroclone-builder-{run}"
    if not is_frozen_name(name):
        message = f"not a run id: {run!r}"
        raise ValueError(message)
    return name


def is_frozen_name(name: str) -> bool:
    """Whether `name` is one that `frozen_name` gives."""
    return _FROZEN.fullmatch(name) is not None
