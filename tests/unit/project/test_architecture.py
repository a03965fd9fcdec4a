"""The house rule of imports: host → shared ← inside, never across.

Inside, other people's packages are those that the image's lock file names, in one place alone.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
# What the configuration may know: it is below all else that the host has.
_BELOW_CONFIG = ("builder.basics", "builder.formats", "builder.border", "builder.host.config")
_IN_THE_IMAGE = ("cyclonedx", "license_expression", "packageurl")


def imports(source: str, module: str) -> Iterator[str]:
    """Yield the full name of every module that `source` names, wherever it does."""
    package = module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*above, *([node.module] if node.module else [])])
            # What is imported may itself be a module: `from builder import host`.
            yield from (f"{start}.{alias.name}" for alias in node.names)


def part(module: str) -> str:
    """Return which part of the house a module belongs to."""
    match module.split("."):
        case ["builder", "host" | "inside" as name, *_]:
            return name
        case ["builder", *_]:
            return "shared"
        case [name, *_] if name in sys.stdlib_module_names:
            return "library"
        case _:
            return "third party"


def broken(source: str, module: str) -> list[str]:
    """Return the imports of a module that the rule forbids."""
    home = part(module)
    allowed = {
        "host": {"host", "shared", "library", "third party"},
        "inside": {"inside", "shared", "library"},
        "shared": {"shared", "library"},
    }[home]
    found = set(imports(source, module))
    if module.startswith("builder.inside.sbom."):
        found = {name for name in found if name.split(".")[0] not in _IN_THE_IMAGE}
    wrong = {name for name in found if part(name) not in allowed}
    if not module.startswith("builder.host.engine."):
        wrong |= {name for name in found if name.split(".")[0] == "docker"}
    if module.startswith("builder.host.config."):
        ours = {name for name in found if name.split(".")[0] == "builder"}
        wrong |= {name for name in ours if not name.startswith(_BELOW_CONFIG)}
    return sorted(wrong)


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        (
            "builder.host.cli.root",
            "from builder.inside.tree.tree import Tree",
            "builder.inside.tree.tree.Tree",
        ),
        ("builder.inside.tree.tree", "from builder import host", "builder.host"),
        ("builder.inside.steps.iso", "from ...host import cli", "builder.host.cli"),
        ("builder.inside.tree.tree", "import yaml", "yaml"),
        ("builder.inside.sbom.components", "import yaml", "yaml"),
        ("builder.inside.steps.sbom", "import cyclonedx.model", "cyclonedx.model"),
        (
            "builder.plan",
            "def late():\n    import builder.inside.source.scan",
            "builder.inside.source.scan",
        ),
        ("builder.plan", "import tenacity", "tenacity"),
        (
            "builder.host.config.build_config",
            "from builder.host.block_cache.store import binds",
            "builder.host.block_cache.store.binds",
        ),
        ("builder.host.build.session", "from docker.types import Mount", "docker.types.Mount"),
    ],
)
def test_an_import_across_is_noticed(module: str, source: str, wrong: str) -> None:
    assert broken(source, module) == [wrong]


def test_only_the_step_that_needs_them_loads_the_libraries_of_the_image() -> None:
    code = f"import sys, builder.inside.jobs.table; print({{*sys.modules}} & {{*{_IN_THE_IMAGE}}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, check=True, capture_output=True)
    assert done.stdout == b"set()\n"


def test_imports_go_from_host_and_inside_to_shared_and_never_across() -> None:
    modules = {
        ".".join(path.relative_to(_ROOT).with_suffix("").parts): path.read_text("utf-8")
        for path in (_ROOT / "builder").rglob("*.py")
    }
    assert {part(module) for module in modules} == {"host", "inside", "shared"}
    found = {module: broken(source, module) for module, source in modules.items()}
    assert {module: wrong for module, wrong in found.items() if wrong} == {}
