"""The digest of the source follows from an ISO and its private file, whatever lies in the tree."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.formats.private_record import private_of, record_digest
from builder.host.build.session import Outcome
from tests.support.built import sha256
from tests.support.caches import ROOTFS
from tests.support.command_line import Ended, run
from tests.support.hard_tree import make_hard_tree
from tests.support.results import write_sums

pytestmark = pytest.mark.container

FUTURE, EARLY = 4_000_000_000, -86_400  # seconds since 1970


@pytest.fixture(scope="module")
def untidy(plain_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tree with what is hard to keep, and with other names of what rules remove."""
    root = tmp_path_factory.mktemp("untidy") / "root"
    shutil.copytree(plain_cache / ROOTFS, root, symlinks=True, copy_function=_linked)
    make_hard_tree(root / "opt/hard")
    (root / "etc/ssh").mkdir(exist_ok=True)
    removed = root / "etc/ssh/ssh_host_rsa_key.pub"
    removed.unlink(missing_ok=True)
    removed.write_text("ssh-rsa nobody's\n")
    for name in ("opt/other-name", "opt/another-name"):
        os.link(removed, root / name)
    os.link(root / "etc/hostname", root / "opt/changed-name")
    for name, seconds in (("opt/tomorrow", FUTURE), ("opt/before", EARLY)):
        (root / name).write_text(name)
        os.utime(root / name, (seconds, seconds))
    yield root
    shutil.rmtree(root)


def _linked(source: str, target: str) -> str:
    return str(shutil.copy2(source, target, follow_symlinks=False))


@pytest.fixture(scope="module", params=["overlay", pytest.param("rsync", marks=pytest.mark.full)])
def results(
    untidy: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("untidy-iso")
    ended = run("build", "--tree", untidy, "--output", folder, "--compression", "fast",
                "--staging", request.param, "--privacy", "warn")  # fmt: skip
    assert ended.code == 0, ended.errors
    return folder


def check(ended: Ended, name: str) -> dict[str, str]:
    (found,) = (each for each in ended.events[-1]["data"]["checks"] if each["name"] == name)
    return dict(found)


def test_the_digest_of_an_untidy_tree_follows_from_its_iso(results: Path) -> None:
    ended = run("verify", "--tree", results)
    assert check(ended, "tree")["verdict"] == "ok", check(ended, "tree")
    assert ended.code == 0


def test_so_does_that_of_the_demo(demo_build: Outcome) -> None:
    ended = run("verify", "--tree", demo_build.folder)
    assert check(ended, "tree")["verdict"] == "ok", check(ended, "tree")


def forged(folder: Path, into: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Copy results, with another private file, which the manifest and the sums say is theirs."""
    into.mkdir()
    for each in folder.iterdir():
        (os.link if each.suffix == ".iso" else shutil.copy)(each, into / each.name)
    (private,), (manifest,) = into.glob("*.private.json"), into.glob("*.manifest.json")
    data, said = json.loads(private.read_text()), json.loads(manifest.read_text())
    change(data)
    private.write_text(json.dumps(data))
    whole = private_of(data).value
    said["private"]["digest"] = record_digest(whole.record, key=whole.key)
    manifest.write_text(json.dumps(said))
    listed = [each for each in into.iterdir() if each.suffix in (".iso", ".json")]
    write_sums(into, {each.name: sha256(each) for each in listed if each != private})
    return into


def lose(path: str) -> Callable[[dict[str, Any]], object]:
    def change(private: dict[str, Any]) -> None:
        rows = private["record"]["originals"]
        rows.remove(next(row for row in rows if row[0] == path))

    return change


def redate(path: str) -> Callable[[dict[str, Any]], object]:
    def change(private: dict[str, Any]) -> None:
        row = next(row for row in private["record"]["originals"] if row[0] == path)
        row[5] = "1"

    return change


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        pytest.param(lose("/etc/machine-id"), "give another source", id="a changed file"),
        pytest.param(redate("/etc/machine-id"), "give another source", id="another original"),
    ],
)
def test_a_private_file_that_tells_another_story_is_found_out(
    demo_build: Outcome, tmp_path: Path, change: Callable[[dict[str, Any]], object], wrong: str
) -> None:
    folder = forged(demo_build.folder, tmp_path / "iso", change)
    found = check(run("verify", "--tree", folder), "tree")
    assert found["verdict"] == "failed"
    assert wrong in found["finding"]


def test_without_the_private_file_it_says_what_is_missing(
    demo_build: Outcome, tmp_path: Path
) -> None:
    folder = forged(demo_build.folder, tmp_path / "iso", lambda _data: None)
    (private,) = folder.glob("*.private.json")
    private.unlink()
    ended = run("verify", "--tree", folder)
    assert ended.code == 6
    assert "private file is needed" in check(ended, "tree")["finding"]
