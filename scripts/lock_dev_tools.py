"""Pins what the project and its development tools need; `scripts/lock-dev-tools` runs it.

pip chooses the versions, and the index that pip is set up with names the files of each. Every
version serves every Python of `PYTHONS`. What a build of the project needs, and what it needs to
run, comes into a file of its own, which the other one includes.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
RUNNING: Final = Path("scripts/requirements.txt")
DEVELOPMENT: Final = Path("scripts/dev-requirements.txt")

_FOR_EDITING: Final = "editables"  # what hatchling asks for when it installs a checkout
_SIMPLE_API: Final = "application/vnd.pypi.simple.v1+json"
_HEADER: Final = "# Written by scripts/lock-dev-tools: {what}. Do not edit.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A version that pip chose."""

    name: str  # in its canonical form
    version: Version
    requires: tuple[Requirement, ...]
    pythons: SpecifierSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What pyproject.toml asks for."""

    running: tuple[Requirement, ...]  # by the project itself, and to build it
    development: tuple[Requirement, ...]


def wanted(project: str) -> Wanted:
    """Return what the text of a pyproject.toml asks for."""
    data = tomllib.loads(project)
    running = [
        *data["build-system"]["requires"],
        _FOR_EDITING,
        *data["project"]["dependencies"],
    ]
    development = data["project"]["optional-dependencies"]["dev"]
    return Wanted(
        running=tuple(map(Requirement, running)), development=tuple(map(Requirement, development))
    )


def resolve(requirements: Iterable[Requirement]) -> dict[str, Package]:
    """Return, by name, the versions that pip takes where `requirements` are wanted.

    pip reads markers as the Python that runs it does, so what only another one needs is added.
    """
    roots = list(requirements)
    while True:
        packages = _chosen(roots)
        lacking = [
            each
            for python in PYTHONS
            for each in closure(roots, packages, python=python)
            if canonicalize_name(each.name) not in packages
        ]
        if not lacking:
            return packages
        roots += [_without_marker(each) for each in lacking]


def _chosen(requirements: Iterable[Requirement]) -> dict[str, Package]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # Only wheels, so that no code of a package runs here; --target is never written to.
        _pip("install", "--quiet", "--dry-run", "--ignore-installed", "--only-binary=:all:",
             f"--python-version={PYTHONS[0]}", f"--target={folder}/target",
             f"--report={report}", *map(str, requirements))  # fmt: skip
        return read_report(json.loads(report.read_text("utf-8")))


def read_report(report: Mapping[str, Any]) -> dict[str, Package]:
    """Return the packages of pip's report, by name."""
    packages = [
        Package(
            name=canonicalize_name(data["name"]),
            version=Version(data["version"]),
            requires=tuple(map(Requirement, data.get("requires_dist", ()))),
            pythons=SpecifierSet(data.get("requires_python", "")),
        )
        for data in (each["metadata"] for each in report["install"])
    ]
    for package in packages:
        for python in PYTHONS:
            if f"{python}.0" not in package.pythons:
                sys.exit(f"{package.name} {package.version} is not for Python {python}: bound it")
    return {package.name: package for package in packages}


def closure(
    roots: Iterable[Requirement], packages: Mapping[str, Package], *, python: str
) -> list[Requirement]:
    """Return all that `roots` need where that Python runs, also what is not among `packages`."""
    found: dict[str, Requirement] = {}
    waiting = [(each, "") for each in roots]
    while waiting:
        requirement, extra = waiting.pop()
        environment = {"python_version": python, "python_full_version": f"{python}.0"}
        if requirement.marker and not requirement.marker.evaluate({**environment, "extra": extra}):
            continue
        if str(requirement) in found:
            continue
        found[str(requirement)] = requirement
        package = packages.get(canonicalize_name(requirement.name))
        if package is not None:
            extras = ("", *sorted(requirement.extras))
            waiting += [(each, extra) for each in package.requires for extra in extras]
    return list(found.values())


def _without_marker(requirement: Requirement) -> Requirement:
    bare = Requirement(str(requirement))
    bare.marker = None
    return bare


def row(package: Package, page: Mapping[str, Any]) -> str:
    """Return the line of a package, with each file that its index's page names for the version."""
    hashes = sorted(
        file["hashes"]["sha256"]
        for file in page["files"]
        if _version(file["filename"]) == package.version and not file.get("yanked")
    )
    if not hashes:
        sys.exit(f"The index has no file of {package.name} {package.version}")
    pin = f"{package.name}=={package.version}"
    return " \\\n".join([pin, *(f"    --hash=sha256:{each}" for each in hashes)]) + "\n"


def _version(filename: str) -> Version | None:
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[1]
        return parse_sdist_filename(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None  # an installer or an egg of old, which pip does not take


def index_page(index: str, name: str) -> dict[str, Any]:
    """Return what an index says about a package, as the simple repository API has it in JSON."""
    if not index.startswith("https://"):
        sys.exit("pip's index-url has to be one of https")
    address = f"{index.rstrip('/')}/{name}/"
    request = urllib.request.Request(address, headers={"Accept": _SIMPLE_API})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - https, see above
        if answer.headers.get_content_type() != _SIMPLE_API:
            sys.exit(f"The index does not speak JSON about {name}")
        found: dict[str, Any] = json.load(answer)
    return found


def index_of_pip() -> str:
    """Return the index that pip is set up with, which its help names as the default."""
    found = re.search(
        r"--index-url <url>.*?\(default (\S+)\)", _pip("install", "--help"), re.DOTALL
    )
    if found is None:
        sys.exit("pip's help does not name its index")
    return found[1]


def _pip(*arguments: str) -> str:
    argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    wide = {**os.environ, "COLUMNS": "4096"}  # so that the help breaks no line
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, env=wide).stdout


def main() -> None:
    """Write both files anew."""
    want = wanted(Path("pyproject.toml").read_text("utf-8"))
    packages = resolve([*want.running, *want.development])
    running = {
        canonicalize_name(each.name)
        for python in PYTHONS
        for each in closure(want.running, packages, python=python)
    }
    index = index_of_pip()
    rows = {name: row(packages[name], index_page(index, name)) for name in sorted(packages)}
    RUNNING.write_text(
        _HEADER.format(what="what the project needs to run and to be built")
        + "".join(text for name, text in rows.items() if name in running)
    )
    DEVELOPMENT.write_text(
        _HEADER.format(what="what its tests and linters need besides")
        + f"-r {RUNNING.name}\n"
        + "".join(text for name, text in rows.items() if name not in running)
    )


if __name__ == "__main__":
    main()
