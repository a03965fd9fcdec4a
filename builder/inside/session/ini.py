"""Settings in sections, as GLib's key files, KConfig and TOML have them.

Formats: the Desktop Entry Specification, "Basic format of the file"; TOML 1.0, "Table". Comments
and all other lines stay as they are.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

# KConfig has groups in groups: `[AC][SuspendSession]`.
_HEADER: Final = re.compile(r"\s*\[\s*(?P<name>[^#;]*?)\s*\]\s*(?:[#;].*)?")


def with_values(lines: Sequence[str], section: str, values: Mapping[str, str]) -> list[str]:
    """Return the lines with these values in a section, and no others for the same keys there."""
    kept: list[str] = []
    current = ""
    begins = None  # after the line that begins the section for the first time
    for line in lines:
        header = _HEADER.fullmatch(line.rstrip("\r\n"))
        if header is not None:
            current = header["name"]
        elif current == section and line.partition("=")[0].strip() in values:
            continue
        kept.append(line if line.endswith("\n") else f"{line}\n")
        if begins is None and current == section:
            begins = len(kept)
    own = [f"{key}={value}\n" for key, value in values.items()]
    if begins is None:
        return [*kept, *(["\n"] if kept else []), f"[{section}]\n", *own]
    return [*kept[:begins], *own, *kept[begins:]]


def value_in(lines: Sequence[str], section: str, key: str) -> str | None:
    """Return the last value of a key in a section; None where it has none."""
    current, found = "", None
    for line in lines:
        header = _HEADER.fullmatch(line.rstrip("\r\n"))
        name, sign, value = line.partition("=")
        if header is not None:
            current = header["name"]
        elif current == section and sign and name.strip() == key:
            found = value.strip()
    return found
