"""Settings in sections, as GLib's key files and Qt's have them: of several values the last counts.

Format: the Desktop Entry Specification, "Basic format of the file". Comments and all other lines
stay as they are.
"""

from collections.abc import Mapping, Sequence


def with_values(lines: Sequence[str], section: str, values: Mapping[str, str]) -> list[str]:
    """Return the lines with these values in a section, and no others for the same keys there."""
    kept: list[str] = []
    current = ""
    begins = None  # after the line that begins the section for the first time
    for line in lines:
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            current = text[1:-1]
        elif current == section and text.partition("=")[0].strip() in values:
            continue
        kept.append(line if line.endswith("\n") else f"{line}\n")
        if begins is None and current == section:
            begins = len(kept)
    own = [f"{key}={value}\n" for key, value in values.items()]
    if begins is None:
        return [*kept, *(["\n"] if kept else []), f"[{section}]\n", *own]
    return [*kept[:begins], *own, *kept[begins:]]
