"""The plan of the house holds: which package may import which, and what the page says of it.

Inside, other people's packages are those that the image's lock file names, in one place alone.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.house import (
    FLOORS,
    PAGE,
    PROJECT,
    SHARED,
    allowed,
    imports,
    modules,
    packages,
    sentence,
    written,
)

# What Debian's packages in the image provide, and the only one who may import it.
_IN_THE_IMAGE = {
    "inside.sbom": ("cyclonedx", "license_expression", "packageurl"),
    "inside.search": ("yara",),
}
_MOST = 18  # modules in a package: more, and nobody finds one any more


def package_of(module: str) -> str:
    """Return the package of the plan that a module is in: "host.build", "basics", "library" …"""
    match module.split("."):
        case ["builder", "host" | "inside" as part, name, *_]:
            return f"{part}.{name}"
        case ["builder", name, *_]:
            return name
        case ["builder"]:
            return "builder"
        case [name, *_] if name in sys.stdlib_module_names:
            return "library"
        case _:
            return "third party"


def broken(source: str, module: str) -> list[str]:
    """Return the imports of a module that the plan forbids."""
    home = package_of(module)
    may = {home, "library", *allowed(home)}
    found = {name for name in imports(source, module) if name != "builder.__version__"}
    provided = _IN_THE_IMAGE.get(home, ())
    found = {name for name in found if name.split(".")[0] not in provided}
    if home.startswith("host."):
        may |= {"third party"}
    wrong = {name for name in found if package_of(name) not in may}
    if home != "host.engine":
        wrong |= {name for name in found if name.split(".")[0] == "docker"}
    if home == "inside.steps" and not module.endswith(".step"):
        wrong |= {name for name in found if name.startswith("builder.inside.steps.")}
    return sorted(wrong)


def every_module() -> Iterator[tuple[str, Path]]:
    for path in sorted((PROJECT / "builder").rglob("*.py")):
        yield ".".join(path.relative_to(PROJECT).with_suffix("").parts), path


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        (
            "builder.host.cli.build",
            "from builder.inside.tree import tree",
            "builder.inside.tree.tree",
        ),
        ("builder.inside.tree.tree", "from builder.host import cli", "builder.host.cli"),
        ("builder.inside.steps.iso", "from ...host.cli import root", "builder.host.cli.root"),
        ("builder.inside.tree.tree", "import yaml", "yaml"),
        ("builder.inside.sbom.components", "import yaml", "yaml"),
        ("builder.inside.steps.sbom", "import cyclonedx.model", "cyclonedx.model"),
        ("builder.inside.search_rules.keys", "import yara", "yara"),
        (
            "builder.border.plan",
            "def late():\n    import builder.inside.jobs.build",
            "builder.inside.jobs.build",
        ),
        ("builder.formats.recipe", "import tenacity", "tenacity"),
        ("builder.formats.recipe", "from builder.border import plan", "builder.border.plan"),
        ("builder.host.build.session", "from docker.types import Mount", "docker.types.Mount"),
        (
            "builder.host.config.checks",
            "from builder.host.cli import main",
            "builder.host.cli.main",
        ),
        (
            "builder.host.diff.files",
            "from builder.host.reproduce import x",
            "builder.host.reproduce.x",
        ),
        (
            "builder.inside.steps.iso",
            "from builder.inside.steps.boot import BootStep",
            "builder.inside.steps.boot.BootStep",
        ),
    ],
)
def test_a_forbidden_import_is_noticed(module: str, source: str, wrong: str) -> None:
    assert broken(source, module) == [wrong]


def test_imports_go_down_the_floors_and_never_across() -> None:
    rooms = {module: path for module, path in every_module() if path.name != "__init__.py"}
    rooms.pop("builder.inside.__main__")  # the container's entry stands above all of its floors
    found = {module: broken(path.read_text("utf-8"), module) for module, path in rooms.items()}
    assert {module: wrong for module, wrong in found.items() if wrong} == {}


def test_every_folder_of_modules_is_in_the_plan_and_the_top_holds_packages_only() -> None:
    homes = {package_of(module) for module, path in every_module() if path.name != "__init__.py"}
    assert homes - {"inside.__main__"} == set(packages())
    assert sorted(path.name for path in (PROJECT / "builder").glob("*.py")) == ["__init__.py"]
    assert sorted(path.name for path in (PROJECT / "builder/host").glob("*.py")) == ["__init__.py"]


@pytest.mark.parametrize("package", packages())
def test_each_package_says_what_it_is_and_is_not_crowded(package: str) -> None:
    assert sentence(package)[-1:] in {".", "?"}
    assert 0 < len(modules(package)) <= _MOST


def test_what_is_shared_is_used_by_both_sides() -> None:
    users: dict[str, set[str]] = {}
    for module, path in every_module():
        part = module.split(".")[1] if module.count(".") else ""
        for name in imports(path.read_text("utf-8"), module):
            users.setdefault(name, set()).add(part)
    for package in SHARED:
        for path in modules(package):
            module = f"builder.{package}.{path.stem}"
            parts = {
                part
                for name, known in users.items()
                if name == module or name.startswith(f"{module}.")
                for part in known
            }
            through = parts & set(SHARED)  # a value of a shared module, used with that
            assert {"host", "inside"} <= parts or through, f"{module} is used by {sorted(parts)}"


def circles(graph: Mapping[str, set[str]]) -> set[str]:
    """Return the modules that import each other in a circle."""
    rest = {module: set(named) for module, named in graph.items()}
    while free := {module for module, named in rest.items() if not named & rest.keys()}:
        for module in free:
            del rest[module]
    return set(rest)


def test_a_circle_would_be_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {"a", "b", "c"}


def test_no_module_imports_itself_by_way_of_others() -> None:
    sources = {module: path.read_text("utf-8") for module, path in every_module()}
    graph = {
        module: {
            known
            for name in imports(source, module)
            for known in (name, name.rpartition(".")[0])
            if known in sources and known != module
        }
        for module, source in sources.items()
    }
    assert circles(graph) == set()


def test_no_package_stands_on_two_floors() -> None:
    assert len(packages()) == len(set(packages()))
    assert set(FLOORS) == {"host", "inside", ""}


def test_the_page_shows_the_packages_as_they_are() -> None:
    page = PAGE.read_text("utf-8")
    assert page == written(page), "run: python -m tests.support.house --write"


def test_the_picture_of_the_page_has_the_floors_in_their_order() -> None:
    picture = PAGE.read_text("utf-8").split("## The house", 1)[1].split("```")[1]
    for part in ("host", "inside"):
        rest = picture
        for floor in FLOORS[part]:
            _before, found, rest = rest.partition("  ".join(floor))
            assert found, f"{part}: {floor} is not in the picture, or not in its place"


def test_only_the_step_that_needs_them_loads_the_libraries_of_the_image() -> None:
    code = f"import sys, builder.inside.jobs.table; print({{*sys.modules}} & {{*{_IN_THE_IMAGE}}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True
    )
    assert done.stdout == b"set()\n"
