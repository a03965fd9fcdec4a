"""`stick` asks before it erases, and only somebody who can answer."""

import json
from pathlib import Path

import pytest

from builder.host.cli import main
from tests.support.sticks import ISO_SIZE, iso_bytes, make_iso
from tests.support.terminal import on_terminal


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that is there, with an old ISO on it."""
    path = tmp_path / "old.img"
    path.write_bytes(iso_bytes()[: 1 << 20].ljust(ISO_SIZE, b"\0"))
    return path


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main.run(["stick", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_new_file_needs_no_confirmation(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _err = told(capsys, make_iso(tmp_path), tmp_path / "new.img", "--size", "16M")
    assert code == 0
    assert "Demo-1.iso is on new.img, read back and the same (7.3 MiB written)\n" in out
    assert "The ISO has the checksum in SHA256SUMS\n" in out
    assert (tmp_path / "new.img").stat().st_size == 16 << 20


def test_what_could_not_be_checked_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    iso = make_iso(tmp_path, iso_bytes(preparer="XORRISO"), sums=False)
    code, out, _err = told(capsys, iso, tmp_path / "new.img")
    assert code == 0
    assert "Nothing beside the ISO has its checksum, so that was not checked\n" in out
    assert "The ISO does not say that distroclone-builder made it\n" in out


def test_a_partition_for_persistence_is_told_with_its_number(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    iso, target = make_iso(tmp_path), tmp_path / "new.img"
    code, out, _err = told(capsys, iso, target, "--size", "100M", "--persistence", "rest")
    assert code == 0
    assert "Partition 4 keeps what is changed, 91.0 MiB: choose persistence in the boot" in out


def test_a_size_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    iso, target = make_iso(tmp_path), tmp_path / "new.img"
    code, _out, err = told(capsys, iso, target, "--persistence", "much")
    assert code == 2
    assert 'Invalid size "much"' in err
    assert not target.exists()


def test_without_a_terminal_nobody_is_asked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, old: Path
) -> None:
    before = old.read_bytes()
    code, out, err = told(capsys, make_iso(tmp_path), old)
    assert code == 2
    assert out == ""
    assert "Nobody is at a terminal to say that old.img may be erased; nothing was written" in err
    assert "--yes old.img" in err
    assert old.read_bytes() == before


def test_yes_must_name_what_is_erased(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, old: Path
) -> None:
    before = old.read_bytes()
    code, _out, err = told(capsys, make_iso(tmp_path), old, "--yes", "sdb")
    assert code == 2
    assert "--yes names sdb, and what would be erased is old.img; nothing was written" in err
    assert "If old.img may be erased: --yes old.img." in err
    assert old.read_bytes() == before


@pytest.mark.parametrize("whole_path", [True, False])
def test_a_script_names_it_and_gets_json(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, old: Path, *, whole_path: bool
) -> None:
    iso = make_iso(tmp_path)
    code, out, _err = told(capsys, iso, old, "--yes", old if whole_path else old.name, "--json")
    assert code == 0
    assert json.loads(out.splitlines()[-1])["data"]["checked_by"] == "SHA256SUMS"
    assert old.read_bytes() == iso.read_bytes()


def test_a_person_sees_what_is_there_and_types_its_name(tmp_path: Path, old: Path) -> None:
    iso = make_iso(tmp_path)
    with on_terminal("stick", iso, old) as terminal:
        terminal.wait_for("Type old.img to erase it, anything else to stop: ")
        for words in (
            "All of old.img will be erased.",
            'iso9660  "DEMO"',
            "Demo-1.iso, 7.3 MiB",
            "in SHA256SUMS, compared before anything is written",
        ):
            assert words in terminal.shown
        terminal.type("old.img\n")
        assert terminal.end() == 0, terminal.shown
    assert old.read_bytes() == iso.read_bytes()


def test_a_mere_yes_erases_nothing(tmp_path: Path, old: Path) -> None:
    before = old.read_bytes()
    with on_terminal("stick", make_iso(tmp_path), old) as terminal:
        terminal.wait_for("anything else to stop: ")
        terminal.type("y\n")
        assert terminal.end() == 2
    assert "old.img was not confirmed; nothing was written" in terminal.shown
    assert "start the command again and type old.img" in terminal.shown
    assert old.read_bytes() == before
