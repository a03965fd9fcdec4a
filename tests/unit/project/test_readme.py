"""What README and the pages beside it say is there, is there: commands, options, codes, paths."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from builder.basics.errors import ExitCode
from builder.border.step_names import StepName
from builder.host.cli.root import cli
from builder.host.config.checks import selector
from builder.host.config.compression_text import PRESETS, parse_compression
from builder.host.config.settings import SOURCES
from tests.support import job_table

PROJECT = Path(__file__).parents[3]
README = PROJECT / "README.md"
CLI_PAGE = PROJECT / "docs/cli.md"
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")])
TEXTS = [*PAGES, PROJECT / "docs/build.yaml"]
WORKFLOW = PROJECT / ".github/workflows/ci.yml"

PROGRAM = "distroclone-builder"
TOP = {path.name for path in PROJECT.iterdir()} | {"scripts", "tests", "docs", "builder"}


BEFORE = ("--engine", "--context")  # each with a value


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield the words of every command line of ours in fenced blocks and between backquotes."""
    fenced = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in fenced for line in block.splitlines()]
    quoted = re.findall(r"`([^`\n]+)`", text)
    for line in (*lines, *quoted):
        for found in re.finditer(rf"(?:^|[(/ ]){PROGRAM} ([^#)]*)", line):
            yield shlex.split(found[1])


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that the words name, and the words that are its own."""
    command: click.Command = cli
    while words and words[0] in BEFORE:
        words = words[2:]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        assert name in command.commands, f"there is no command {name}"
        command = command.commands[name]
    return command, words


def options_of(command: click.Command) -> set[str]:
    with click.Context(command, **cli.context_settings) as context:
        return {option for each in command.get_params(context) for option in each.opts}


def leaves(group: click.Group, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *above, name)
        else:
            yield (*above, name), command


def table_after(text: str, heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading, without its head."""
    section = text.split(f"\n{heading}\n", 1)[1]
    rows = [line for line in section.split("\n#", 1)[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


@pytest.mark.parametrize("page", TEXTS, ids=lambda path: path.name)
def test_every_command_that_a_page_shows_can_be_given(page: Path) -> None:
    for words in commands_in(page.read_text()):
        command, rest = resolve(words)
        known = options_of(command)
        wrong = [word for word in rest if word.startswith("-") and word.split("=")[0] not in known]
        assert not wrong, f"{PROGRAM} {shlex.join(words)}: {wrong}"


def test_the_commands_that_readme_lists_are_complete() -> None:
    shown = {resolve(words)[0].name for words in commands_in(README.read_text())}
    assert {command.name for _path, command in leaves(cli)} <= shown


def test_readme_names_the_flag_of_every_kind_of_source() -> None:
    for setting in SOURCES:
        assert setting.flag is not None
        assert f"`{setting.flag.name} {setting.flag.metavar}`" in README.read_text()


def test_the_help_of_every_command_has_an_example_that_can_be_given() -> None:
    for path, command in leaves(cli):
        _before, _found, examples = (command.help or "").partition("Example")
        shown = [resolve(words) for words in commands_in(f"```sh\n{examples}\n```")]
        assert command in [each for each, _rest in shown], f"{' '.join(path)} has no example"
        for each, rest in shown:
            options = {word.split("=")[0] for word in rest if word[:1] == "-" != word}
            assert options <= options_of(each), (path, rest)


def test_the_commands_that_readme_lists_are_understood_by_the_parser() -> None:
    block = README.read_text().split("## Commands", 1)[1].split("```sh\n", 1)[1].split("```")[0]
    lines = list(commands_in(f"```sh\n{block}```"))
    assert len(lines) == len(block.splitlines())
    for words in lines:
        command, rest = resolve(words)
        if not isinstance(command, click.Group):
            command.make_context(command.name, list(rest))


def test_the_page_of_commands_names_every_option_of_every_command() -> None:
    sections = re.split(r"^## ", CLI_PAGE.read_text(), flags=re.MULTILINE)
    by_title = {section.split("\n", 1)[0].strip(): section for section in sections}
    for path, command in leaves(cli):
        assert path[0] in by_title, f"docs/cli.md has no section {path[0]}"
        section = by_title[path[0]]
        assert f"{PROGRAM} {' '.join(path)}" in section
        for option in options_of(command) - {"-h", "--help"} - options_of(cli):
            if option.startswith("--"):
                assert f"`{option}" in section or f" {option}`" in section, (path, option)


def test_the_page_of_commands_names_the_options_of_all_commands_once() -> None:
    rows = table_after(CLI_PAGE.read_text(), "## Which engine")
    assert [shown.strip("`").split()[0] for shown, _meaning in rows] == ["--engine", "--context"]
    assert set(rows[0][0].strip("`").split()) <= options_of(cli) | {"WHICH"}


def test_the_exit_codes_in_readme_are_those_of_the_program() -> None:
    rows = table_after(README.read_text(), "### Exit codes")
    assert [int(code) for code, _meaning in rows] == [each.value for each in ExitCode]


def test_the_exit_codes_in_the_help_are_those_of_the_program() -> None:
    shown = re.findall(r"(?:: |, |\n)(\d+) ", cli.epilog or "")
    assert [int(code) for code in shown] == [each.value for each in ExitCode]


def test_the_compressions_in_readme_are_those_of_the_program() -> None:
    text = README.read_text()
    rows = table_after(text, "### Compression")
    assert [name.strip("`") for name, *_rest in rows] == list(PRESETS)
    for (_name, what, _when), preset in zip(rows, PRESETS.values(), strict=True):
        assert what.startswith(preset.codec.value)
        assert preset.level is None or f"level {preset.level}," in what
        assert all(each in what for each in preset.filters)
        assert f"blocks of {preset.block_size >> 20} MiB" in what
    explicit = text.split("Or written out:", 1)[1].split("\n\n", 1)[0]
    examples = [each for each in re.findall(r"`([^`]+)`", explicit) if "[" not in each]
    assert [parse_compression(each).name for each in examples] == examples


def test_the_selectors_in_readme_are_possible() -> None:
    rows = table_after(README.read_text(), "### Selectors")
    assert rows
    for shown, _meaning in rows:
        assert selector(shown.strip("`")) == shown.strip("`")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.read_text())
    gone = [link for link in links if "://" not in link and not leads(page, link)]
    assert not gone


@pytest.mark.parametrize("link", ["docs/none.md", "docs/cli.md#none", "#none"])
def test_a_link_that_leads_nowhere_would_be_found(link: str) -> None:
    assert not leads(README, link)


def leads(page: Path, link: str) -> bool:
    """Whether the file is there, and the heading in it that the link may name."""
    name, _, heading = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not heading or heading in headings(target))


def headings(page: Path) -> set[str]:
    """Return the names that headings get on the project's site."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_path_of_the_project_that_a_page_names_is_there(page: Path) -> None:
    paths = re.findall(r"`((?:\.github|[a-z]+)/[A-Za-z0-9_./-]*)[`:]", page.read_text())
    ours = [path for path in paths if path.split("/")[0] in TOP]
    gone = [path for path in ours if not (PROJECT / path).exists()]
    assert not gone


def test_the_architecture_page_gives_the_jobs_of_the_catalogue() -> None:
    assert job_table.shown_table(job_table.PAGE.read_text()) == job_table.job_table(), (
        f"the table is out of date; `{job_table.COMMAND}` writes it"
    )


def test_a_table_of_jobs_that_is_out_of_date_is_written_again() -> None:
    page = job_table.PAGE.read_text()
    old = page.replace("`freeze`", "`melt`").replace("| `thaw`", "| `boil`")
    assert old != page
    assert job_table.with_table(old).replace("`melt`", "`freeze`") == page
    assert job_table.with_table(page) == page


def test_the_architecture_page_gives_the_steps_in_their_order() -> None:
    rows = table_after((PROJECT / "docs/architecture.md").read_text(), "### The steps")
    assert [name.strip("`") for name, *_rest in rows] == list(StepName)


def test_the_picture_in_readme_has_the_steps_in_their_order() -> None:
    picture = README.read_text().split("## How it works", 1)[1].split("```")[1]
    shown = " ".join(re.findall(r"[a-z]+(?: >)?", picture.split(">  build", 1)[1]))
    assert " > ".join(StepName) in re.sub(r"\s+", " ", shown)


def test_the_workflow_runs_the_script_that_readme_names_and_pins_its_actions() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    steps = workflow["jobs"]["test"]["steps"]
    assert " scripts/test " in steps[-1]["run"]
    for used in (step["uses"] for step in steps if "uses" in step):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used)
    assert workflow["permissions"] == {"contents": "read"}


def test_the_workflow_runs_everything_every_night_and_never_without_end() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    (nightly,) = workflow[True]["schedule"]  # YAML 1.1 reads `on` as a truth
    assert re.fullmatch(r"\d+ \d+ \* \* \*", nightly["cron"])
    job = workflow["jobs"]["test"]
    at_night = r"\$\{\{ github.event_name == 'schedule' && (\S+) \|\| (\S+) \}\}"
    assert re.findall(at_night, job["steps"][-1]["run"]) == [("'--full'", "''")]
    assert re.fullmatch(at_night, job["timeout-minutes"]) is not None
    assert "--engine ${{ matrix.engine }}" in job["steps"][-1]["run"]
    engines = r"\$\{\{ fromJSON\(github.event_name == 'schedule' && '(.+)' \|\| '(.+)'\) \}\}"
    found = re.fullmatch(engines, job["strategy"]["matrix"]["engine"])
    assert found is not None
    assert [json.loads(each) for each in found.groups()] == [["docker", "podman"], ["docker"]]
