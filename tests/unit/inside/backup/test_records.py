"""`.backup_meta` and info.xml are read as written: by us, by a shell, and by snapper's parser."""

import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from builder.inside.backup.folders import write_atomically
from builder.inside.backup.records import Record, as_du_has_it, info_text, meta_text
from builder.inside.source.backup_meta import read_meta
from builder.inside.source.snapper import SnapperInfo, read_info

RECORD = Record(
    now=1_781_699_405,
    zone=7200,
    distro="Debian GNU/Linux 13 (trixie)",
    kernel="6.12.48+deb13-amd64",
    size=8_800_000_000,
)
HOSTILE = (
    'Foo "Bar" $(touch owned) `touch owned` \\ ${HOME}',
    'a\nMETA_DATE="x"\r\x1b[31m',
    "Café <b>&amp; ' | ! %s, k=v",
    "$",
    "x" * 5000,
)


def sourced(path: Path) -> dict[str, str]:
    """What a shell makes of it, as DistroClone Backup does."""
    keys = ("META_DATE", "META_DISTRO", "META_SIZE", "META_KERNEL")
    script = f'. "{path}"; ' + "; ".join(f'printf "%s\\0" "${key}"' for key in keys)
    done = subprocess.run(
        ["sh", "-c", script], check=True, capture_output=True, cwd=path.parent, env={"HOME": "/h"}
    )
    return dict(zip(keys, done.stdout.decode().split("\0"), strict=False))


def userdata_of(path: Path) -> dict[str, str]:
    pairs = ET.parse(path).iter("userdata")  # noqa: S314
    return {each.findtext("key") or "": each.findtext("value") or "" for each in pairs}


def test_the_four_keys_are_written_in_their_order(tmp_path: Path) -> None:
    assert meta_text(RECORD).splitlines() == [
        'META_DATE="2026-06-17 14:30:05"',
        'META_DISTRO="Debian GNU/Linux 13 (trixie)"',
        'META_SIZE="8.2G"',
        'META_KERNEL="6.12.48+deb13-amd64"',
    ]
    (tmp_path / "meta").write_text(meta_text(RECORD))
    found = read_meta(tmp_path / "meta", prefix="META_")
    assert (found.date, found.distro, found.size) == (
        "2026-06-17 14:30:05", RECORD.distro, "8.2G",
    )  # fmt: skip
    assert found.warnings == ()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_shell_sees_nothing_but_text_in_a_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / ".backup_meta"
    path.write_text(meta_text(replace(RECORD, distro=name, kernel=name)))
    ours = read_meta(path, prefix="META_")
    shells = sourced(path)
    assert shells["META_DISTRO"] == ours.distro
    assert shells["META_DATE"] == ours.date == RECORD.date
    assert [each.name for each in tmp_path.iterdir()] == [".backup_meta"]


def test_snappers_file_is_the_one_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "info.xml"
    path.write_text(info_text(RECORD, number=7))
    assert read_info(path, number=7) == SnapperInfo(
        date=RECORD.now,
        description="distroclone-backup 2026-06-17 14:30:05",
        cleanup="number",
        important=False,
    )
    assert userdata_of(path) == {
        "distro": RECORD.distro, "kernel": RECORD.kernel, "size_kb": "8593750",
    }  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_snappers_command_line_can_take_what_is_in_userdata(tmp_path: Path, name: str) -> None:
    path = tmp_path / "info.xml"
    text = info_text(replace(RECORD, distro=name, kernel=""), number=7)
    path.write_text(text, encoding="ascii")
    values = userdata_of(path).values()
    assert not set("".join(values)) & set(",=\n")
    assert all(values)  # snapper drops empty ones
    assert isinstance(read_info(path, number=7), SnapperInfo)


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0K"), (1, "0.1K"), (1024, "1.0K"), (1025, "1.1K"), (10 * 1024, "10K"), (1 << 20, "1.0M"),
     (9 * (1 << 30) + 1, "9.1G"), (1023 << 20, "1023M"), (5 << 40, "5.0T")],
)  # fmt: skip
def test_a_size_is_rounded_up_as_du_does(size: int, shown: str) -> None:
    assert as_du_has_it(size) == shown


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path, draft = tmp_path / "file", tmp_path / "draft"
    path.write_text("old")
    draft.write_text("of one that was killed")
    write_atomically(path, "new", draft=draft)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert not draft.exists()
    draft.symlink_to(tmp_path / "victim")
    write_atomically(path, "newer", draft=draft)
    assert not (tmp_path / "victim").exists()
