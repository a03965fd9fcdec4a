"""A live session is not locked, does not sleep, and asks nobody to set it up."""

from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from builder.inside.session.dconf_database import Value, database
from tests.support.machines import make_live, make_machine
from tests.support.trees import put

USER = LiveSettings(user="demo")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_machine(tmp_path / "root")


def test_nobody_is_welcomed_who_starts_a_live_session(root: Path) -> None:
    put(root, "usr/libexec/gnome-initial-setup")
    make_live(root, USER)
    assert (root / "home/demo/.config/gnome-initial-setup-done").read_text() == "yes\n"


MODULE = "usr/lib/x86_64-linux-gnu/gio/modules/libdconfsettings.so"
OWN = "system-db:distroclone-builder-live\n"


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (None, "", "user-db:user\n" + OWN),
        ("etc/dconf/profile/user", "# x\nuser-db:mine\nsystem-db:local",
         "# x\nuser-db:mine\n" + OWN + "system-db:local\n"),
        ("usr/share/dconf/profile/user", "service-db:keyfile/user\n",
         "service-db:keyfile/user\n" + OWN),
    ],
)  # fmt: skip
def test_what_the_user_sets_counts_first_then_ours(
    root: Path, path: str | None, before: str, after: str
) -> None:
    put(root, MODULE)
    if path:
        put(root, path, before)
    make_live(root, USER)
    assert (root / "etc/dconf/profile/user").read_text() == after
    assert (root / "etc/dconf/db/distroclone-builder-live").read_bytes().startswith(b"GVariant")


def test_a_system_without_dconf_gets_no_database(root: Path) -> None:
    make_live(root, USER)
    assert not (root / "etc/dconf").exists()


VALUES: dict[str, Value] = {
    "/org/example/number": ("u", 4_000_000_000),
    "/org/example/signed": ("i", -5),
    "/org/example/choice": ("b", True),
    "/org/example/wörter": ("s", "grüß dich"),
    **{f"/org/example/many/{number}": ("i", number) for number in range(50)},
}


def test_a_database_has_the_form_that_dconf_reads() -> None:
    data = database(VALUES)
    for key, (kind, value) in VALUES.items():
        found = lookup(data, key.encode())
        assert found.endswith(b"\0" + kind.encode())
        content = found[:-2]
        if kind == "s":
            assert content == f"{value}\0".encode()
        else:
            assert int.from_bytes(content, "little", signed=kind == "i") == value
    with pytest.raises(LookupError, match="example"):
        lookup(data, b"/org/example")


def lookup(data: bytes, key: bytes) -> bytes:
    """Find a key as gvdb-reader.c does: by hash, bucket, and the bucket's items."""
    table, end = int.from_bytes(data[16:20], "little"), int.from_bytes(data[20:24], "little")

    def word(place: int) -> int:
        return int.from_bytes(data[place : place + 4], "little")

    shift, buckets = word(table), word(table + 4)
    assert shift == 0
    hashed = 5381
    for byte in key:
        hashed = (hashed * 33 + byte - 256 * (byte > 127)) % 2**32
    items = table + 8 + 4 * buckets
    count = (end - items) // 24
    firsts = [*(word(table + 8 + 4 * number) for number in range(buckets)), count]
    for number in range(firsts[hashed % buckets], firsts[hashed % buckets + 1]):
        item = items + 24 * number
        at, size = word(item + 8), int.from_bytes(data[item + 12 : item + 14], "little")
        if word(item) == hashed and data[at : at + size] == key:
            start, stop = word(item + 16), word(item + 20)
            assert start % 8 == 0
            assert data[item + 14 : item + 15] == b"v"
            return data[start:stop]
    raise LookupError(key)


def test_an_idle_machine_stays_awake(root: Path) -> None:
    put(root, "usr/lib/systemd/systemd-logind")
    make_live(root, USER)
    (drop_in,) = (root / "etc/systemd/logind.conf.d").glob("*.conf")
    assert drop_in.read_text() == "[Login]\nIdleAction=ignore\n"


PLASMA = {
    "etc/xdg/kscreenlockerrc": "[Daemon]\nAutolock=false\nLockOnResume=false\n",
    "etc/xdg/plasma-welcomerc": "[General]\nLastSeenVersion=99.0.0\n",
}


def test_plasma_does_not_lock_sleep_or_welcome_anybody(root: Path) -> None:
    put(root, "usr/bin/plasmashell")
    make_live(root, USER)
    for name, text in PLASMA.items():
        assert (root / name).read_text() == text
    power = (root / "etc/xdg/powerdevilrc").read_text()
    assert power.count("][SuspendAndShutdown]\nAutoSuspendAction=0\n") == 3
    assert power.startswith("[AC][")


def test_what_starts_with_a_session_and_would_disturb_it_is_hidden(root: Path) -> None:
    for name in ("light-locker", "mintwelcome", "nm-applet"):
        put(root, f"etc/xdg/autostart/{name}.desktop", "[Desktop Entry]\n")
    make_live(root, USER)
    folder = root / "home/demo/.config/autostart"
    assert sorted(each.name for each in folder.iterdir()) == [
        "light-locker.desktop", "mintwelcome.desktop",
    ]  # fmt: skip
    assert "\nHidden=true\n" in (folder / "light-locker.desktop").read_text()
    owner = (root / "home/demo").stat().st_uid
    assert {path.stat().st_uid for path in (folder, *folder.iterdir())} == {owner}


def test_screen_savers_lock_nobody_out(root: Path) -> None:
    put(root, "usr/bin/xscreensaver")
    put(root, "usr/bin/xfce4-screensaver")
    put(root, "etc/skel/.xscreensaver", "timeout:\t0:10:00\nlock:\tTrue\n")
    make_live(root, USER)
    text = (root / "home/demo/.xscreensaver").read_text()
    assert text == "timeout:\t0:10:00\nlock:\tFalse\nmode:\toff\n"
    (xfce,) = (root / "home/demo/.config/xfce4").rglob("*.xml")
    assert 'name="enabled" type="bool" value="false"' in xfce.read_text()
