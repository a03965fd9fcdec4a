"""The benchmark's own arithmetic, tables and plots; what it measures is measured elsewhere."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import pages, plans, report
from bench.build import BuildKind
from bench.figures import (
    BuildRun,
    Builds,
    Change,
    Choice,
    Machine,
    Packing,
    PackRun,
    Rounds,
    StepTime,
    Sweep,
    Target,
    frontier,
    growth,
    targets,
)
from bench.plot import Bar, Point, bars, scatter
from bench.usage import read_groups, read_written
from builder.basics.codec import from_data, to_data
from builder.border.stored_blocks import BlockCounts
from builder.host.config.compression_text import PRESETS, parse_compression

MACHINE = Machine(
    processor="A fast one", processors=2, memory=8 * 10**9, kernel="6.12", engine="Docker 28",
    storage="overlay2 on extfs", tools=("squashfs-tools 1:4.6.1-1",), date="2026-06-17",
)  # fmt: skip


def run(wall: float, *, squashfs: float = 1.0, iso: int = 100, written: int = 150) -> BuildRun:
    return BuildRun(
        wall=wall, processor=wall * 1.5, others=0.5, memory=1 << 29, limit=0, written=written,
        iso=iso, sha256="0" * 64, steps=(StepTime(name="squashfs", seconds=squashfs),),
        blocks=BlockCounts(hits=3, misses=1, hit_bytes=3, miss_bytes=1, damaged=0,
                           stored_bytes=1, not_stored=0),
    )  # fmt: skip


def pack_run(size: int, processor: float, *, misses: int = 0, miss_bytes: int = 0) -> PackRun:
    return PackRun(wall=processor / 2, processor=processor, size=size, asked=10, misses=misses,
                   miss_bytes=miss_bytes)  # fmt: skip


def builds(tree: str = "demo", content: int = 1000, **kinds: list[float]) -> Builds:
    rounds = [
        Rounds(kind=kind.replace("_", " "), runs=tuple(run(wall) for wall in walls))
        for kind, walls in kinds.items()
    ]
    return Builds(tree=tree, content=content, machine=MACHINE, rounds=tuple(rounds))


def test_the_median_is_not_the_mean() -> None:
    rounds = Rounds(kind="x", runs=(run(1.0), run(2.0), run(30.0)))
    assert rounds.middle("wall") == 2.0
    assert rounds.middle("rest") == 1.0


def test_a_ratio_is_taken_inside_each_round() -> None:
    above = Rounds(kind="x", runs=(run(1.0), run(20.0), run(3.0)))  # the second round was slow
    below = Rounds(kind="y", runs=(run(2.0), run(40.0), run(6.0)))
    assert above.ratio("wall", below) == 0.5


def test_each_target_takes_its_own_figures() -> None:
    measured = builds(reference=[100.0], standard_cold=[30.0], max_cold=[200.0], max_warm=[20.0],
                      max_six_packages=[80.0])  # fmt: skip
    writing = {
        "bytes written for each byte of the ISO, an empty block cache, which it fills",
        "bytes written for each byte of the ISO, a full block cache, after six packages",
    }
    found = {target.figure: target for target in targets(measured)}
    values = {target.bound: target.measured for target in found.values()}
    assert values[0.12] == 0.1
    assert values[1.06] == 1.0
    assert values[12] == 19.0
    assert values[1536] == 512.0
    assert {name for name, target in found.items() if target.measured == 1.5} == writing
    assert [target.measured for target in found.values() if target.bound == 0.35] == [0.3, 0.4]
    assert [target.is_met for target in found.values() if target.bound == 0.35] == [True, False]
    assert values[2] is None  # mksquashfs alone was not run


def test_the_one_target_in_seconds_is_the_demo_trees() -> None:
    seconds = {
        tree: [each for each in targets(builds(tree, 100)) if each.unit == "s"]
        for tree in ("demo", "desktop")
    }
    assert [each.bound for each in seconds["demo"]] == [12]
    assert seconds["desktop"] == []


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert {target.is_met for target in targets(builds())} == {None}
    assert "not measured" in report.targets_table(targets(builds()))


def test_growth_is_for_each_byte_of_the_tree() -> None:
    small = builds("demo", 100, standard_cold=[10.0], standard_warm=[4.0])
    large = builds("large", 1000, standard_cold=[110.0], standard_warm=[20.0])
    found = [target.measured for target in growth(small, large)]
    assert found == pytest.approx([1.1, 1.1, 0.1, 0.5, 0.5, 0.1])


def test_the_frontier_is_what_nothing_beats() -> None:
    rows = {"a": (10, 1.0), "b": (10, 2.0), "c": (5, 3.0), "d": (6, 4.0), "e": (1, 9.0)}
    choices = [Choice(name=name, runs=(pack_run(*row),)) for name, row in rows.items()]
    assert [choice.name for choice in frontier(choices)] == ["a", "c", "e"]


def test_equal_choices_do_not_beat_each_other() -> None:
    twins = [Choice(name=name, runs=(pack_run(1, 1.0),)) for name in "ab"]
    assert frontier(twins) == twins


def test_a_missed_target_is_said_to_be_missed() -> None:
    table = report.targets_table([
        Target(figure="one", bound=0.35, measured=0.351),
        Target(figure="two", bound=12, measured=11.94, unit="s"),
    ])  # fmt: skip
    assert "| one | ≤ 0.35 | 0.351 | **missed** |" in table
    assert "| two | ≤ 12 s | 11.9 s | met |" in table


def test_a_table_has_a_row_for_each_kind_of_build() -> None:
    table = report.builds_table(builds(reference=[10.0, 12.0, 11.0], max_cold=[5.0]))
    assert "| reference | 11.0 s | 16.5 s | 1.0 s | 10.0 s |" in table
    assert "medians of 3 rounds" in table
    assert "| 3 of 4 |" in table


def test_the_sweep_marks_presets_and_what_is_unbeaten() -> None:
    choices = (Choice(name="zstd,level=3", runs=(pack_run(10**6, 1.0),)),
               Choice(name="xz", runs=(pack_run(2 * 10**6, 2.0),)))  # fmt: skip
    sweep = Sweep(tree="demo", content=10**7, machine=MACHINE, choices=choices)
    table = report.sweep_table(sweep, {"zstd,level=3": "`fast`"})
    assert "| `zstd,level=3` | `fast` | 1.0 s | 0.5 s | 1.0 MB | 0.100 | yes |" in table
    assert "| `xz` | | 2.0 s | 1.0 s | 2.0 MB | 0.200 | |" in table


def test_the_packing_table_relates_what_is_compressed_again_to_what_changed() -> None:
    again = Choice(name="by group",
                   runs=(pack_run(10**6, 1.0, misses=4, miss_bytes=15 * 10**6),))  # fmt: skip
    change = Change(name="six packages", changed=10**7, choices=(again,))
    study = Packing(tree="demo", content=10**8, machine=MACHINE, cold=(again,), changes=(change,))
    assert "15.0 MB, 4 of 10: **1.50**" in report.packing_table(study)


def test_a_page_gets_its_tables_and_nothing_else_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- bench x -->\nold\n<!-- end x -->\nb\n<!-- bench y -->\n<!-- end y -->")
    report.put(page, {"x": "new \\1"})
    assert page.read_text() == (
        "a\n<!-- bench x -->\nnew \\1\n<!-- end x -->\nb\n<!-- bench y -->\n<!-- end y -->"
    )
    with pytest.raises(ValueError, match="no single place for z"):
        report.put(page, {"z": ""})


def test_results_survive_being_written_and_read() -> None:
    measured = builds(reference=[1.0, 2.0])
    assert from_data(Builds, json.loads(json.dumps(to_data(measured)))) == measured


def test_a_folder_of_results_becomes_tables_and_plots(tmp_path: Path) -> None:
    demo = builds(reference=[10.0], standard_cold=[3.0])
    (tmp_path / "builds-demo.json").write_text(json.dumps(to_data(demo)))
    text = pages.render(tmp_path)
    assert "Measured 2026-06-17: 2 processors (A fast one)" in text
    assert "| 0.3 | met |" in text
    ET.parse(tmp_path / "builds-demo.svg")  # noqa: S314 - our own


def test_the_plots_show_every_name_whatever_it_is_made_of() -> None:
    points = [Point(name="a<b>&", x=1.0, y=5.0), Point(name="c", x=1.0, y=5.0, kind="best")]
    drawn = "".join(ET.fromstring(scatter(points, title="t&", x="s", y="MB")).itertext())  # noqa: S314
    assert "a<b>&" in drawn
    rows = [Bar(name="<x>", parts=(("one", 1.0), ("two", 0.0))), Bar(name="y", parts=())]
    assert "<x>" in "".join(ET.fromstring(bars(rows, title="t", unit="s")).itertext())  # noqa: S314


def test_names_of_crowded_points_stay_apart_and_inside_the_plot() -> None:
    points = [
        Point(name=f"a name of {number}", x=10.0 + number / 10, y=5.0 + number % 3 / 100)
        for number in range(12)
    ] + [Point(name="far right", x=99.0, y=900.0)]
    tree = ET.fromstring(scatter(points, title="t", x="s", y="MB"))  # noqa: S314
    width = 6
    places = [
        (float(text.attrib["x"]), float(text.attrib["y"]), width * len(text.text))
        for text in tree.iter("{http://www.w3.org/2000/svg}text")
        if text.text and text.text.startswith(("a name", "far"))
    ]
    assert len(places) == 13
    assert all(left > 0 and left + length < 760 for left, _base, length in places)
    for position, (left, base, length) in enumerate(places):
        for other, beneath, reach in places[position + 1 :]:
            is_beside = left + length <= other or other + reach <= left
            assert is_beside or abs(base - beneath) >= 12


def test_what_the_kernel_counted_is_read() -> None:
    assert read_written("rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 5\n") == 4096
    first = "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/docker/abc\n"
    groups = read_groups(first)
    assert groups["cpuacct"] == groups["memory"] == Path("docker/abc")
    assert read_groups("0::/system.slice/docker-abc.scope\n") == {
        "": Path("system.slice/docker-abc.scope")
    }


def test_everything_that_is_tried_can_be_given_to_a_build() -> None:
    kinds = [kind for tree in plans.TREES for kind in plans.builds_of(tree, can_stage=True)]
    tried = [*plans.SWEEP, *(kind.compression for kind in kinds)]
    assert all(parse_compression(each) for each in tried)


def test_the_presets_are_among_what_the_sweep_tries() -> None:
    named = plans.preset_names()
    shown = " ".join(named[each] for each in plans.SWEEP if each in named)
    assert all(f"`{name}`" in shown for name in PRESETS)


def test_a_warm_build_finds_the_store_of_a_cold_one_of_the_same_round() -> None:
    kinds = plans.builds_of("demo", can_stage=False)
    for kind in kinds:
        if "cold" in kind.name:
            assert kind.fresh
        elif kind.store is not None:
            assert _before(kinds, kind)


def _before(kinds: list[BuildKind], kind: BuildKind) -> bool:
    earlier = kinds[: kinds.index(kind)]
    return any(each.fresh and each.store == kind.store for each in earlier)
