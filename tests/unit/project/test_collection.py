"""Every file of tests is run: none lies where pytest does not look."""

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


def test_pytest_finds_tests_in_every_file_of_tests() -> None:
    argv = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "--full", "-m", "",
            "-p", "no:cacheprovider", "tests"]  # fmt: skip
    done = subprocess.run(argv, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line}
    files = (PROJECT / "tests").rglob("test_*.py")
    assert found == {str(path.relative_to(PROJECT)) for path in files}


def test_tests_may_lie_in_a_folder_of_the_name_of_each_package(
    pytestconfig: pytest.Config,
) -> None:
    names = {path.parent.name for path in (PROJECT / "builder").rglob("__init__.py")}
    assert "build" in names
    passed_over = pytestconfig.getini("norecursedirs")
    assert [name for name in names for each in passed_over if fnmatch(name, each)] == []
