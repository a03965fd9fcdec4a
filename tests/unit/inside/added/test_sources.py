"""The archives of a system are read as apt reads them; what is no use is told with the reason."""

import pytest

from builder.border.added_packages import AptSource
from builder.inside.added.sources import Row, Useless, deb822_sources, one_line_sources


def source(**changes: object) -> AptSource:
    usual = {
        "uri": "http://archive.example/debian",
        "suite": "trixie",
        "components": ("main",),
        "architectures": (),
        "signed_by": (),
    }
    return AptSource(**(usual | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("deb http://archive.example/debian trixie main", source()),
        ("  deb\thttp://archive.example/debian   trixie  main # mine", source()),
        (
            "deb [arch=amd64,i386 signed-by=/k/a.gpg] https://archive.example/debian trixie main x",
            source(
                uri="https://archive.example/debian",
                components=("main", "x"),
                architectures=("amd64", "i386"),
                signed_by=("/k/a.gpg",),
            ),
        ),
        ("deb http://archive.example/debian ./", source(suite="./", components=())),
    ],
)
def test_a_line_is_a_source(line: str, expected: AptSource) -> None:
    assert list(one_line_sources(line)) == [Row(source=expected)]


@pytest.mark.parametrize("line", ["", "# deb http://archive.example/debian trixie main",
                                  "deb-src http://archive.example/debian trixie main"])  # fmt: skip
def test_comments_and_sources_of_source_packages_are_none(line: str) -> None:
    assert list(one_line_sources(line)) == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("deb cdrom:[Debian]/ trixie main", "only http and https"),
        ("deb file:/srv/mirror trixie main", "only http and https"),
        ("deb mirror+file:/etc/apt/mirrors trixie main", "only http and https"),
        ("deb ssh://me@archive.example/x trixie main", "only http and https"),
        ("deb https://me:word@archive.example/x trixie main", "it has a password"),
        ("deb http://[::1/x trixie main", "cannot be read"),
        ("deb http://archive.example/x tri$(id)xie main", "cannot be read"),
        ("nonsense", "cannot be read"),
    ],
)
def test_what_is_no_use_is_told_without_its_password(line: str, why: str) -> None:
    (found,) = one_line_sources(line)
    assert isinstance(found, Useless)
    assert why in found.text
    assert "word@" not in found.text


DEB822 = """\
# The usual ones
Types: deb deb-src
URIs: http://archive.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://other.example/apt
Suites: stable/
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEaaaa
 -----END PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: https://off.example/apt
Suites: stable
Components: main
"""


def test_stanzas_are_sources_for_each_address_and_suite() -> None:
    first, second, third = deb822_sources(DEB822)
    keyring = ("/usr/share/keyrings/debian-archive-keyring.gpg",)
    assert first == Row(source=source(signed_by=keyring))
    assert second == Row(source=source(suite="trixie-updates", signed_by=keyring))
    assert isinstance(third, Row)
    assert (third.source.suite, third.source.components) == ("stable/", ())
    assert third.key.splitlines() == [
        "-----BEGIN PGP PUBLIC KEY BLOCK-----",
        "",
        "mDMEaaaa",
        "-----END PGP PUBLIC KEY BLOCK-----",
    ]
