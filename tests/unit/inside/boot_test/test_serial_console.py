"""What arrives on a serial port, as lines and signs."""

import pytest

from builder.inside.boot_test.serial_console import (
    BOOT_SIGNS,
    Lookout,
    Meaning,
    SerialLines,
    Sighting,
)

OK = b"distroclone-builder boot-report: ok root=overlay user=user\r\n"


def lines_of(*chunks: bytes) -> list[str]:
    joined = SerialLines()
    return [line for chunk in chunks for line in joined.feed(chunk)]


def seen_in(*chunks: bytes) -> Sighting | None:
    lookout = Lookout(BOOT_SIGNS)
    sightings = [lookout.feed(chunk)[1] for chunk in chunks]
    return next((each for each in sightings if each is not None), None)


def one_by_one(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize(
    ("painted", "lines"),
    [
        (b"one\r\ntwo\n", ["one", "two"]),
        (b"10%\r20%\r\n", ["10%", "20%"]),
        (b"\x1b[0;1;32m  OK  \x1b[0m] Started \x1b]0;title\x07it\r\n", ["  OK  ] Started it"]),
        (b"\x1b[05;03H*live\x1b[06;03Hsafe\n", ["*live", "safe"]),
        (b"\x1b[!p\x1b[?7hplain\n", ["plain"]),
        (b"\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS\r\n", ["SeaBIOS"]),
        (b"a\x00\x08\tb\x7f\n", ["ab"]),
        (b"\xe2\x94\x82\n \n\n----\nx\n", ["x"]),
        (b"\xff\xfe1\n", ["\ufffd\ufffd1"]),
        ("größe ▲\n".encode(), ["größe ▲"]),
    ],
)
def test_lines_are_what_a_reader_would_see(painted: bytes, lines: list[str]) -> None:
    assert lines_of(painted) == lines
    assert lines_of(*one_by_one(painted)) == lines


def test_a_line_without_end_does_not_grow_for_ever() -> None:
    serial = SerialLines()
    lines = [line for _ in range(100) for line in serial.feed(b"x" * 1000)]
    assert len(lines) > 40
    assert max(map(len, [*lines, serial.pending])) <= 2000


def test_an_escape_without_end_does_not_swallow_what_follows() -> None:
    assert lines_of(b"\x1b]0;" + b"t" * 5000, b"\n", b"next\n")[-1] == "next"


@pytest.mark.parametrize("pieces", [[OK], one_by_one(OK), [OK[:25], OK[25:40], OK[40:]]])
def test_a_report_is_seen_however_it_is_cut(pieces: list[bytes]) -> None:
    report = "distroclone-builder boot-report: ok root=overlay user=user"
    assert seen_in(*pieces) == Sighting(meaning=Meaning.OK, line=report)


def test_a_report_counts_only_once_its_line_has_ended() -> None:
    assert seen_in(OK[:-2]) is None


def test_a_report_is_seen_after_other_text_on_its_line() -> None:
    seen = seen_in(b"\x1b[0m[    9.1] random: " + OK)
    assert seen is not None
    assert seen.line.startswith("distroclone-builder boot-report: ok ")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (b"distroclone-builder boot-report: failed root is ext4\n", Meaning.FAILED),
        (b"distroclone-builder boot-report: ok\r\n", Meaning.OK),
        (b"KVM internal error. Suberror: 1\n", Meaning.BROKEN),
        (b"[    3.2] Kernel panic - not syncing: no init found.\r\n", Meaning.DEAD_END),
        (b"\r\n(initramfs) ", Meaning.DEAD_END),
        (b"error: no such device.\r\ngrub rescue> ", Meaning.DEAD_END),
        (b"\x1b[2J\x1b[01;01Hgrub> ", Meaning.DEAD_END),
        (b"No bootable device.  Retrying in 60 seconds.\r\n", Meaning.DEAD_END),
        (b"BdsDxe: No bootable option or device was found.\r\n", Meaning.DEAD_END),
        (
            b"\x1b[12;1H|  Verification failed: (0x1A) Security Violation  |\x1b[13;1H",
            Meaning.DEAD_END,
        ),
        (b"error: bad shim signature.\r\n", Meaning.DEAD_END),
        (b"error: bad shim lock signature.\r\n", Meaning.DEAD_END),
        (b"You are in emergency mode. After logging in, type\r\n", Meaning.DEAD_END),
    ],
)
def test_signs_are_told_apart(text: bytes, meaning: Meaning) -> None:
    for pieces in ([text], one_by_one(text)):
        seen = seen_in(*pieces)
        assert seen is not None
        assert seen.meaning is meaning


@pytest.mark.parametrize(
    "text",
    [
        b"distroclone-builder boot-report: okay\n",
        b"distroclone-builder boot-report: maybe\n",
        b"boot-report: ok root=overlay\n",
        b"Begin: Loading essential drivers ... (initramfs) done.\r\n",
        b"Press c for the grub> prompt\r\n",
        b'BdsDxe: failed to start Boot0002 "EFI Internal Shell": Security Violation\r\n',
        b"panic=10 in the command line\r\n",
    ],
)
def test_ordinary_text_is_no_sign(text: bytes) -> None:
    assert seen_in(text) is None


def test_the_first_of_two_signs_decides() -> None:
    seen = seen_in(b"distroclone-builder boot-report: failed x\r\n" + OK)
    assert seen is not None
    assert seen.meaning is Meaning.FAILED
