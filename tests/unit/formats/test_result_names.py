"""File names and volume ids from what a system, friendly or hostile, says about itself."""

import re

import pytest

from builder.formats.result_names import iso_stem, volume_id
from builder.formats.system_facts import SystemFacts

HOSTILE = [
    "",
    " ",
    ".",
    "..",
    "../../etc/passwd",
    "/",
    "-rf",
    "--output=/dev/sda",
    "a\nb",
    "a\x00b\x1b[31m",
    "$(reboot)",
    "`reboot`;|&<>*?[]{}!#~'\"\\",
    "\u202egnp.exe",
    "e\u0301" * 50,
    "Ünïcødé",
    "漢字",
    "\udc80",
    "x" * 10_000,
    "\ufdfa" * 10_000,  # one sign that NFKD turns into 18
    "+._-",
]


def facts(*, distro: str = "debian", version: str = "13", desktop: str = "console") -> SystemFacts:
    return SystemFacts(
        distro_id=distro,
        distro_name="",
        pretty_name="",
        version=version,
        architecture="amd64",
        desktop=desktop,
        kernels=(),
    )


@pytest.mark.parametrize(
    ("system", "name", "stem"),
    [
        (facts(), None, "Debian-13-console"),
        (facts(distro="linuxmint", version="22.1", desktop="xfce"), None, "Linuxmint-22.1-xfce"),
        (facts(distro="opensuse-leap"), None, "Opensuse-leap-13-console"),
        (facts(distro="Linux Mint"), None, "Linux_Mint-13-console"),
        (facts(distro="", version="", desktop=""), None, "Linux-unknown-console"),
        (facts(distro="éclair"), None, "Eclair-13-console"),
        (facts(), "My-ISO_1.0+b1", "My-ISO_1.0+b1"),
        (facts(), "../My ISO", "My_ISO"),
        (facts(), "//", "Debian-13-console"),
    ],
)
def test_the_stem_is_distro_version_desktop_or_the_users_own(
    system: SystemFacts, name: str | None, stem: str
) -> None:
    assert iso_stem(system, name) == stem


@pytest.mark.parametrize("text", HOSTILE)
def test_no_hostile_value_makes_an_unsafe_file_name(text: str) -> None:
    for stem in (
        iso_stem(facts(distro=text), None),
        iso_stem(facts(version=text), None),
        iso_stem(facts(desktop=text), None),
        iso_stem(facts(distro=text, version=text, desktop=text), None),
        iso_stem(facts(), text),
    ):
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}", stem)


def test_a_long_distro_does_not_push_out_version_and_desktop() -> None:
    assert iso_stem(facts(distro="x" * 10_000, desktop="xfce"), None).endswith("-13-xfce")


@pytest.mark.parametrize(
    ("stem", "wanted", "expected"),
    [
        ("Debian-13-console", None, "DEBIAN_13_CONSOLE"),
        ("Opensuse-leap-15.6+x-gnome", None, "OPENSUSE_LEAP_15_6_X_GNOME"),
        ("D" * 100, None, "D" * 32),
        ("D" * 31 + "-13", None, "D" * 31),
        ("", None, "LIVE"),
        ("---", None, "LIVE"),
        ("Debian-13-console", "My_Live-1.0", "My_Live-1.0"),
        ("Debian-13-console", "a b/c", "a_b_c"),
        ("Debian-13-console", "\n", "DEBIAN_13_CONSOLE"),
        ("Debian-13-console", "v" * 40, "v" * 32),
    ],
)
def test_the_volume_id_is_the_wanted_one_or_follows_the_stem(
    stem: str, wanted: str | None, expected: str
) -> None:
    assert volume_id(stem, wanted) == expected


@pytest.mark.parametrize("text", HOSTILE)
def test_no_hostile_value_makes_a_bad_volume_id(text: str) -> None:
    assert re.fullmatch(r"[A-Z0-9_]{1,32}", volume_id(text, None))
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,32}", volume_id("Debian", text))
