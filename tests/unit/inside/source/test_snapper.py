"""snapper's info.xml is read like snapper does, and bombs are refused."""

from pathlib import Path

import pytest

from builder.border.cache_report import Problem
from builder.inside.source.snapper import LIMIT, SnapperInfo, read_info

GOOD = """<?xml version="1.0"?>
<snapshot>
  <type>single</type>
  <num>3</num>
  <date>2026-06-17 12:30:05</date>
  <description>distroclone-backup &lt;a&gt; caff&#xE8;</description>
  <userdata><key>num</key><value>99</value></userdata>
  <userdata><key>distro</key><value>Debian</value></userdata>
</snapshot>
"""


def info_of(tmp_path: Path, content: str | bytes) -> SnapperInfo | Problem:
    path = tmp_path / "info.xml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_info(path, number=3)


def test_a_snapshot_is_read_with_its_date_in_utc(tmp_path: Path) -> None:
    assert info_of(tmp_path, GOOD) == SnapperInfo(
        date=1781699405,
        description="distroclone-backup <a> caffè",
        cleanup="",
        important=False,
    )


def test_who_may_delete_it_and_who_may_not_is_read_too(tmp_path: Path) -> None:
    kept = GOOD.replace("<key>num</key><value>99<", "<key>important</key><value>yes<")
    found = info_of(tmp_path, kept.replace("<num>", "<cleanup>number</cleanup><num>"))
    assert isinstance(found, SnapperInfo)
    assert (found.cleanup, found.important) == ("number", True)
    nested = GOOD.replace("<num>3", "<x><important>yes</important></x><num>3")
    assert not getattr(info_of(tmp_path, nested), "important", True)


BOMB = '<!DOCTYPE a [<!ENTITY x "ha">]>'
BAD = {
    "empty": "",
    "cut short": GOOD[:80],
    "no XML": "rm -rf /",
    "another root": GOOD.replace("snapshot>", "snapshots>"),
    "entities": GOOD.replace("<snapshot>", f"{BOMB}<snapshot>"),
    "external DTD": GOOD.replace(
        "<snapshot>", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><snapshot>'
    ),
    "undefined entity": GOOD.replace("&lt;", "&xxe;"),
    "unknown encoding": GOOD.replace('"1.0"', '"1.0" encoding="klingon"'),
    "bad type": GOOD.replace("single", "double"),
    "no type": GOOD.replace("<type>single</type>", ""),
    "another number": GOOD.replace("<num>3<", "<num>4<"),
    "zero-padded number": GOOD.replace("<num>3<", "<num>03<"),
    "no date": GOOD.replace("<date>2026-06-17 12:30:05</date>", ""),
    "bad date": GOOD.replace("2026-06-17", "2026-02-30"),
    "date without seconds": GOOD.replace("12:30:05", "12:30"),
    "huge": GOOD + " " * LIMIT,
    "deep": "<snapshot>" + "<a>" * 20000,
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_is_wrong_is_a_problem_with_a_remedy(tmp_path: Path, content: str) -> None:
    problem = info_of(tmp_path, content)
    assert isinstance(problem, Problem)
    assert "{number}" in problem.hint


def test_an_entity_bomb_is_refused_for_its_doctype(tmp_path: Path) -> None:
    problem = info_of(tmp_path, BAD["entities"])
    assert isinstance(problem, Problem)
    assert dict(problem.values)["detail"] == "it declares a document type"


def test_a_missing_file_and_a_symlink_are_problems(tmp_path: Path) -> None:
    assert isinstance(read_info(tmp_path / "info.xml", number=3), Problem)
    (tmp_path / "real.xml").write_text(GOOD)
    (tmp_path / "info.xml").symlink_to("real.xml")
    assert isinstance(read_info(tmp_path / "info.xml", number=3), Problem)


def test_terminal_codes_do_not_survive(tmp_path: Path) -> None:
    info = info_of(tmp_path, GOOD.replace("&lt;a&gt;", "&#x9b;31m\u202e"))
    assert isinstance(info, SnapperInfo)
    assert info.description == "distroclone-backup 31m caffè"
