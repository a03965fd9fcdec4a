"""The start paths that are tried, how a boot is judged, and the table that tells of them."""

import dataclasses
import io
import json
import struct
import uuid
import zlib
from pathlib import Path
from typing import Any

import pytest

from builder.border.boot_test import Firmware
from tests.boot.machine import PACKAGES, asked, machine_argv
from tests.boot.menu_choice import on_screen
from tests.boot.picture import keys_of, wait_for_menu, wait_for_rest
from tests.starts import page
from tests.starts.__main__ import chosen, chosen_pictures
from tests.starts.inside.partition_tables import write_gpt, write_mbr
from tests.starts.measured import Boot, Ending, Measured
from tests.starts.pictures import PICTURES
from tests.starts.running import judged
from tests.starts.way import Content, Machine, Place
from tests.starts.ways import WAYS

UP = "distroclone-builder boot-report: ok root=overlay user=user lockdown=none secure-boot=off"
WAY = {way.name: way for way in WAYS}


def told(line: str | None, **changes: Any) -> dict[str, Any]:
    meaning = "ok" if line and "report: ok" in line else "dead-end"
    return {
        "sighting": None if line is None else {"line": line, "meaning": meaning},
        "exit_code": None,
        "seconds": 41.7,
        "lines": ["first", "last"],
        "accelerator": "tcg",
        "firmware": "ovmf 1",
        "qemu": "10",
    } | changes


def ending(name: str, machine: Machine, *lines: str | None) -> tuple[Ending, str]:
    boot = judged(WAY[name], machine, [told(line) for line in lines])
    return boot.ending, boot.said


def test_names_are_unique_and_every_way_has_a_machine() -> None:
    assert len(WAY) == len(WAYS)
    assert all(way.machines for way in WAYS)
    both = chosen(["large-cd/uefi", "unsigned-grub", "large-cd"])
    assert [(way.name, machine) for way, machine in both] == [
        ("large-cd", Machine.UEFI),
        ("unsigned-grub", Machine.SECURE),
        ("large-cd", Machine.BIOS),
    ]
    assert len(chosen([])) == sum(len(way.machines) for way in WAYS)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SystemExit, match="there is no floppy; there are: cd/bios, cd/uefi, "):
        chosen(["floppy"])


def test_only_the_right_live_system_counts() -> None:
    assert ending("cd", Machine.BIOS, UP) == (Ending.STARTED, "")
    other = UP.replace("user=user", "user=other")
    assert ending("cd", Machine.BIOS, other) == (Ending.FAILED, other[:120])
    assert ending("two-sticks", Machine.BIOS, other) == (Ending.STARTED, "")
    assert ending("two-sticks", Machine.BIOS, UP)[0] is Ending.FAILED


def test_secure_boot_counts_only_where_it_was_enforced() -> None:
    assert ending("cd", Machine.SECURE, UP)[0] is Ending.FAILED
    secure = UP.replace("=off", "=on").replace("=none", "=integrity")
    assert ending("cd", Machine.SECURE, secure) == (Ending.STARTED, "")
    assert ending("cd", Machine.UEFI, secure)[0] is Ending.FAILED
    assert ending("cd", Machine.SECURE, UP.replace("=off", "=on"))[0] is Ending.FAILED


def test_a_refusal_counts_only_with_its_words() -> None:
    said = "error: bad shim signature."
    assert ending("unsigned-kernel", Machine.SECURE, said) == (
        Ending.REFUSED,
        "bad shim signature",
    )
    assert ending("unsigned-grub", Machine.SECURE, said) == (Ending.FAILED, said)
    assert ending("unsigned-kernel", Machine.SECURE, UP)[0] is Ending.FAILED
    denied = "BdsDxe: failed to load Boot0001: Access Denied"
    boot = told("No bootable option or device was found", lines=[denied])
    assert judged(WAY["unsigned"], Machine.SECURE, [boot]).said == "Access Denied"
    assert judged(WAY["unsigned"], Machine.SECURE, [told(UP, lines=[denied])]).ending is (
        Ending.FAILED
    )
    assert ending("unsigned", Machine.UEFI, UP) == (Ending.STARTED, "")
    assert ending("cd", Machine.BIOS, said) == (Ending.FAILED, said)
    assert ending("cd", Machine.BIOS, None) == (Ending.FAILED, "last")


@pytest.mark.parametrize(
    ("notes", "ending"),
    [
        (["boot 0, intact 0", "boot 1, intact 1", "boot 2, intact 2"], Ending.STARTED),
        (["boot 0, intact 0", "boot 1, intact 1", "boot 2, intact 1"], Ending.FAILED),
        (["boot 0, intact 0", "boot 1, intact 1", "boot 1, intact 1"], Ending.FAILED),
    ],
)
def test_persistence_counts_only_where_each_boot_finds_what_was_written(
    notes: list[str], ending: Ending
) -> None:
    boots = [
        told(f"{UP} failed-units= x", lines=[f"noted: {note}, machine 1"], exit_code=None)
        for note in notes
    ]
    boots[0]["exit_code"] = 0
    assert judged(WAY["persistence"], Machine.BIOS, boots).ending is ending


def test_a_machine_starts_the_first_drive_and_writes_to_disks_only() -> None:
    argument = asked([("a.iso", "usb"), ("b.iso", "cd"), ("c.img", "disk")], processors=1)
    words = " ".join(machine_argv(json.loads(argument), variables=None))
    assert words.count("bootindex=0") == 1
    assert "usb-storage,drive=medium,bootindex=0" in words
    assert "node-name=medium,read-only=on,filename=/results/a.iso" in words
    assert "node-name=drive1,filename=/results/b.iso,read-only=on -device ide-cd" in words
    assert "node-name=drive2,filename=/results/c.img -device virtio-blk-pci" in words
    assert set(Place) == {"cd", "usb", "stick", "disk"}
    assert len(Content) == len(set(Content))


def test_a_stick_that_is_written_to_starts_with_any_firmware() -> None:
    argument = asked([("a.img", "stick"), ("b.img", "stick")], firmware=Firmware.UEFI32)
    words = " ".join(machine_argv(json.loads(argument), variables=Path("/variables")))
    assert "node-name=medium,filename=/results/a.img -device qemu-xhci -device usb-st" in words
    assert "node-name=drive1,filename=/results/b.img -device qemu-xhci,id=usb1" in words
    assert "read-only=on,filename=/results" not in words
    assert "OVMF32_CODE" in words


def result(name: str = "cd", **changes: Any) -> Measured:
    boots = tuple(
        Boot(machine=machine, ending=Ending.STARTED, seconds=41.7, said="", accelerator="tcg",
             firmware=f"{machine} 1", qemu="10.0", date="2026-01-02", builder="1")
        for machine in (Machine.BIOS, Machine.UEFI)
    )  # fmt: skip
    return dataclasses.replace(Measured(name=name, boots=boots), **changes)


PAGE = "before\n<!-- starts -->\nold\n<!-- end starts -->\nafter\n"


def test_a_result_comes_back_from_its_file_and_fills_a_row(tmp_path: Path) -> None:
    page.keep(result(), tmp_path)
    assert page.kept(tmp_path) == [result()]
    text = page.filled(PAGE, page.kept(tmp_path))
    assert "| CD | 42 s | 42 s | not run | not run | 2026-01-02 |\n" in text
    assert "old" not in text
    assert "BIOS: bios 1; UEFI: uefi 1; QEMU 10.0; tcg." in text
    assert f"| {WAY['stick'].title} | not run | not run | not run | not run |  |\n" in text
    assert f"| {WAY['copied-gpt'].title} | no | not run | not run | not run |  |\n" in text
    assert f"| {WAY['unsigned-grub'].title} |  |  | not run |  |  |\n" in text


def test_a_boot_replaces_an_older_one_of_its_machine_only(tmp_path: Path) -> None:
    page.keep(result(), tmp_path)
    newer = dataclasses.replace(result().boots[1], seconds=7.0, date="2026-02-03")
    page.keep(result(boots=(newer,)), tmp_path)
    text = page.filled(PAGE, page.kept(tmp_path))
    assert "| CD | 42 s | 7 s | not run | not run | 2026-01-02, 2026-02-03 |\n" in text


def test_a_failure_and_a_refusal_are_told_with_what_was_said() -> None:
    first = result().boots[0]
    boots = tuple(
        dataclasses.replace(first, machine=Machine.SECURE, ending=each, said="no | such")
        for each in (Ending.REFUSED, Ending.FAILED)
    )
    refused, failed = (result("unsigned-grub", boots=(boot,)) for boot in boots)
    assert "|  |  | refused: `no &#124; such` |  |" in page.filled(PAGE, [refused])
    assert "|  |  | **failed**: `no &#124; such` |  |" in page.filled(PAGE, [failed])
    assert (refused.is_fine, failed.is_fine) == (True, False)
    assert not result(boots=()).is_fine


def test_the_page_has_one_place_and_is_as_the_results_say() -> None:
    with pytest.raises(ValueError, match="no single place"):
        page.filled("nothing", [])
    text = page.PAGE.read_text("utf-8")
    assert page.filled(text, page.kept()) == text


def test_both_partition_tables_have_one_partition_of_the_same_place() -> None:
    sectors = 10_000
    disk = io.BytesIO(b"c" * 440 + bytes(sectors * 512 - 440))
    write_mbr(disk, sectors=sectors, active=True)
    data = disk.getvalue()
    assert data[:440] == b"c" * 440
    active, kind, first, count = struct.unpack_from("<B3xB3xII", data, 446)
    assert (active, kind, first, first + count) == (0x80, 0x0C, 2048, sectors - 34)
    write_gpt(disk, sectors=sectors)
    data = disk.getvalue()
    assert len(data) == sectors * 512
    for here, there in ((1, sectors - 1), (sectors - 1, 1)):
        header = bytearray(data[here * 512 :][:92])
        own, other, low, high = struct.unpack_from("<QQQQ", header, 24)
        assert (own, other, low, high) == (here, there, 34, sectors - 35)
        place, number, size, checksum = struct.unpack_from("<QIII", header, 72)
        entries = data[place * 512 :][: number * size]
        assert zlib.crc32(entries) == checksum
        assert str(uuid.UUID(bytes_le=entries[:16])).upper().startswith("EBD0A0A2")
        assert struct.unpack_from("<QQ", entries, 32) == (2048, sectors - 35)
        (said,) = struct.unpack_from("<I", header, 16)
        header[16:20] = bytes(4)
        assert zlib.crc32(header) == said


def test_every_firmware_has_a_version_to_tell() -> None:
    assert set(PACKAGES) == set(Firmware)


@dataclasses.dataclass
class Screen:
    """What a machine shows, one picture after the other; the last one stays."""

    shown: list[bytes]
    keys: list[str] = dataclasses.field(default_factory=list)

    def press(self, key: str) -> bytes:
        self.keys.append(key)
        return self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]


def test_only_what_moves_with_the_keys_is_a_menu() -> None:
    mark, first, last = b"mark", b"first", b"last"
    screen = Screen([mark, mark, mark, mark, b"text", first, first, last, first])
    wait_for_menu(screen.press)
    assert screen.keys == ["home", "end", "home"] * 3
    with pytest.raises(TimeoutError, match="there is no menu"):
        wait_for_menu(Screen([mark]).press, longest=5)


def test_a_screen_is_at_rest_when_something_stays_there() -> None:
    dark, painted = b"dark", b"painted"
    screen = Screen([dark] * 9 + [painted])
    wait_for_rest(screen.press, dark=dark, still=3)
    assert len(screen.keys) == 9 + 3
    blinking = Screen([b"other", *[painted, b"cursor"] * 9])
    wait_for_rest(blinking.press, still=10)
    assert len(blinking.keys) == 3 + 10
    with pytest.raises(TimeoutError, match="goes on changing"):
        wait_for_rest(Screen([b"1", b"2", b"3"] * 9).press, still=3, longest=20)
    with pytest.raises(TimeoutError, match="goes on changing"):
        wait_for_rest(Screen([dark]).press, dark=dark, still=3, longest=20)


def test_a_text_is_typed_key_by_key() -> None:
    assert keys_of("df /a-b\n") == ["d", "f", "spc", "slash", "a", "minus", "b", "ret"]
    assert keys_of("a.S|") == ["a", "dot", "shift-s", "shift-backslash"]
    texts = "".join(picture.text for picture in PICTURES)
    assert [key for key in keys_of(texts) if len(key) == 1 and not key.islower()] == []


def test_only_a_text_that_was_written_on_a_screen_of_text_is_found_in_memory() -> None:
    seen = on_screen("Errors: 0")
    white_on_blue = b"".join(bytes([byte, 0x17]) for byte in b" Errors: 0 ")
    assert seen.search(white_on_blue)
    assert seen.search(white_on_blue.replace(b"0\x17", b"0\x1f"))  # colours may change
    assert not seen.search(white_on_blue.replace(b"0", b"1"))
    assert not seen.search(b" Errors: 0 ")  # in the program's file
    assert not seen.search(" Errors: 0 ".encode("utf-16-le"))  # in the firmware's


def test_pictures_are_small_and_shown() -> None:
    names = [picture.name for picture in PICTURES]
    assert [picture.name for picture in chosen_pictures([])] == names
    assert len(set(names)) == len(names)
    with pytest.raises(SystemExit, match="there is no desktop; there are: menu-bios, "):
        chosen_pictures(["desktop"])
    files = {file.name: file.stat().st_size for file in page.RESULTS.glob("*.png")}
    assert set(files) == {picture.file for picture in PICTURES}
    assert [name for name, size in files.items() if size > 60_000] == []
    pages = "".join(file.read_text("utf-8") for file in page.DOCS.glob("*.md"))
    assert [name for name in files if f"](starts/{name})" not in pages] == []
