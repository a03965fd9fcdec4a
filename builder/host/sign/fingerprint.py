"""What is taken for a GPG fingerprint, also where a file has the same name."""

import re
from typing import Final

_FINGERPRINT: Final = re.compile(r"(?:0X)?([0-9A-F]{40}|[0-9A-F]{64})")


def fingerprint_in(text: str) -> str:
    """Return the fingerprint that `text` is, in capitals without spaces; "" for anything else.

    It may be written in groups, and begin with 0x. Nobody can make it mean a file by leaving one
    of that name in the current folder: that file is ./NAME.
    """
    found = _FINGERPRINT.fullmatch("".join(text.split()).upper())
    return found[1] if found else ""
