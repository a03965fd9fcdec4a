"""The backup's metadata are text, whatever is in them."""

import os
from pathlib import Path

import pytest

from builder.basics.printable import clean
from builder.inside.source.backup_meta import BackupMeta, read_meta
from builder.inside.source.zoneless_time import utc_seconds


def meta_of(path: Path, content: bytes | str) -> BackupMeta:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_meta(path, prefix="META_")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".backup_meta"


def test_the_keys_of_the_guide_are_read(path: Path) -> None:
    meta = meta_of(
        path,
        'META_DATE="2026-06-17 14:30:05"\nMETA_DISTRO="SysLinuxOS"\nMETA_SIZE="8.2G"\n'
        'META_KERNEL="6.1.0"\n',
    )
    assert meta == BackupMeta(date="2026-06-17 14:30:05", distro="SysLinuxOS", size="8.2G")


@pytest.mark.parametrize("value", ["$(touch {0})", "`touch {0}`", '"; touch {0}; "', "$HOME"])
def test_shell_code_is_text_and_never_runs(path: Path, value: str) -> None:
    proof = path.with_name("proof")
    code = value.format(proof)
    meta = meta_of(path, f'META_DISTRO="{code}"\n')
    assert meta.distro == code[:200]
    assert not proof.exists()


def test_unknown_keys_and_lines_without_a_key_are_ignored(path: Path) -> None:
    meta = meta_of(path, "rm -rf /\nPATH=/evil\nSNAP_SIZE=1\nMETA_SIZE=2G\nexport META_DATE=x\n")
    assert (meta.size, meta.date) == ("2G", "")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"8,2G"', "8,2G"),
        ("'one'", "one"),
        ("bare words", "bare words"),
        ('""', ""),
        ('"', '"'),
        ('"Foo "bar" baz"', 'Foo "bar" baz'),
        ('"\x1b]0;owned\x07\x1b[31mred"', "]0;owned[31mred"),
        ('"a\u202eb\u2028c\x00d"', "abcd"),
        ('"' + "x" * 5000 + '"', "x" * 200),
    ],
)
def test_a_value_is_unquoted_once_and_made_harmless(path: Path, written: str, read: str) -> None:
    assert meta_of(path, f"META_SIZE={written}\n").size == read


def test_a_byte_order_mark_crlf_and_wrong_bytes_are_tolerated(path: Path) -> None:
    meta = meta_of(path, b'\xef\xbb\xbfMETA_DATE="2026-06-17 14:30"\r\nMETA_DISTRO="\xff\xfeX"\r\n')
    assert meta.date == "2026-06-17 14:30"
    assert meta.distro == "\ufffd\ufffdX"


def test_megabytes_are_not_read_and_warned_about(path: Path) -> None:
    content = 'META_SIZE="1G"\n' + "#" * (5 << 20) + '\nMETA_DISTRO="late"\n'
    meta = meta_of(path, content)
    assert (meta.size, meta.distro) == ("1G", "")
    assert "larger than {limit}" in meta.warnings[0].message


def test_missing_keys_are_named(path: Path) -> None:
    (warning,) = meta_of(path, 'META_DATE="2026-06-17 14:30"\n').warnings
    assert dict(warning.values)["missing"] == "DISTRO, SIZE"


def test_only_a_regular_file_is_read(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        read_meta(path, prefix="META_")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02 00:00", 86400),
        ("1970-01-02 00:00:01", 86401),
        ("1969-12-31 23:59:59", None),
        ("2026-13-01 00:00", None),
        ("2026-01-01T00:00", None),
        ("2026-1-1 0:0", None),
        ("\u0662026-01-01 00:00", None),
        ("", None),
    ],
)
def test_a_time_is_read_as_utc_or_not_at_all(text: str, seconds: int | None) -> None:
    assert utc_seconds(text) == seconds


def test_cleaned_text_is_one_line() -> None:
    assert clean("  two\nlines\tand\ud800 tabs ") == "twolinesand tabs"
