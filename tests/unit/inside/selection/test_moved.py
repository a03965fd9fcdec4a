"""Places that are links to folders elsewhere: what is in them is decided as if they were there."""

from pathlib import Path

import pytest

from tests.support.trees import make_system, put
from tests.unit.inside.selection.test_model import taken

_NAMES = ("/.", "/var", "/var/log", "/var/lib", "/var/lib/tool", "/var/lib/tool/schema", "/usr",
          "/usr/share", "/usr/local")  # fmt: skip
_OWNED = "\n".join(_NAMES)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_system(tmp_path / "source")
    put(root, "var/lib/dpkg/info/tool.list", _OWNED)
    put(root, "var/lib/tool/schema", "owned")
    put(
        root,
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n",
    )
    return root


def move(root: Path, place: str, real: str, *, target: str = "") -> None:
    """Move the folder `place` to `real`, and leave a link."""
    (root / place).mkdir(parents=True, exist_ok=True)
    (root / real).parent.mkdir(parents=True, exist_ok=True)
    (root / place).rename(root / real)
    (root / place).symlink_to(target or f"/{real}")


@pytest.mark.parametrize("real", ["data/home", "usr/home", "opt/home", "srv/people", "var/home"])
@pytest.mark.parametrize("keep", [(), ("/data/x",)])
def test_people_are_left_out_where_home_leads_to_and_the_folder_stays(
    root: Path, real: str, keep: tuple[str, ...]
) -> None:
    put(root, "home/alice/diary", "private")
    put(root, "home/shared/list", "private")
    put(root, "data/x", "x")
    move(root, "home", real)
    found = taken(root, keep=keep)
    assert {"/home", f"/{real}"} <= found
    assert not [path for path in found if path.startswith(f"/{real}/")]


@pytest.mark.parametrize("target", ["", "data/var", "./data//var/"])
def test_a_package_database_that_was_moved_is_taken_and_services_data_is_not(
    root: Path, target: str
) -> None:
    put(root, "var/lib/mysql/ibdata1", "private")
    put(root, "var/log/auth.log", "private")
    put(root, "data/customers.csv", "private")
    move(root, "var", "data/var", target=target)
    found = taken(root)
    assert {
        "/var", "/data/var/lib/dpkg/status", "/data/var/lib/dpkg/info/tool.list",
        "/data/var/lib/tool/schema", "/data/var/log",
    } <= found  # fmt: skip
    assert found.isdisjoint({
        "/data/var/lib/mysql/ibdata1", "/data/var/log/auth.log", "/data/customers.csv",
    })  # fmt: skip


def test_a_moved_place_in_a_moved_place(root: Path) -> None:
    put(root, "var/log/auth.log", "private")
    move(root, "var", "data/var")
    move(root, "data/var/log", "big/log")
    found = taken(root)
    assert {"/data/var/lib/dpkg/status", "/data/var/log", "/big/log"} <= found
    assert "/big/log/auth.log" not in found


@pytest.mark.parametrize("place", ["opt", "usr/local", "usr/share"])
@pytest.mark.parametrize("keep", [(), ("/data/x",)])
def test_programs_that_were_moved_are_taken(root: Path, place: str, keep: tuple[str, ...]) -> None:
    put(root, f"{place}/app/bin/app", "x")
    put(root, "data/customers.csv", "private")
    move(root, place, "data/programs")
    found = taken(root, keep=keep)
    assert "/data/programs/app/bin/app" in found
    assert "/data/customers.csv" not in found


@pytest.mark.parametrize(
    ("place", "real"),
    [("root", "opt/root"), ("tmp", "usr/tmp"), ("mnt", "opt/mnt"), ("media", "usr/media"),
     ("var/tmp", "opt/tmp"), ("boot/efi", "opt/esp"),
     ("etc/NetworkManager/system-connections", "opt/connections")],
)  # fmt: skip
def test_what_is_not_copied_is_not_copied_from_where_it_leads(
    root: Path, place: str, real: str
) -> None:
    put(root, f"{place}/file", "private")
    move(root, place, real)
    assert f"/{real}/file" not in taken(root)


def test_exclude_names_a_place_by_either_name(root: Path) -> None:
    for name in ("a", "b"):
        put(root, f"opt/{name}/x", "x")
    move(root, "opt", "data/opt")
    found = taken(root, exclude=("/opt/a", "/data/opt/b"))
    assert found.isdisjoint({"/data/opt/a", "/data/opt/b"})
    assert "/data/opt" in found


@pytest.mark.parametrize("target", ["/", "/usr", "/proc/self", "gone", "home"])
def test_links_that_lead_to_places_of_the_system_decide_nothing(root: Path, target: str) -> None:
    put(root, "usr/bin/mine", "x")
    before = taken(root)
    (root / "home").rmdir() if (root / "home").is_dir() else None
    (root / "home").symlink_to(target)
    assert taken(root) - {"/home"} == before - {"/home"}


def test_a_link_that_a_package_has_takes_no_data_along(root: Path) -> None:
    put(root, "usr/share/tool/x", "x")
    put(root, "var/lib/tool-data/secret", "private")
    put(root, "var/lib/dpkg/info/tool.list", f"{_OWNED}\n/usr/share/tool\n/usr/share/tool/data\n")
    (root / "usr/share/tool/data").symlink_to("/var/lib/tool-data")
    assert "/var/lib/tool-data/secret" not in taken(root)
