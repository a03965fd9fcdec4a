"""The results in a folder, as the tables and plots of `docs/performance.md` and its neighbours."""

import json
import re
from pathlib import Path
from typing import Final, TypeVar

from bench import plans, report
from bench.figures import Builds, Packing, Sweep, frontier, targets
from bench.plot import Bar, Point, bars, scatter
from builder.basics.codec import from_data

DOCS: Final = Path(__file__).parent.parent / "docs"
RESULTS: Final = DOCS / "performance"
_MB: Final = 10**6
_OPTION: Final = re.compile(r"[a-z]+=")
Value = TypeVar("Value")


def render(results: Path) -> str:
    """Return every table of the results, and draw their plots beside them.

    Where the results are those of the documentation, its pages get the tables, too.
    """
    performance, packing = _tables(results)
    if results == RESULTS:
        report.put(DOCS / "performance.md", performance)
        report.put(DOCS / "block-cache.md", packing)
    return "\n\n".join([*performance.values(), *packing.values()]) + "\n"


def _tables(results: Path) -> tuple[dict[str, str], dict[str, str]]:
    performance, packing = {}, {}
    demo, desktop, large = (load(Builds, results / f"builds-{tree}.json") for tree in plans.TREES)
    if demo is not None:
        performance["targets"] = report.targets_table(targets(demo, large))
    if desktop is not None:
        performance["targets-desktop"] = report.targets_table(targets(desktop))
    for tree in plans.TREES:
        if builds := load(Builds, results / f"builds-{tree}.json"):
            _write(results / f"builds-{tree}.svg", _bars(builds))
            line = report.machine_line(builds.machine)
            plot = f"![Whole builds]({results.name}/builds-{tree}.svg)"
            table = report.builds_table(builds)
            performance[f"builds-{tree}"] = f"{line}\n\n{table}\n\n{plot}"
        if sweep := load(Sweep, results / f"sweep-{tree}.json"):
            _write(results / f"sweep-{tree}.svg", _scatter(sweep))
            line = report.machine_line(sweep.machine)
            table = report.sweep_table(sweep, plans.preset_names())
            plot = f"![Size against processor time]({results.name}/sweep-{tree}.svg)"
            performance[f"sweep-{tree}"] = f"{line}\n\n{table}\n\n{plot}"
        if study := load(Packing, results / f"packing-{tree}.json"):
            packing[f"packing-{tree}"] = report.packing_table(study)
    return performance, packing


def _bars(builds: Builds) -> str:
    rows = [
        Bar(name=each.kind, parts=(("squashfs step", each.middle("compression")),
                                   ("the rest", each.middle("rest"))))
        for each in builds.rounds if each.runs
    ]  # fmt: skip
    title = f"Whole builds of a tree of {builds.content / 10**9:.2f} GB: squashfs step and the rest"
    return bars(rows, title=title, unit="s")


def _scatter(sweep: Sweep) -> str:
    presets = plans.preset_names()
    best = {each.name for each in frontier(sweep.choices)}
    points = []
    for each in sweep.choices:
        kind = "preset" if each.name in presets else "best" if each.name in best else "other"
        name = _OPTION.sub("", each.name).replace(",", " ")
        points.append(Point(name=name, x=each.processor, y=each.size / _MB, kind=kind))
    return scatter(
        points,
        title=f"A tree of {sweep.content / 10**9:.2f} GB: size against time",
        x="processor time, s (red: a preset; blue: unbeaten)",
        y="image, MB",
    )


def load(kind: type[Value], path: Path) -> Value | None:
    """Return a result, or None where there is none."""
    return from_data(kind, json.loads(path.read_text("utf-8"))) if path.is_file() else None


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
