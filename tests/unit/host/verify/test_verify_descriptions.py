"""SBOMs and provenance that are not what they say get a verdict, whoever wrote them."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.border.iso_contents import IsoContents
from builder.formats.added_packages import lock_text
from builder.formats.package import Package
from builder.host.engine import Engine
from builder.host.verify.checks import Check, CheckVerdict
from builder.host.verify.verification import verify_results
from tests.support import locks
from tests.support.fake_engine import without_engine
from tests.support.results import (
    CYCLONEDX,
    PACKAGES,
    PROVENANCE,
    SPDX,
    SUMS,
    as_json,
    cyclonedx_data,
    digest,
    fit,
    provenance_data,
    recipe_data,
    spdx_data,
    write_provenance,
    write_results,
    write_sbom,
    write_sums,
    write_with_lock,
    write_with_stack,
)
from tests.unit.host.verify.test_verify_content import WHOLE, iso_engine

Spoil = Callable[[Path], object]
COMPONENTS: list[dict[str, Any]] = cyclonedx_data()["components"]
ELEMENTS: list[dict[str, Any]] = spdx_data()["packages"]
NAME = {
    "type": "library",
    "name": "x\x1b[2J",
    "version": "1",
    "purl": "pkg:deb/debian/\x1b]0;x\x07" + "x" * 100_000,
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_results(tmp_path / "iso")


def checks_of(folder: Path, found: IsoContents | None = None) -> dict[str, Check]:
    """Verify a folder, with an engine that finds this in the ISO, or with none."""

    def engine() -> Engine:
        return iso_engine(found or WHOLE)

    result = verify_results(
        folder,
        signer=None,
        open_engine=engine if found else without_engine,
        on_event=lambda _event: None,
    )
    checks = {check.name: check for check in result.checks}
    failed = any(check.verdict is CheckVerdict.FAILED for check in checks.values())
    assert result.verified is not failed
    return checks


def cyclonedx(**changed: object) -> Spoil:
    return lambda folder: write_sbom(folder, CYCLONEDX, as_json(cyclonedx_data(**changed)))


def spdx(**changed: object) -> Spoil:
    return lambda folder: write_sbom(folder, SPDX, as_json(spdx_data(**changed)))


def raw(name: str, content: bytes) -> Spoil:
    return lambda folder: write_sbom(folder, name, content)


def edited(rows: list[dict[str, Any]], position: int, **changed: object) -> list[dict[str, Any]]:
    return [*rows[:position], rows[position] | changed, *rows[position + 1 :]]


def gone(name: str) -> Spoil:
    return lambda folder: (folder / name).unlink()


def unlisted(name: str) -> Spoil:
    """Return what takes a file away, and its line out of the sums."""

    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        others = [each for each in folder.iterdir() if each.name != SUMS]
        write_sums(folder, {each.name: digest(each.read_bytes()) for each in others})

    return spoil


def fifo(folder: Path) -> None:
    (folder / SPDX).unlink()
    os.mkfifo(folder / SPDX)


SBOMS: dict[str, tuple[Spoil, str]] = {
    "no CycloneDX": (gone(CYCLONEDX), f"{CYCLONEDX} is missing"),
    "no SPDX": (gone(SPDX), f"{SPDX} is missing"),
    "an SBOM that is not listed": (unlisted(SPDX), f"SHA256SUMS does not list {SPDX}"),
    "an edited SBOM": (
        lambda folder: (folder / SPDX).write_bytes(as_json(spdx_data(packages=[]))),
        f"{SPDX} is not the file that SHA256SUMS lists",
    ),
    "a package less": (cyclonedx(components=COMPONENTS[1:]), f"{PACKAGES[0][3]} is missing"),
    "a package more": (cyclonedx(components=[*COMPONENTS, NAME]), "is not in the manifest"),
    "a package twice": (cyclonedx(components=[*COMPONENTS, COMPONENTS[0]]), "is not in the"),
    "another version": (cyclonedx(components=edited(COMPONENTS, 0, version="3.153")), "is missing"),
    "another name": (cyclonedx(components=edited(COMPONENTS, 0, name="x")), "is missing"),
    "another purl": (cyclonedx(components=edited(COMPONENTS, 0, purl="x")), "x is not in the"),
    "no packages": (cyclonedx(components=[]), "is missing"),
    "a number for a version": (cyclonedx(components=edited(COMPONENTS, 0, version=3)), "package 1"),
    "a text for a package": (cyclonedx(components=["x"]), "package 1 has no name"),
    "packages that are an object": (cyclonedx(components={}), "is not a CycloneDX document"),
    "a newer CycloneDX": (cyclonedx(specVersion="1.7"), "has version 1.7"),
    "a version of its own": (cyclonedx(specVersion=["\x1b"]), "has version"),
    "another format": (cyclonedx(bomFormat="SPDX"), "is not a CycloneDX document"),
    "a CycloneDX that is a list": (raw(CYCLONEDX, b"[]"), "is not a CycloneDX document"),
    "a CycloneDX that is cut off": (
        raw(CYCLONEDX, as_json(cyclonedx_data())[:-9]), "is not JSON (cut off"
    ),
    "deep nesting": (raw(CYCLONEDX, b"[" * 1_000_000), "is nested too deeply"),
    "a key that comes twice": (raw(SPDX, b'{"packages": [], "packages": []}'), "comes twice"),
    "an empty SPDX": (raw(SPDX, b""), "is not JSON"),
    "an SPDX with a package less": (spdx(packages=ELEMENTS[:-1]), f"{PACKAGES[1][3]} is missing"),
    "an SPDX with another version": (
        spdx(packages=edited(ELEMENTS, 1, versionInfo="9")), "is missing"
    ),
    "an SPDX without package URLs": (
        spdx(packages=edited(ELEMENTS, 1, externalRefs=[])), "package 2 has no name"
    ),
    "an SPDX with other references": (
        spdx(packages=edited(ELEMENTS, 2, externalRefs=[{"referenceType": "cpe23Type"}])),
        "package 3 has no name",
    ),
    "an SPDX of texts": (spdx(packages=["x"]), "package 1 has no name"),
    "a newer SPDX": (spdx(spdxVersion="SPDX-3.0"), "has version SPDX-3.0"),
    "no SPDX at all": (raw(SPDX, b'{"spdxVersion": "SPDX-2.3"}'), "is not an SPDX document"),
    "a FIFO": (fifo, "not a regular file"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "reason"), SBOMS.values(), ids=SBOMS.keys())
def test_a_spoilt_sbom_is_not_verified(results: Path, spoil: Spoil, reason: str) -> None:
    spoil(results)
    check = checks_of(results)["sbom"]
    assert check.verdict is CheckVerdict.FAILED
    assert reason in check.finding
    assert len(check.finding) < 700
    assert "\x1b" not in check.finding


def test_many_differences_are_counted_not_listed(results: Path) -> None:
    rows = [NAME | {"purl": f"x{number}"} for number in range(900)]
    cyclonedx(components=rows)(results)
    assert "and 897 more" in checks_of(results)["sbom"].finding


@pytest.mark.parametrize("name", [CYCLONEDX, SPDX, PROVENANCE])
def test_a_text_without_end_is_not_read_into_memory(results: Path, name: str) -> None:
    with (results / name).open("wb") as file:
        file.write(b'{"bomFormat": "')
        file.truncate(1 << 30)  # sparse
    check = checks_of(results)["provenance" if name == PROVENANCE else "sbom"]
    assert (check.verdict, "is larger than" in check.finding) == (CheckVerdict.FAILED, True)


def test_the_order_of_the_packages_does_not_matter(results: Path) -> None:
    cyclonedx(components=COMPONENTS[::-1])(results)
    spdx(packages=ELEMENTS[::-1])(results)
    assert checks_of(results)["sbom"].verdict is CheckVerdict.OK


VERSION = "1:20250815"
STACK = [{"name": "live-boot", "architecture": "all", "version": VERSION}]
STACK_URL = "pkg:deb/debian/live-boot@1:20250815?arch=all&distro=debian-13"


def test_what_came_from_the_builder_image_is_in_the_sboms_too(results: Path) -> None:
    write_with_stack(results, VERSION)
    check = checks_of(results, WHOLE)["sbom"]
    assert check.verdict is CheckVerdict.OK, check.finding
    write_results(results, live_stack=STACK)
    check = checks_of(results, WHOLE)["sbom"]
    assert (check.verdict, f"{STACK_URL} is missing" in check.finding) == (
        CheckVerdict.FAILED,
        True,
    )


def test_a_lock_of_added_packages_is_the_one_in_the_manifest(results: Path) -> None:
    write_with_lock(results, locks.LOCK, lock_text(locks.LOCK).encode())
    assert checks_of(results, WHOLE)["sbom"].verdict is CheckVerdict.OK


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "SHA256SUMS does not list"),
        (b"{}", "is not the lock in the manifest"),
        (lock_text(replace(locks.LOCK, removes=(), removed=())).encode(), "is not the lock"),
    ],
)
def test_another_lock_is_not_verified(results: Path, content: bytes | None, reason: str) -> None:
    write_with_lock(results, locks.LOCK, content)
    check = checks_of(results, WHOLE)["sbom"]
    assert check.verdict is CheckVerdict.FAILED
    assert reason in check.finding


def test_sboms_that_list_what_is_in_the_iso_are_verified(results: Path) -> None:
    check = checks_of(results, WHOLE)["sbom"]
    assert check.verdict is CheckVerdict.OK
    assert "2 packages of the package database in the ISO" in check.finding


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (replace(WHOLE, packages=()), "is missing"),
        (replace(WHOLE, packages=WHOLE.packages[:1]), "libstdc%2B%2B6@1:14.2.0-19%2Bb1"),
        (
            replace(
                WHOLE,
                packages=(*WHOLE.packages, Package(name="y", architecture="all", version="1")),
            ),
            "pkg:deb/debian/y@1?arch=all&distro=debian-13 is not in the manifest",
        ),
        (replace(WHOLE, packages=(), unreadable="FATAL \x1b[2Jx"), "cannot be read: FATAL x"),
    ],
)
def test_an_iso_with_other_packages_is_not_verified(
    results: Path, found: IsoContents, reason: str
) -> None:
    check = checks_of(results, found)["sbom"]
    assert check.verdict is CheckVerdict.FAILED
    assert reason in check.finding


def provenance(**changed: object) -> Spoil:
    return lambda folder: fit(folder, **changed)


def statement(**changed: object) -> Spoil:
    def spoil(folder: Path) -> None:
        data = provenance_data(subjects(folder)) | changed
        write_provenance(folder, as_json(data))

    return spoil


def subjects(folder: Path) -> dict[str, str]:
    names = sorted(each.name for each in folder.iterdir() if each.name not in (SUMS, PROVENANCE))
    return {name: digest((folder / name).read_bytes()) for name in names}


def speaking_of(change: Callable[[dict[str, str]], dict[str, str]]) -> Spoil:
    return lambda folder: write_provenance(
        folder, as_json(provenance_data(change(subjects(folder))))
    )


DEFINITION: dict[str, Any] = provenance_data({})["predicate"]["buildDefinition"]
TREE, IMAGE, LOCK = DEFINITION["resolvedDependencies"]
PROVENANCES: dict[str, tuple[Spoil, str]] = {
    "no provenance": (gone(PROVENANCE), f"{PROVENANCE} is missing"),
    "a provenance that is not listed": (unlisted(PROVENANCE), f"does not list {PROVENANCE}"),
    "an edited provenance": (
        lambda folder: (folder / PROVENANCE).write_bytes(as_json(provenance_data({}))),
        "is not the file that SHA256SUMS lists",
    ),
    "a provenance of nothing": (speaking_of(lambda _all: {}), f"does not match {CYCLONEDX}"),
    "a subject less": (
        speaking_of(lambda all_: {name: all_[name] for name in all_ if name != SPDX}),
        f"does not match {SPDX}",
    ),
    "a subject more": (speaking_of(lambda all_: all_ | {"../\x1b[2J": "0"}), "not match ../"),
    "another digest": (speaking_of(lambda all_: all_ | {SPDX: "0" * 64}), f"does not match {SPDX}"),
    "a subject twice": (statement(subject=[{"name": "x", "digest": {}}] * 2), "resource 2"),
    "a subject that is a text": (statement(subject=["x"]), "resource 1 has no unique name"),
    "a subject without digests": (statement(subject=[{"name": "x", "digest": "x"}]), "resource 1"),
    "another statement": (statement(_type="https://in-toto.io/Statement/v2"), "does not know"),
    "another predicate": (statement(predicateType="x" * 1000), "does not know: xxx"),
    "a recipe that is none": (
        provenance(externalParameters={"recipe": {"live": "\x1b[2J"}, "selector": "3"}),
        "recipe.compression: missing",
    ),
    "an empty predicate": (statement(predicate={}), "is not a provenance of this builder"),
    "another build type": (
        provenance(buildType="urn:distroclone-builder:live-iso:2"), "does not know: urn:"
    ),
    "another recipe": (
        provenance(externalParameters={"recipe": recipe_data(name="x"), "selector": "3"}),
        "disagree about: recipe",
    ),
    "another snapshot": (
        provenance(externalParameters={"recipe": recipe_data(), "selector": "4"}),
        "disagree about: selector",
    ),
    "another date": (
        provenance(internalParameters={"source_date_epoch": 1}), "disagree about: source_date_epoch"
    ),
    "another tree": (
        provenance(resolvedDependencies=[
            TREE | {"digest": {"distrocloneTree1": "0" * 64}}, IMAGE, LOCK
        ]),
        "disagree about: source tree",
    ),
    "no tree": (provenance(resolvedDependencies=[IMAGE, LOCK]), "disagree about: source tree"),
    "a tree with another digest": (
        provenance(resolvedDependencies=[TREE | {"digest": {"sha256": "1" * 64}}, IMAGE, LOCK]),
        "disagree about: source tree",
    ),
    "another image": (
        provenance(resolvedDependencies=[TREE, IMAGE | {"digest": {"sha256": "1"}}, LOCK]),
        "disagree about: builder image",
    ),
    "no image": (provenance(resolvedDependencies=[TREE, LOCK]), "disagree about: builder image"),
    "dependencies that are an object": (provenance(resolvedDependencies={}), "is not a provenance"),
    "a provenance that is a list": (
        lambda folder: write_provenance(folder, b"[]"), "is not an in-toto statement"
    ),
    "a provenance that is cut off": (
        lambda folder: write_provenance(folder, b'{"_type": "ht'), "is not JSON"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "reason"), PROVENANCES.values(), ids=PROVENANCES.keys())
def test_a_spoilt_provenance_is_not_verified(results: Path, spoil: Spoil, reason: str) -> None:
    spoil(results)
    check = checks_of(results)["provenance"]
    assert check.verdict is CheckVerdict.FAILED
    assert reason in check.finding
    assert len(check.finding) < 700
    assert "\x1b" not in check.finding


def test_what_only_the_provenance_of_a_newer_builder_says_is_no_fault(results: Path) -> None:
    more = {"name": "weather", "digest": {"gitCommit": "0"}}
    provenance(resolvedDependencies=[TREE, IMAGE, LOCK, more], byproducts=[])(results)
    assert checks_of(results)["provenance"].verdict is CheckVerdict.OK


def test_recipes_are_compared_with_what_only_a_newer_builder_knows_of_them(tmp_path: Path) -> None:
    def verdict(ours: dict[str, Any], theirs: dict[str, Any]) -> CheckVerdict:
        folder = write_results(tmp_path / "iso", recipe=ours)
        fit(folder, externalParameters={"recipe": theirs, "selector": "3"})
        return checks_of(folder)["provenance"].verdict

    newer, other = recipe_data(more={"x": [1]}), recipe_data(more={"x": [2]})
    older = recipe_data()
    del older["compression"]["grouped"]
    for same in (newer, older):
        assert verdict(same, same) is CheckVerdict.OK
        assert verdict(same, recipe_data()) is verdict(recipe_data(), same) is CheckVerdict.FAILED
    assert verdict(newer, other) is CheckVerdict.FAILED


def test_without_a_manifest_nothing_is_said_about_what_describes_the_iso(results: Path) -> None:
    (results / "Debian-13-xfce.manifest.json").write_bytes(b"{}")
    found = {name: check.verdict for name, check in checks_of(results).items()}
    assert found["manifest"] is CheckVerdict.FAILED
    assert found["sbom"] is found["provenance"] is CheckVerdict.NOT_CHECKED
