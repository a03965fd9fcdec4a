"""Boots start paths under QEMU, and says how each ended."""

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import docker

import builder
from builder.border.boot_test import Firmware
from builder.host.engine import connect
from builder.host.image.base_image import ensure_base
from builder.host.image.boot_test_image import ensure_boot_test_image
from builder.inside.boot_test.boot_report import lockdown_in, secure_boot_in
from fixtures import demo
from fixtures.demo_cache import make_demo_cache
from tests.boot.machine import asked
from tests.boot.persistence import lost
from tests.conftest import DEMO, ignore
from tests.starts.measured import Boot, Ending, Measured
from tests.starts.media import Media, media_folder
from tests.starts.way import WRITTEN, Machine, Way
from tests.support.probing import run_module

Told = Mapping[str, Any]  # what tests/boot/machine.py told

FIRMWARE: Final = {
    Machine.BIOS: Firmware.BIOS,
    Machine.UEFI: Firmware.UEFI,
    Machine.SECURE: Firmware.UEFI,
    Machine.UEFI32: Firmware.UEFI32,
}
SECONDS: Final = 900  # without KVM, beside other work, some boots take five minutes
_LONGEST: Final = 120  # characters of what was said


@dataclass(frozen=True, slots=True, kw_only=True)
class Laboratory:
    """An engine with the images that make and boot drives."""

    media: Media
    making: threading.Lock  # only one thing is made at a time

    @staticmethod
    @contextlib.contextmanager
    def opened() -> Iterator["Laboratory"]:
        """Have one while the body runs."""
        with (
            contextlib.closing(connect()) as engine,
            contextlib.closing(docker.from_env(timeout=900)) as client,
        ):
            image = demo.builder_image(engine, tell=ignore)
            cache = DEMO / "cache.img"
            base = ensure_base(engine, on_event=ignore).id
            make_demo_cache(client, base_image=base, target=cache)
            media = Media(
                client=client,
                builder_image=image,
                boot_test_image=ensure_boot_test_image(engine, on_event=ignore),
                cache=cache,
                folder=media_folder(image),
            )
            yield Laboratory(media=media, making=threading.Lock())

    def measured(self, asked_for: Sequence[tuple[Way, Machine]]) -> Iterator[Measured]:
        """Boot start paths, as many at once as we may use processors; yield each that is over."""

        def measure(way: Way, machine: Machine) -> Measured:
            boot = judged(way, machine, self._booted(way, machine))
            return Measured(name=way.name, boots=(boot,))

        with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
            running = [pool.submit(measure, way, machine) for way, machine in asked_for]
            try:
                for each in as_completed(running):
                    yield each.result()
            finally:
                for each in running:
                    each.cancel()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Have nobody else make drives, in this process or in another one."""
        with self.making, (self.media.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _drives(self, way: Way, machine: Machine, stack: contextlib.ExitStack) -> list[Path]:
        files = []
        with self.alone():
            for drive in way.drives:
                file = self.media.made(drive.content)
                if drive.place in WRITTEN:
                    file = file.rename(file.with_stem(f"{file.stem}-{machine}"))
                    stack.callback(file.unlink)
                files.append(file)
        return files

    def _booted(self, way: Way, machine: Machine) -> Sequence[Told]:
        with contextlib.ExitStack() as stack:
            files = self._drives(way, machine, stack)
            argument = asked(
                [(file.name, drive.place) for file, drive in zip(files, way.drives, strict=True)],
                firmware=FIRMWARE[machine],
                secure_boot=machine is Machine.SECURE,
                # Without one, GRUB writes to the serial port what it says of a failure.
                screen=machine not in way.refused,
                processors=1,
                seconds=SECONDS,
            )
            return [self._boot(argument) for _boot in range(way.boots)]

    def _boot(self, argument: str) -> Told:
        output = run_module(
            self.media.client,
            self.media.boot_test_image,
            self.media.folder,
            "tests.boot.machine",
            argument,
            may_write=True,
        )
        told: Told = json.loads(output)
        return told


def judged(way: Way, machine: Machine, told: Sequence[Told]) -> Boot:
    """Return how the last of a machine's boots ended."""
    last = told[-1]
    ending, said = _ending(way, machine, told)
    return Boot(
        machine=machine,
        ending=ending,
        seconds=last["seconds"],
        said=said[:_LONGEST],
        accelerator=last["accelerator"],
        firmware=last["firmware"],
        qemu=last["qemu"],
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        builder=builder.__version__,
    )


def _ending(way: Way, machine: Machine, told: Sequence[Told]) -> tuple[Ending, str]:
    seen, lines = told[-1]["sighting"], told[-1]["lines"]
    last = next(reversed(lines), "nothing was said")
    line: str = last if seen is None else seen["line"]
    if refusals := way.refused.get(machine):
        everything = "\n".join([*lines, line])
        words = next((words for words in refusals if words in everything), None)
        fails = words is None or (seen is not None and seen["meaning"] == "ok")
        return (Ending.FAILED, line) if fails else (Ending.REFUSED, words or "")
    if seen is None:
        return Ending.FAILED, line
    secure = (secure_boot_in(line) is True, lockdown_in(line) == "integrity")
    right = (
        seen["meaning"] == "ok"
        and f" user={way.user} " in f"{line} "
        and secure == ((machine is Machine.SECURE),) * 2
    )
    what = lost(told) if right and way.boots > 1 else ""
    return (Ending.STARTED, "") if right and not what else (Ending.FAILED, what or line)
