"""A picture of the screen: asked for in QEMU's own protocol, until it stays the same."""

import json
import random
import socket
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.inside.boot_test.screen import save_screen


def png(seed: int | None, *, width: int = 64, height: int = 64) -> bytes:
    """Return a picture of noise, or one in a single colour: each scanline begins with a zero."""
    chance = random.Random(seed)  # noqa: S311 - noise
    raw = bytearray()
    for _ in range(height):
        row = bytes(3 * width) if seed is None else chance.randbytes(3 * width)
        raw += b"\0" + row
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(raw))), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


BLACK = png(None, width=640, height=480)


@contextmanager
def qemu(path: Path, pictures: Sequence[bytes], *, error: str = "") -> Iterator[list[str]]:
    """Stand in for QEMU: each order for a picture gives the next one, the last for ever."""
    orders: list[str] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            left = list(pictures)
            with connection, connection.makefile("rw", encoding="utf-8") as stream:
                stream.write('{"QMP": {"version": {}, "capabilities": []}}\n')
                stream.flush()
                for line in stream:
                    order = json.loads(line)
                    orders.append(order["execute"])
                    answer: dict[str, object] = {"return": {}}
                    if order["execute"] == "screendump":
                        stream.write('{"event": "RTC_CHANGE", "data": {}}\n')
                        if error:
                            answer = {"error": {"class": "GenericError", "desc": error}}
                        else:
                            shown = left.pop(0) if len(left) > 1 else left[0]
                            Path(order["arguments"]["filename"]).write_bytes(shown)
                    stream.write(json.dumps(answer) + "\n")
                    stream.flush()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield orders
        finally:
            thread.join(timeout=10)


def test_pictures_are_taken_until_nothing_changes_any_more(tmp_path: Path) -> None:
    target = tmp_path / "screen.png"
    with qemu(tmp_path / "qmp", [png(1), png(2), png(3)]) as orders:
        save_screen(tmp_path / "qmp", target, pause=0)
    assert target.read_bytes() == png(3)
    assert orders == ["qmp_capabilities", *["screendump"] * 4]


def test_a_screen_that_never_rests_is_taken_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "screen.png"
    with qemu(tmp_path / "qmp", [png(number) for number in range(9)]) as orders:
        save_screen(tmp_path / "qmp", target, pause=0, most=3)
    assert target.read_bytes() == png(3)
    assert orders.count("screendump") == 4


@pytest.mark.parametrize("booting", [BLACK, png(7)], ids=["black", "messages of the boot"])
def test_what_the_boot_left_on_the_screen_is_not_the_session(
    tmp_path: Path, booting: bytes
) -> None:
    target = tmp_path / "screen.png"
    shown = [*[booting] * 5, BLACK, BLACK, png(1)]
    with qemu(tmp_path / "qmp", shown) as orders:
        save_screen(tmp_path / "qmp", target, pause=0, most=3)
    assert target.read_bytes() == png(1)
    assert orders.count("screendump") == 9


@pytest.mark.parametrize("shown", [BLACK, png(1)], ids=["black", "a desktop"])
def test_a_screen_that_never_changes_is_taken_as_it_is(tmp_path: Path, shown: bytes) -> None:
    target = tmp_path / "screen.png"
    with qemu(tmp_path / "qmp", [shown]) as orders:
        save_screen(tmp_path / "qmp", target, pause=0, most_waiting=6)
    assert target.read_bytes() == shown
    assert orders.count("screendump") == 6


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    with qemu(tmp_path / "qmp", [png(1), b"P6"]), pytest.raises(StepError, match="it is no PNG"):
        save_screen(tmp_path / "qmp", tmp_path / "screen.png", pause=0)


def test_what_qemu_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    with qemu(tmp_path / "qmp", [b""], error="no surface"), pytest.raises(StepError) as caught:
        save_screen(tmp_path / "qmp", tmp_path / "screen.png", pause=0)
    assert "no surface" in str(caught.value)


def test_a_machine_that_takes_no_orders_gives_no_picture(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="gave no picture"):
        save_screen(tmp_path / "none", tmp_path / "screen.png", pause=0)
