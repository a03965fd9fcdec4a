"""The systems that are built and booted: recipes, files for each habit, a page of figures."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from builder.border.boot_test import Accelerator, BootTestResult, Firmware
from tests.systems import making, page, planting
from tests.systems.bootstrapping import bootstrap_argv
from tests.systems.making import chosen, digest, made, store
from tests.systems.measured import Boot, Ending, Layer, Measured
from tests.systems.planting import PLANTED
from tests.systems.recipe import Habit, Recipe
from tests.systems.recipes import SYSTEMS
from tests.systems.running import judged

PROJECT = Path(__file__).parents[3]
LIVE = ("live-boot", "live-config", "live-tools", "casper", "user-setup")
RECIPE = SYSTEMS[0]


@pytest.mark.parametrize("recipe", SYSTEMS, ids=lambda recipe: recipe.name)
def test_no_system_is_prepared_for_live_use(recipe: Recipe) -> None:
    assert [name for name in recipe.packages if name.startswith(LIVE)] == []


@pytest.mark.parametrize("recipe", SYSTEMS, ids=lambda recipe: recipe.name)
def test_who_has_rules_for_sudo_has_sudo(recipe: Recipe) -> None:
    brings_sudo = {"sudo", "ubuntu-minimal"} & set(recipe.packages)
    assert (Habit.SUDO in recipe.habits) == bool(brings_sudo)


def test_every_habit_has_files_and_every_folder_is_a_habit() -> None:
    folders = {path.name for path in PLANTED.iterdir()}
    assert folders == {"every", "person", *Habit}
    assert all(any(path.is_file() for path in (PLANTED / name).rglob("*")) for name in folders)


def test_every_habit_is_somebodys() -> None:
    assert {habit for recipe in SYSTEMS for habit in recipe.habits} == set(Habit)


def test_names_and_people_are_told_apart() -> None:
    assert len({recipe.name for recipe in SYSTEMS}) == len(SYSTEMS)
    for recipe in SYSTEMS:
        assert len({person.uid for person in recipe.people}) == len(recipe.people)


def test_planted_files_name_no_machine_that_exists() -> None:
    hosts = re.compile(r"https?://([a-z0-9.-]+)")
    for path in PLANTED.rglob("*"):
        if path.is_file():
            assert all(
                name.endswith((".example", ".arpa")) for name in hosts.findall(path.read_text())
            )


def test_the_archive_is_the_machines_own_unless_a_setting_names_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = dataclasses.replace(RECIPE, suite="trixie")
    tree = Path("/trees/x")
    assert bootstrap_argv(recipe, tree, keys=None)[-2:] == ["trixie", "/trees/x"]
    monkeypatch.setenv("DISTROCLONE_SYSTEMS_ARCHIVE_TRIXIE", "http://archive.example/debian")
    argv = bootstrap_argv(recipe, tree, keys=Path("/keys.gpg"))
    assert argv[-3:] == ["trixie", "/trees/x", "http://archive.example/debian"]
    assert "--keyring=/keys.gpg" in argv


def test_a_tree_is_named_by_all_that_decides_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = digest(RECIPE)
    assert digest(RECIPE) == before
    assert digest(dataclasses.replace(RECIPE, host_name="other")) != before
    for name in ("every", "person", *RECIPE.habits):
        (tmp_path / "planted" / name).mkdir(parents=True)
    monkeypatch.setattr(making, "PLANTED", tmp_path / "planted")
    monkeypatch.setattr(making, "_MAKERS", ())
    monkeypatch.setattr(making, "__file__", str(tmp_path / "making.py"))
    empty = digest(RECIPE)
    file = tmp_path / "planted" / RECIPE.habits[0] / "file"
    file.write_text("one")
    one = digest(RECIPE)
    file.write_text("two")
    assert len({empty, one, digest(RECIPE)}) == 3
    file.unlink()
    (tmp_path / "planted" / "other").mkdir()
    (tmp_path / "planted" / "other" / "file").write_text("nobody's habit here")
    assert digest(RECIPE) == empty


def test_a_second_run_makes_nothing_and_an_older_tree_goes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISTROCLONE_SYSTEMS", str(tmp_path))
    runs: list[Path] = []

    def bootstrap(_recipe: Recipe, tree: Path) -> None:
        tree.mkdir()
        runs.append(tree)

    monkeypatch.setattr(making, "bootstrap", bootstrap)
    monkeypatch.setattr(making, "plant", lambda _recipe, tree: (tree / "planted").touch())
    older = tmp_path / f"{RECIPE.name}-0123456789abcdef"
    other = tmp_path / f"{RECIPE.name}-too-0123456789abcdef"
    older.mkdir()
    other.mkdir()
    tree = made(RECIPE)
    assert made(RECIPE) == tree
    assert len(runs) == 1
    assert sorted(tmp_path.iterdir()) == sorted([tree, other])
    assert (tree / "planted").is_file()


def test_a_tree_that_could_not_be_made_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISTROCLONE_SYSTEMS", str(tmp_path))
    monkeypatch.setattr(making, "bootstrap", lambda _recipe, tree: tree.mkdir())

    def plant(_recipe: Recipe, _tree: Path) -> None:
        raise OSError("no space")

    monkeypatch.setattr(making, "plant", plant)
    with pytest.raises(OSError, match="no space"):
        made(RECIPE)
    assert list(tmp_path.iterdir()) == []


def test_trees_lie_below_the_users_cache_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DISTROCLONE_SYSTEMS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store() == tmp_path / "distroclone-builder-systems"


def test_a_system_that_is_not_there_is_named() -> None:
    with pytest.raises(SystemExit, match=r"there is no gentoo; there are: .*deb13-console"):
        chosen(["deb13-console", "gentoo"])
    assert chosen([]) == SYSTEMS


def test_what_is_planted_is_the_same_each_time_and_another_in_another_system() -> None:
    text = "@HOST@ @USER@ @HEX@ @KEY@ @UUID-root@ @UUID-swap@ @FAT@ a@b.example"
    first = planting._Values(RECIPE).filled(text)
    assert planting._Values(RECIPE).filled(text) == first
    assert planting._Values(SYSTEMS[1]).filled(text) != first
    assert first.startswith(f"{RECIPE.host_name} {RECIPE.people[0].name} ")
    assert first.endswith(" a@b.example")
    root, swap = re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f-]{17}", first)
    assert root != swap


def test_no_word_is_left_to_be_filled() -> None:
    for path in PLANTED.rglob("*"):
        if path.is_file():
            filled = planting._Values(RECIPE).filled(path.read_text("utf-8"))
            assert re.search(r"@[A-Z]{2,}", filled) is None, path


def test_private_files_are_closed_and_programs_can_run(tmp_path: Path) -> None:
    values = planting._Values(RECIPE)
    for habit in ("every", *Habit):
        for source in planting._files(PLANTED / habit):
            planting._put(source, tmp_path, source.relative_to(PLANTED / habit), values.filled)
    modes = {
        "etc/NetworkManager/system-connections/home.nmconnection": 0o600,
        "etc/keys/data.key": 0o400,
        "etc/sudoers.d/90-local": 0o440,
        "usr/local/bin/disk-report": 0o755,
        "etc/fstab": 0o644,
    }
    assert {name: (tmp_path / name).stat().st_mode & 0o7777 for name in modes} == modes
    fstab = (tmp_path / "etc/fstab").read_text()
    assert "/swapfile" in fstab
    assert "/dev/mapper/crypt-data" in fstab
    assert not (tmp_path / "etc/fstab.add").exists()


def report(session: str, *failed: str) -> BootTestResult:
    return BootTestResult(
        seconds=60.0,
        accelerator=Accelerator.TCG,
        report="",
        session=session,
        failed_units=failed,
        state="running",
        network=True,
        rights="sudo",
    )


@pytest.mark.parametrize(
    ("desktop", "session", "failed", "ending"),
    [
        (False, "tty", (), Ending.FINE),
        (False, "none", (), Ending.FLAWED),
        (False, "tty", ("a.service",), Ending.FLAWED),
        (True, "wayland", (), Ending.FINE),
        (True, "x11", (), Ending.FINE),
        (True, "tty", (), Ending.FLAWED),
    ],
)
def test_a_boot_is_fine_with_its_session_and_no_failed_unit(
    desktop: bool, session: str, failed: tuple[str, ...], ending: Ending
) -> None:
    recipe = dataclasses.replace(RECIPE, desktop=desktop)
    assert judged(recipe, Firmware.BIOS, report(session, *failed)).ending is ending


@pytest.mark.parametrize(
    "lacking",
    [{"state": "degraded"}, {"state": None}, {"network": False}, {"network": None},
     {"rights": "none"}, {"rights": None}],
)  # fmt: skip
def test_a_boot_without_what_a_person_would_miss_is_flawed(lacking: dict[str, Any]) -> None:
    recipe = dataclasses.replace(RECIPE, desktop=False)
    said = dataclasses.replace(report("tty"), **lacking)
    assert judged(recipe, Firmware.BIOS, said).ending is Ending.FLAWED


def result(**changes: object) -> Measured:
    boots = tuple(
        Boot(
            firmware=each,
            ending=Ending.FINE,
            seconds=61.4,
            accelerator="tcg",
            session="tty",
            rights="su",
            state="running",
            network=True,
        )
        for each in ("bios", "uefi")
    )
    whole = Measured(
        name=RECIPE.name, title=RECIPE.title, recipe="0123456789abcdef", date="2026-01-02",
        builder="1", tree=950 * 10**6, build_seconds=100.2, iso=400 * 10**6, boots=boots,
        layers=(Layer(name="filesystem", size=300 * 10**6), Layer(name="live", size=20480)),
    )  # fmt: skip
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


PAGE = "before\n<!-- systems -->\nold\n<!-- end systems -->\nafter\n"


def test_a_result_comes_back_from_its_file_and_fills_a_row(tmp_path: Path) -> None:
    page.keep(result(), tmp_path)
    assert page.kept(tmp_path) == [result()]
    text = page.filled(PAGE, page.kept(tmp_path))
    assert "| 950 MB | filesystem 300 MB, live 20 kB | 400 MB | 100 s |" in text
    assert "| tty, su, 61 s (tcg) | tty, su, 61 s (tcg) |  |" in text
    assert "old" not in text
    assert SYSTEMS[1].title in text.partition("Not run yet")[2]


def test_what_failed_is_in_the_table() -> None:
    boots = (
        Boot(firmware="bios", ending=Ending.FAILED),
        Boot(firmware="uefi", ending=Ending.FLAWED, seconds=9.0, accelerator="kvm", session="none",
             failed_units=("a.service",)),
    )  # fmt: skip
    flawed = result(boots=boots, remarks=("bios: no | report",))
    assert not flawed.is_fine
    row = page.filled(PAGE, [flawed])
    assert "| **failed** | **flawed**: none, 9 s (kvm) | failed units: a.service; bios: no" in row
    assert "no | report" not in row
    unbuilt = result(boots=(), build_seconds=None, iso=None, layers=(), remarks=("build: no",))
    assert not unbuilt.is_fine
    assert "| failed |  |  | build: no |" in page.filled(PAGE, [unbuilt])


def test_every_system_runs_at_night() -> None:
    workflow = yaml.safe_load((PROJECT / ".github/workflows/systems.yml").read_text("utf-8"))
    names = workflow["jobs"]["system"]["strategy"]["matrix"]["system"]
    assert names == [recipe.name for recipe in SYSTEMS]


def test_the_page_is_what_the_results_say() -> None:
    text = page.PAGE.read_text("utf-8")
    assert page.filled(text, page.kept()) == text
