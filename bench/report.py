"""Results as tables in Markdown, and put into the pages that show them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import (
    Builds,
    Choice,
    Machine,
    Packing,
    Rounds,
    Sweep,
    Target,
    frontier,
)

_GB, _MB, _MIB = 10**9, 10**6, 1 << 20


def put(page: Path, blocks: Mapping[str, str]) -> None:
    """Replace what is between `<!-- bench NAME -->` and `<!-- end NAME -->` in a page."""
    text = page.read_text("utf-8")
    for name, block in blocks.items():
        pattern = rf"(<!-- bench {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)"
        places = list(re.finditer(pattern, text, re.DOTALL))
        if len(places) != 1:
            message = f"{page} has no single place for {name}"
            raise ValueError(message)
        [place] = places
        text = f"{text[: place.end(1)]}{block}\n{text[place.start(2) :]}"
    page.write_text(text, "utf-8")


def machine_line(machine: Machine) -> str:
    """Say where it was measured."""
    return (
        f"Measured {machine.date}: {machine.processors} processors ({machine.processor}), "
        f"{machine.memory / _GB:.0f} GB of memory, Linux {machine.kernel}, {machine.engine} "
        f"({machine.storage}); {', '.join(machine.tools)}."
    )


def targets_table(targets: Sequence[Target]) -> str:
    """Render what is wanted and what was measured."""
    words = {True: "met", False: "**missed**", None: "not measured"}
    rows = [
        (each.figure, f"≤ {_with_unit(each.bound, each.unit)}",
         "-" if each.measured is None else _with_unit(each.measured, each.unit),
         words[each.is_met])
        for each in targets
    ]  # fmt: skip
    return _table(("figure", "target", "measured", ""), rows, numbers=(1, 2))


def builds_table(builds: Builds) -> str:
    """Render the medians of every kind of build."""
    head = ("build", "time", "processors", "squashfs step", "the rest", "ISO", "blocks reused",
            "memory", "written / ISO", "by others")  # fmt: skip
    rows = [_build_row(each) for each in builds.rounds if each.runs]
    note = f"A tree of {builds.content / _GB:.2f} GB, medians of {_rounds(builds)}."
    return f"{note}\n\n{_table(head, rows, numbers=range(1, len(head)))}"


def _rounds(builds: Builds) -> str:
    count = max(len(each.runs) for each in builds.rounds)
    return f"{count} round{'s' if count > 1 else ''}"


def _build_row(each: Rounds) -> tuple[str, ...]:
    blocks = each.runs[-1].blocks
    asked = blocks.hits + blocks.misses if blocks else 0
    share = f"{blocks.hits} of {asked}" if blocks and asked else "-"
    written = each.middle("written") / each.middle("iso")
    others = each.middle("others") / (each.middle("processor") + each.middle("others"))
    return (
        each.kind,
        f"{each.middle('wall'):.1f} s",
        f"{each.middle('processor'):.1f} s",
        f"{each.middle('compression'):.1f} s",
        f"{each.middle('rest'):.1f} s",
        f"{each.middle('iso') / _MB:.1f} MB",
        share,
        f"{each.middle('memory') / _MIB:.0f} MiB",
        f"{written:.2f}",
        f"{others:.0%}",
    )


def sweep_table(sweep: Sweep, presets: Mapping[str, str]) -> str:
    """Render the sweep, smallest image last; `presets` names the choices that are presets."""
    best = {each.name for each in frontier(sweep.choices)}
    ordered = sorted(sweep.choices, key=lambda each: each.processor)
    rows = [
        (f"`{each.name}`", presets.get(each.name, ""), f"{each.processor:.1f} s",
         f"{each.wall:.1f} s", f"{each.size / _MB:.1f} MB", f"{each.size / sweep.content:.3f}",
         "yes" if each.name in best else "")
        for each in ordered
    ]  # fmt: skip
    head = ("compression", "preset", "processors", "time", "image", "of the tree", "unbeaten")
    return _table(head, rows, numbers=range(2, 6))


def packing_table(study: Packing) -> str:
    """Render, for each packing, the image and what each change made mksquashfs compress again."""
    changes = [f"{change.name} ({change.changed / _MB:.1f} MB)" for change in study.changes]
    head = ["packing", "blocks", "image", *changes]
    rows = []
    plain = study.cold[0]
    for position, cold in enumerate(study.cold):
        image = f"{cold.size / _MB:.2f} MB ({cold.size / plain.size - 1:+.2%})"
        cells = [_again(change.choices[position], change.changed) for change in study.changes]
        rows.append((cold.name, str(cold.runs[0].asked), image, *cells))
    return _table(head, rows, numbers=range(1, len(head)))


def _again(choice: Choice, changed: int) -> str:
    run = choice.runs[0]
    again = f"{run.miss_bytes / _MB:.1f} MB, {run.misses} of {run.asked}"
    return again if changed < _MB else f"{again}: **{run.miss_bytes / changed:.2f}**"


def _with_unit(value: float, unit: str) -> str:
    number = f"{value:.3g}" if value < 10 else f"{value:.0f}"
    if unit == "s" and value >= 10:
        number = f"{value:.1f}".removesuffix(".0")
    return f"{number} {unit}".rstrip()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int]) -> str:
    rule = ["---:" if column in numbers else "---" for column in range(len(head))]
    lines = [head, rule, *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)
