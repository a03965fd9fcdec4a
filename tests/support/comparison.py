"""Whether two output folders hold the same, byte for byte, and if not, where they differ first."""

from pathlib import Path

_CHUNK = 4 << 20


def difference(one: Path, other: Path) -> str | None:
    """Say in which file and where two builds differ; None when they do not. Logs do not count."""
    names = results(one)
    if names != results(other):
        return f"other files: {names} and {results(other)}"
    if not names:
        return f"there is nothing in {one}"
    for name in names:
        if (offset := first_difference(one / name, other / name)) is not None:
            return f"{name} differs from byte {offset} on"
    return None


def results(folder: Path) -> list[str]:
    """Return the names of what a build left, but for its log."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".log")


def first_difference(one: Path, other: Path) -> int | None:
    """Return where two files differ first, which may be the end of the shorter one."""
    with one.open("rb") as first, other.open("rb") as second:
        position = 0
        while True:
            mine, yours = first.read(_CHUNK), second.read(_CHUNK)
            if mine != yours:
                pairs = zip(mine, yours, strict=False)
                same = (place for place, (a, b) in enumerate(pairs) if a != b)
                return position + next(same, min(len(mine), len(yours)))
            if not mine:
                return None
            position += len(mine)
