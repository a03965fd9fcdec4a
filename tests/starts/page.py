"""The table of start paths in `docs/booting.md`, from the results in `docs/starts/`.

`python -m tests.starts.page` writes it again. What was not run is not in a result, and the table
says so.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from builder.basics.codec import from_data, to_data
from tests.starts.measured import Boot, Ending, Measured
from tests.starts.way import Machine, Way
from tests.starts.ways import WAYS

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "booting.md"
RESULTS: Final = DOCS / "starts"
_PLACE: Final = re.compile(r"(<!-- starts -->\n).*?(<!-- end starts -->)", re.DOTALL)
_TITLES: Final = {
    Machine.BIOS: "BIOS",
    Machine.UEFI: "UEFI",
    Machine.SECURE: "UEFI, Secure Boot",
    Machine.UEFI32: "UEFI, 32 bits",
}
_HEAD: Final = (
    f"| what it starts from | {' | '.join(_TITLES.values())} | run |",
    f"| --- |{' --- |' * len(_TITLES)} --- |",
)


def keep(result: Measured, folder: Path = RESULTS) -> None:
    """Write the result of one start path into its file; it replaces older boots of its machines."""
    folder.mkdir(exist_ok=True)
    boots = {boot.machine: boot for boot in (*_read(folder, result.name), *result.boots)}
    ordered = tuple(boots[machine] for machine in Machine if machine in boots)
    data = to_data(Measured(name=result.name, boots=ordered))
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    (folder / f"{result.name}.json").write_text(text, "utf-8")


def kept(folder: Path = RESULTS) -> list[Measured]:
    """Return the results that are there, in the order of the start paths."""
    found = ((way.name, _read(folder, way.name)) for way in WAYS)
    return [Measured(name=name, boots=boots) for name, boots in found if boots]


def _read(folder: Path, name: str) -> tuple[Boot, ...]:
    file = folder / f"{name}.json"
    if not file.is_file():
        return ()
    return from_data(Measured, json.loads(file.read_text("utf-8"))).boots


def filled(page: str, results: Sequence[Measured]) -> str:
    """Return the page with the table of these results."""
    found = {result.name: result for result in results}
    lines = [*_HEAD, *(_row(way, found.get(way.name)) for way in WAYS)]
    for reason in dict.fromkeys(way.impossible for way in WAYS if way.impossible):
        lines += ["", f"no: {reason}."]
    lines += ["", *_versions(results)]
    text, places = _PLACE.subn(lambda at: at[1] + "\n".join(lines) + "\n" + at[2], page)
    if places != 1:
        message = "docs/booting.md has no single place for its table"
        raise ValueError(message)
    return text


def write(page: Path = PAGE, folder: Path = RESULTS) -> None:
    """Write the table into the page."""
    page.write_text(filled(page.read_text("utf-8"), kept(folder)), "utf-8")


def _row(way: Way, result: Measured | None) -> str:
    boots = {} if result is None else {boot.machine: boot for boot in result.boots}
    cells = (
        way.title,
        *(_cell(way, machine, boots.get(machine)) for machine in Machine),
        ", ".join(sorted({boot.date for boot in boots.values()})),
    )
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _cell(way: Way, machine: Machine, boot: Boot | None) -> str:
    if machine not in way.machines:
        return "no" if way.impossible else ""
    if boot is None:
        return "not run"
    match boot.ending:
        case Ending.STARTED:
            return f"{boot.seconds:.0f} s"
        case Ending.REFUSED:
            return f"refused: `{boot.said}`"
        case Ending.FAILED:
            return f"**failed**: `{boot.said}`"


def _versions(results: Sequence[Measured]) -> list[str]:
    """Return what the results were measured with."""
    pairs = (
        (_TITLES[Machine(boot.machine)], boot.firmware)
        for result in results
        for boot in result.boots
    )
    by_machine: dict[str, set[str]] = {}
    for title, firmware in pairs:
        by_machine.setdefault(title, set()).add(firmware)
    said = [
        f"{title}: {' and '.join(sorted(by_machine[title]))}"
        for title in _TITLES.values()
        if title in by_machine
    ]
    boots = [boot for result in results for boot in result.boots]
    with_what = [
        *sorted({f"QEMU {boot.qemu}" for boot in boots}),
        *sorted({boot.accelerator for boot in boots}),
    ]
    return [f"{'; '.join([*said, *with_what])}."] if said else []


if __name__ == "__main__":
    write()
