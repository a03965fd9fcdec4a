"""What `.venv` gets: pinned with sha256, enough for pyproject.toml, and from no index by name."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts.lock_dev_tools import (
    DEVELOPMENT,
    PYTHONS,
    RUNNING,
    Package,
    closure,
    read_report,
    row,
    wanted,
)

PROJECT = Path(__file__).parents[3]
ROW = re.compile(r"([a-z0-9-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")


def pins(path: Path) -> dict[str, Version]:
    """Return the versions that a file of pins names; it may have no other lines."""
    text = (PROJECT / path).read_text("utf-8")
    rest = [line for line in ROW.sub("", text).splitlines() if not line.startswith("#")]
    assert rest == ([f"-r {RUNNING.name}"] if path == DEVELOPMENT else [])
    return {name: Version(version) for name, version, _hashes in ROW.findall(text)}


def unmet(requirements: Iterable[Requirement], pinned: dict[str, Version]) -> list[str]:
    return [
        str(each)
        for each in requirements
        if (version := pinned.get(canonicalize_name(each.name))) is None
        or version not in each.specifier
    ]


def test_every_requirement_of_the_project_is_met_by_a_pin() -> None:
    want = wanted((PROJECT / "pyproject.toml").read_text("utf-8"))
    assert want.running
    assert want.development
    advice = "run scripts/lock-dev-tools"
    assert unmet(want.running, pins(RUNNING)) == [], advice
    assert unmet(want.development, pins(RUNNING) | pins(DEVELOPMENT)) == [], advice
    assert pins(RUNNING).keys() & pins(DEVELOPMENT).keys() == set()


def test_a_requirement_that_no_pin_meets_is_noticed() -> None:
    asked = [Requirement("Some.Tool>=2"), Requirement("other"), Requirement("third<2")]
    assert unmet(asked, {"some-tool": Version("1.9"), "third": Version("1.9")}) == [
        "Some.Tool>=2",
        "other",
    ]


def package(name: str, *requires: str) -> Package:
    return Package(
        name=name,
        version=Version("1"),
        requires=tuple(map(Requirement, requires)),
        pythons=SpecifierSet(),
    )


def test_what_only_another_python_or_an_extra_needs_is_found() -> None:
    packages = {
        "tool": package("tool", "Old; python_version < '3.13'", "new; python_version >= '3.14'",
                        "more; extra == 'all'", "unasked; extra == 'docs'"),
        "old": package("old", "deep", "tool"),
    }  # fmt: skip

    def needed(python: str) -> set[str]:
        return {each.name for each in closure([Requirement("tool[all]")], packages, python=python)}

    assert needed("3.11") == {"tool", "Old", "deep", "more"}
    assert needed("3.13") == {"tool", "more"}
    assert needed("3.14") == {"tool", "new", "more"}


def report(**metadata: object) -> dict[str, Any]:
    return {"install": [{"metadata": {"name": "Some.Tool", "version": "1.0", **metadata}}]}


def test_pips_report_is_read() -> None:
    found = read_report(report(requires_dist=["other>=2"], requires_python=">=3.11"))
    assert found["some-tool"].requires == (Requirement("other>=2"),)
    assert read_report(report())["some-tool"].version == Version("1.0")


def test_a_version_that_one_of_our_pythons_cannot_use_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"some-tool 1\.0 is not for Python 3\.11"):
        read_report(report(requires_python=">=3.12"))
    with pytest.raises(SystemExit, match=rf"not for Python {PYTHONS[-1]}"):
        read_report(report(requires_python=f"<{PYTHONS[-1]}"))


def test_a_row_names_every_file_of_its_version_and_no_other() -> None:
    files = [
        ("tool-1.0.tar.gz", "b", False),
        ("tool-1.0-py3-none-any.whl", "a", False),
        ("tool-1.0.0-1-cp311-cp311-win_amd64.whl", "c", ""),
        ("tool-1.0-py2-none-any.whl", "d", True),
        ("tool-1.0-py3-none-linux_x86_64.whl", "d", "it is broken"),
        ("tool-1.1.tar.gz", "d", False),
        ("tool-1.0.win32.exe", "d", False),
        ("tool-1.0-py2.7.egg", "d", False),
        ("tool-what.tar.gz", "d", False),
    ]
    page = {
        "files": [
            {"filename": name, "hashes": {"sha256": letter * 64}, "yanked": yanked}
            for name, letter, yanked in files
        ]
    }
    text = row(Package(name="tool", version=Version("1.0"), requires=(), pythons=SpecifierSet()),
               page)  # fmt: skip
    assert ROW.fullmatch(text)
    assert re.findall("sha256:(.)", text) == ["a", "b", "c"]
    with pytest.raises(SystemExit, match="no file of tool 1"):
        row(package("tool"), {"files": page["files"][5:]})
