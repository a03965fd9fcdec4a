"""`docs/systems.md`: its table, from the results in `docs/systems/`, a JSON file for each system.

`python -m tests.systems.page` writes it again.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from builder.basics.codec import from_data, to_data
from tests.systems.measured import Boot, Ending, Measured
from tests.systems.recipes import SYSTEMS

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "systems.md"
RESULTS: Final = DOCS / "systems"
_MB: Final = 10**6
_PLACE: Final = re.compile(r"(<!-- systems -->\n).*?(<!-- end systems -->)", re.DOTALL)
_HEAD: Final = (
    "| system | tree | layers | ISO | build | BIOS | UEFI | remarks |",
    "| --- | ---: | --- | ---: | ---: | --- | --- | --- |",
)


def keep(result: Measured, folder: Path = RESULTS) -> None:
    """Write one system's result into its file."""
    folder.mkdir(exist_ok=True)
    text = json.dumps(to_data(result), indent=2, ensure_ascii=False) + "\n"
    (folder / f"{result.name}.json").write_text(text, "utf-8")


def kept(folder: Path = RESULTS) -> list[Measured]:
    """Return the results that are there, in the order of the recipes."""
    files = (folder / f"{recipe.name}.json" for recipe in SYSTEMS)
    return [from_data(Measured, json.loads(file.read_text("utf-8"))) for file in files
            if file.is_file()]  # fmt: skip


def filled(page: str, results: Sequence[Measured]) -> str:
    """Return the page with the table of these results, and their pictures below it."""
    untried = [recipe.title for recipe in SYSTEMS if recipe.name not in {r.name for r in results}]
    lines = [*_HEAD, *(_row(result) for result in results)]
    if untried:
        lines += ["", f"Not run yet: {'; '.join(untried)}."]
    for result in results:
        if result.screenshot:
            lines += ["", f"![{result.title}](systems/{result.name}.png)"]
    text, places = _PLACE.subn(lambda at: at[1] + "\n".join(lines) + "\n" + at[2], page)
    if places != 1:
        message = "docs/systems.md has no single place for its table"
        raise ValueError(message)
    return text


def write(page: Path = PAGE, folder: Path = RESULTS) -> None:
    """Write the table into the page."""
    page.write_text(filled(page.read_text("utf-8"), kept(folder)), "utf-8")


def _row(result: Measured) -> str:
    layers = ", ".join(f"{layer.name} {_size(layer.size)}" for layer in result.layers)
    boots = {boot.firmware: _boot(boot) for boot in result.boots}
    cells = (
        result.title,
        _size(result.tree),
        layers,
        "" if result.iso is None else _size(result.iso),
        "failed" if result.build_seconds is None else f"{result.build_seconds:.0f} s",
        boots.get("bios", ""),
        boots.get("uefi", ""),
        "; ".join([*_flaws(result), *result.remarks]),
    )
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _boot(boot: Boot) -> str:
    if boot.ending is Ending.FAILED:
        return "**failed**"
    seconds = f"{boot.seconds:.0f} s ({boot.accelerator})"
    word = ", ".join(each for each in (boot.session, boot.rights, seconds) if each)
    return word if boot.ending is Ending.FINE else f"**flawed**: {word}"


def _flaws(result: Measured) -> list[str]:
    failed = sorted({unit for boot in result.boots for unit in boot.failed_units})
    states = sorted({boot.state or "" for boot in result.boots} - {"", "running"})
    return [
        *([f"failed units: {', '.join(failed)}"] if failed else []),
        *(f"systemd says: {state}" for state in states),
        *(["no network by itself"] if any(boot.network is False for boot in result.boots) else []),
    ]


def _size(size: int) -> str:
    """Return bytes in MB, or in kB where that says more."""
    return f"{size / _MB:.0f} MB" if size >= _MB else f"{size / 1000:.0f} kB"


if __name__ == "__main__":
    write()
