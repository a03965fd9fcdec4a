"""The plan of the house: which package may import which, and the page that shows it.

`python -m tests.support.house --write` writes the table of packages into docs/architecture.md.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
PAGE: Final = PROJECT / "docs/architecture.md"
BEGIN: Final = "<!-- packages: python -m tests.support.house --write -->\n"
END: Final = "<!-- end of packages -->\n"

# Floors from the top down. A package may import what stands on a lower floor of its own part, and
# never one of its own floor; host and inside also all of the shared ones.
FLOORS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "host": (
        ("cli",),
        ("command_line",),
        ("reproduce", "diff", "privacy"),
        ("verify",),
        ("build", "sign", "upkeep", "boot_test", "stick", "backup"),
        ("added", "sent"),
        ("image", "source", "output", "block_cache"),
        ("engine", "config", "display", "results", "report"),
        ("yaml",),
    ),
    "inside": (
        ("jobs",),
        ("explain",),
        ("steps", "inventory", "onto_disk"),
        ("installing",),
        ("session", "stack", "added", "boot_test", "backup"),
        ("iso", "source", "selection", "rules", "search", "sbom", "secure_boot"),
        ("blocks", "debian", "layers", "search_rules", "units"),
        ("leftovers",),
        ("tree", "output", "medium", "archives"),
        ("system",),
        ("linux",),
    ),
    "": (("border",), ("formats",), ("basics",)),
}
SHARED: Final = tuple(name for floor in FLOORS[""] for name in floor)


def allowed(package: str) -> frozenset[str]:
    """Return the packages that `package`, e.g. "host.build", may import."""
    part, _, name = package.rpartition(".")
    floors = FLOORS[part]
    (level,) = [number for number, floor in enumerate(floors) if name in floor]
    prefix = f"{part}." if part else ""
    below = {f"{prefix}{each}" for floor in floors[level + 1 :] for each in floor}
    return frozenset(below | (set(SHARED) if part else set()))


def packages() -> list[str]:
    """Return every package of the plan, from the top down."""
    return [
        f"{part}.{name}" if part else name
        for part, floors in FLOORS.items()
        for floor in floors
        for name in floor
    ]


def folder(package: str) -> Path:
    """Return where a package lies."""
    return PROJECT / "builder" / package.replace(".", "/")


def modules(package: str) -> list[Path]:
    """Return the modules of a package."""
    return sorted(path for path in folder(package).glob("*.py") if path.name != "__init__.py")


def sentence(package: str) -> str:
    """Return what a package says of itself."""
    text = (folder(package) / "__init__.py").read_text("utf-8")
    return " ".join((ast.get_docstring(ast.parse(text)) or "").split("\n\n", 1)[0].split())


def table() -> str:
    """Return the packages as the page shows them: a table for each part."""
    parts = (
        ("Shared by both sides", "", ""),
        ("Your machine: `builder/host/`", "host", "host."),
        ("The container: `builder/inside/`", "inside", "inside."),
    )
    return "\n".join(f"**{title}**\n\n{_rows(part, prefix)}" for title, part, prefix in parts)


def _rows(part: str, prefix: str) -> str:
    lines = ["| floor | package | what is there |", "| --- | --- | --- |"]
    floors = FLOORS[part]
    for number, floor in enumerate(floors):
        for name in floor:
            package = f"{prefix}{name}"
            path = f"builder/{package.replace('.', '/')}/"
            lines.append(f"| {len(floors) - number} | `{path}` | {sentence(package)} |")
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """Return a page with today's table in it."""
    before, rest = page.split(BEGIN)
    _old, after = rest.split(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def imports(source: str, module: str) -> Iterator[str]:
    """Yield the full name of every module that `source` names, wherever it does."""
    above_all = module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = above_all[: len(above_all) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            # What is imported may itself be a module: `from builder import host`.
            yield from (f"{start}.{alias.name}" for alias in node.names)


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    PAGE.write_text(written(PAGE.read_text("utf-8")), encoding="utf-8")
