"""The live user comes, whatever accounts, groups and numbers the system has."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.formats.recipe import LiveSettings
from builder.inside.steps.configure import ConfigureStep
from tests.support.machines import CLOCK, RecordingSystem, make_live, make_machine, original_of

STATE = "var/lib/distroclone-builder/live-login"
HASH = "$6$salt$" + "x" * 86
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=="


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system after the rules for systems."""
    root = make_machine(tmp_path / "root")
    ConfigureStep(
        root=root,
        source=original_of(root),
        source_date_epoch=CLOCK,
        journal=root.parent / "journal.json",
    ).run(RecordingSystem())
    return root


def row(root: Path, name: str, account: str = "user") -> list[str]:
    rows = (line.split(":") for line in (root / "etc" / name).read_text().split("\n"))
    (found,) = [fields for fields in rows if fields[0] == account]
    return found


def test_the_account_is_in_every_database(root: Path) -> None:
    make_live(root, LiveSettings(full_name="Some: Body"))
    assert row(root, "passwd")[2:6] == ["1000", "1000", "Some  Body", "/home/user"]
    assert row(root, "group")[2:] == ["1000", ""]
    assert row(root, "shadow")[1:3] == ["*", ""]
    assert "user" in row(root, "group", "sudo")[3].split(",")


@pytest.mark.parametrize(
    ("path", "line", "number"),
    [
        ("group", "docker:x:1000:\n", "1001"),
        ("group", "a:x:1001:\nb:x:1000:\n", "1002"),
        ("passwd", "svc:x:1000:100::/var/svc:/bin/false\n", "1001"),
        ("passwd", "svc:x:999:1000::/var/svc:/bin/false\n", "1001"),
        ("passwd", "odd\x0bname:x:1000:1000:A\u2028B\x85:/x:/bin/sh\n", "1001"),
        ("group", "no newline:x:1000:", "1001"),
        ("passwd", "broken line\n:::\n", "1000"),
        ("passwd", "padded:x: +1000:1000::/:/bin/sh\n", "1001"),
        ("passwd", f"vast:x:{'1' * 5000}:²::/:/bin/sh\n", "1000"),
    ],
)
def test_its_number_is_free_as_uid_and_as_gid(
    root: Path, path: str, line: str, number: str
) -> None:
    with (root / "etc" / path).open("a", encoding="utf-8", newline="\n") as stream:
        stream.write(line)
    make_live(root, LiveSettings())
    assert row(root, "passwd")[2:4] == [number, number]
    assert row(root, "group")[2] == number
    assert (root / STATE / "user").read_text().startswith("$6$live$")


def test_a_system_where_every_number_is_taken_is_refused(root: Path) -> None:
    with (root / "etc/group").open("a") as stream:
        stream.writelines(f"g{number}:x:{number}:\n" for number in range(1000, 60000))
    with pytest.raises(StepError, match="Every uid"):
        make_live(root, LiveSettings())


@pytest.mark.parametrize("name", ["daemon", "sudo"])
def test_a_name_of_the_systems_own_is_refused(root: Path, name: str) -> None:
    with pytest.raises(StepError, match=f"cannot be called {name}"):
        make_live(root, LiveSettings(user=name))


def test_the_name_of_a_removed_person_is_free(root: Path) -> None:
    make_live(root, LiveSettings(user="alice"))
    assert row(root, "passwd", "alice")[2] == "1000"


def test_only_groups_that_are_there_are_joined(root: Path) -> None:
    make_live(root, LiveSettings(groups=("sudo", "nowhere", "user")))
    text = (root / "etc/group").read_text()
    assert "nowhere" not in text
    assert row(root, "group")[3] == ""


def test_the_home_is_the_users_copy_of_the_skeleton(root: Path) -> None:
    skeleton = root / "etc/skel"
    (skeleton / ".config/app").mkdir(parents=True)
    (skeleton / ".config/app/run").write_text("#!/bin/sh\n")
    (skeleton / ".config/app/run").chmod(0o755)
    (skeleton / ".link").symlink_to("/etc/hosts")
    make_live(root, LiveSettings())
    home = root / "home/user"
    uid = 1000 if os.geteuid() == 0 else os.geteuid()
    assert (home / ".config/app/run").read_text() == "#!/bin/sh\n"
    assert stat.S_IMODE((home / ".config/app/run").stat().st_mode) == 0o755
    assert str((home / ".link").readlink()) == "/etc/hosts"
    owners = {path.stat().st_uid for path in (home, *home.rglob("*")) if not path.is_symlink()}
    assert owners == {uid}


def test_the_password_of_the_recipe_takes_the_place_of_the_known_one(root: Path) -> None:
    make_live(root, LiveSettings(password_hash=HASH))
    assert row(root, "shadow")[1] == "*"
    assert (root / STATE / "user").read_text() == f"{HASH}\n"
    assert stat.S_IMODE((root / STATE / "user").stat().st_mode) == 0o640


def test_with_remote_login_it_is_where_services_look(root: Path) -> None:
    make_live(root, LiveSettings(remote_login=True, password_hash=HASH))
    assert row(root, "shadow")[1] == HASH
    assert (root / STATE / "user").read_text() == ""


def test_keys_are_the_users_own(root: Path) -> None:
    make_live(root, LiveSettings(authorized_keys=(KEY,)))
    folder = root / "home/user/.ssh"
    keys = folder / "authorized_keys"
    assert keys.read_text() == f"{KEY}\n"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, keys)]
    assert modes == [0o700, 0o600]


def test_its_numbers_are_after_those_of_others(root: Path) -> None:
    (root / "etc/subuid").write_text(f"svc:100000:65536\nodd\nvast:{'1' * 5000}:²\n")
    make_live(root, LiveSettings())
    assert row(root, "subuid") == ["user", "165536", "65536"]


def test_the_known_password_is_live() -> None:
    code = 'print crypt("live", $ARGV[0]) eq $ARGV[0] ? "yes" : "no"'
    from builder.inside.session.account import _LIVE

    found = subprocess.run(["perl", "-e", code, _LIVE], capture_output=True, check=True)
    assert found.stdout == b"yes"


def test_the_systems_own_check_finds_nothing_wrong(root: Path) -> None:
    make_live(root, LiveSettings())
    files = [root / "etc/passwd", root / "etc/shadow"]
    done = subprocess.run(
        ["/usr/sbin/pwck", "-r", *files], capture_output=True, text=True, check=False
    )
    about = [line for line in done.stdout.split("\n") if "'user'" in line]
    # The folder is looked for in the system that checks.
    assert [line for line in about if "directory" not in line] == []


def test_a_system_that_lets_nobody_in_lets_the_live_user_in(root: Path) -> None:
    (root / "etc/nologin").write_text("Down for repair\n")
    make_live(root, LiveSettings())
    assert not (root / "etc/nologin").exists()


def test_a_home_that_was_kept_belongs_to_the_live_user(root: Path) -> None:
    home = root / "home/user"
    home.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(home, 1234, 1234)
    system, _changes = make_live(root, LiveSettings())
    number = "1234" if os.geteuid() == 0 else "1000"
    assert row(root, "passwd")[2:4] == [number, number]
    assert system.notes == []


def test_one_that_cannot_is_told(root: Path) -> None:
    home = root / "home/user"
    home.mkdir(parents=True)
    if may_chown := os.geteuid() == 0:
        os.chown(home, 33, 33)
    system, _changes = make_live(root, LiveSettings())
    told = [note for note in system.notes if "/home/user was kept" in note and "33" in note]
    assert row(root, "passwd")[2] == "1000"
    assert bool(told) is may_chown
