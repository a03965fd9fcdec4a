"""The demo cache is what the builder's tests take it for."""

import json
import shutil
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.types import Mount

from fixtures.demo_cache import (
    LABEL,
    LOOP_CONTROL,
    LOOP_DEVICES,
    RECIPE,
    DemoCacheError,
    build_demo_image,
    make_demo_cache,
)
from tests.support.containers import ended, made

pytestmark = pytest.mark.container

_PROBE = Path(__file__).with_name("probe_demo_cache.py")
_COMPLETE = ("2", "3", "cache", "raw")


@pytest.fixture(scope="module")
def facts(client: docker.DockerClient, base_image: str, demo_cache: Path) -> dict[str, Any]:
    """What the probe found in the image, from inside a container with the least capabilities."""
    container = made(
        client,
        build_demo_image(client, base_image=base_image),
        [],
        entrypoint=["python3", "-c", _PROBE.read_text()],
        labels={LABEL: "1"},
        network_disabled=True,
        cap_drop=["ALL"],
        cap_add=["SYS_ADMIN", "MKNOD", "DAC_READ_SEARCH"],
        security_opt=["apparmor=unconfined"],
        devices=[LOOP_CONTROL],
        device_cgroup_rules=[LOOP_DEVICES],
        mounts=[Mount("/cache.img", str(demo_cache), type="bind", read_only=True)],
    )
    try:
        container.start()
        status = ended(container)
        errors = container.logs(stdout=False).decode()
        assert status == 0, errors
        found: dict[str, Any] = json.loads(container.logs(stderr=False))
        return found
    finally:
        container.remove(force=True)


def test_the_base_lies_below_the_top_level_with_upstreams_four_lines(facts: dict[str, Any]) -> None:
    lines = facts["meta"].splitlines()
    assert [line.split("=")[0] for line in lines] == [
        "META_DATE", "META_DISTRO", "META_SIZE", "META_KERNEL",
    ]  # fmt: skip
    assert lines[0] == 'META_DATE="2026-06-17 14:30:05"'
    assert 'SNAP_DATE="2026-06-10 09:15:00"' in facts["raw_meta"]


def test_snappers_entries_are_dated_and_one_is_half_deleted(facts: dict[str, Any]) -> None:
    dates = {number: info["date"] for number, info in facts["infos"].items()}
    assert dates == {
        "1": "2026-06-03 14:30:01",
        "2": "2026-06-10 14:30:01",
        "3": "2026-06-17 14:29:21",
        "4": "2026-06-17 15:02:40",
    }
    assert all(info["num"] == number for number, info in facts["infos"].items())
    assert {info["type"] for info in facts["infos"].values()} == {"single"}
    assert set(facts["trees"]) == {"1", "2", "3", "cache", "raw"}
    assert facts["snapshots_mode"] == 0o750


def test_our_own_backups_go_on_with_the_other_programs_cache(facts: dict[str, Any]) -> None:
    ours = {number for number, info in facts["infos"].items() if info["tree"]}
    assert ours == {"2", "3"}
    descriptions = {info["description"] for info in facts["infos"].values()}
    assert descriptions == {
        f"distroclone-backup {info['date']}" for info in facts["infos"].values()
    }


def test_the_trees_are_subvolumes_and_only_the_cache_is_writable(facts: dict[str, Any]) -> None:
    assert {tree["inode"] for tree in facts["trees"].values()} == {256}
    writable = [name for name, tree in facts["trees"].items() if not tree["read_only"]]
    assert writable == ["cache"]


def test_the_first_snapshot_is_empty(facts: dict[str, Any]) -> None:
    assert facts["trees"]["1"]["entries"] == [".snapshots"]


@pytest.mark.parametrize("name", _COMPLETE)
def test_a_complete_tree_can_boot_live(facts: dict[str, Any], name: str) -> None:
    tree = facts["trees"][name]
    assert tree["kernels"] == [f"vmlinuz-{version}" for version in tree["modules"]]
    assert tree["kernels"]
    assert not tree["live_boot"], "nobody prepared it"


def test_every_backup_differs_from_the_one_before(facts: dict[str, Any]) -> None:
    trees = facts["trees"]
    assert len({trees[name]["packages"] for name in ("2", "3", "cache")}) == 3
    assert len({trees[name]["motd"] for name in ("2", "3", "cache")}) == 3
    assert trees["raw"]["packages"] == trees["2"]["packages"]


@pytest.mark.parametrize("name", _COMPLETE)
def test_all_planted_private_data_is_in_the_source(facts: dict[str, Any], name: str) -> None:
    assert facts["trees"][name]["not_planted"] == []


def test_what_is_hard_to_copy_came_through_the_backup(facts: dict[str, Any]) -> None:
    copy = facts["copy"]
    names = {bytes.fromhex(name) for name in copy["names"]}
    assert {b"new\nline", b"latin-1 \xe9", b"--dashes", b" leading and trailing "} <= names
    assert max(len(name) for name in names) == 255
    assert copy["links"] == 1
    assert copy["sparse_bytes"] < 1024 * 1024
    assert copy["capability"]
    assert copy["acl"]
    assert copy["outside"].startswith("/")
    assert copy["logs"]["journal"][0] == 0o2755
    assert copy["logs"]["journal"][1] != 0
    assert copy["logs"]["audit"][0] == 0o750


def test_an_unchanged_recipe_is_not_run_again(
    client: docker.DockerClient, base_image: str, demo_cache: Path
) -> None:
    before = demo_cache.stat()
    make_demo_cache(client, base_image=base_image, target=demo_cache)
    after = demo_cache.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_failing_recipe_leaves_no_cache_container_or_volume(
    client: docker.DockerClient,
    base_image: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = tmp_path / "recipe"
    shutil.copytree(RECIPE, broken)
    (broken / "make_cache.py").write_text("raise SystemExit(7)\n")
    monkeypatch.setattr("fixtures.demo_cache.RECIPE", broken)
    target = tmp_path / "out/cache.img"
    with pytest.raises(DemoCacheError, match="exit code 7"):
        make_demo_cache(client, base_image=base_image, target=target)
    client.images.remove(build_demo_image(client, base_image=base_image))
    assert [path.name for path in target.parent.iterdir()] == ["cache.img.recipe"]
    assert (target.parent / "cache.img.recipe").read_text() == ""
    assert client.containers.list(all=True, filters={"label": LABEL}) == []
    assert client.volumes.list(filters={"label": LABEL}) == []
