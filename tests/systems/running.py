"""Builds a system and boots its ISO, by the program's own commands, and says what happened."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import builder
from builder.basics.codec import from_data
from builder.border.boot_test import BootTestResult, Firmware
from tests.systems.making import digest, made
from tests.systems.measured import Boot, Ending, Layer, Measured
from tests.systems.recipe import Recipe

_PROGRAM: Final = (sys.executable, "-c", "from builder.host.cli.main import main; main()")
# Its owner would be asked about each place that names the machine: here nobody is.
_MINDED: Final = ("--privacy", "warn")
_PICTURED: Final = Firmware.UEFI  # one picture of a desktop is enough
_DESKTOP_SESSIONS: Final = ("wayland", "x11")
_ERROR: Final = "Error: "


class _FailedRunError(Exception):
    """A run of the program failed; its text is the program's own."""


def measured(recipe: Recipe, *, pictures: Path) -> Measured:
    """Make, build and boot a system; the picture of a desktop goes to the folder `pictures`.

    What fails is in the result: only a tree that cannot be made ends the program.
    """
    tree = made(recipe)
    found = _Findings()
    with tempfile.TemporaryDirectory(prefix="building-", dir=tree.parent) as folder:
        found.build(tree, Path(folder))
        if (iso := next(Path(folder).glob("*.iso"), None)) is not None:
            for firmware in (Firmware.BIOS, Firmware.UEFI):
                found.boot(recipe, iso, firmware, pictures=pictures)
    return Measured(
        name=recipe.name,
        title=recipe.title,
        recipe=digest(recipe),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        builder=builder.__version__,
        tree=_size(tree),
        build_seconds=found.build_seconds,
        iso=found.iso,
        layers=found.layers,
        boots=tuple(found.boots),
        screenshot=found.screenshot,
        remarks=tuple(found.remarks),
    )


class _Findings:
    """What one system's build and boots told so far."""

    def __init__(self) -> None:
        self.build_seconds: float | None = None
        self.iso: int | None = None
        self.layers: tuple[Layer, ...] = ()
        self.boots: list[Boot] = []
        self.screenshot = False
        self.remarks: list[str] = []

    def build(self, tree: Path, folder: Path) -> None:
        """Build an ISO from a tree into an empty folder."""
        began = time.monotonic()
        try:
            _run("build", "--tree", tree, "--output", folder, "--no-block-cache", *_MINDED)
        except _FailedRunError as error:
            self.remarks.append(f"build: {error}")
            return
        self.build_seconds = round(time.monotonic() - began, 1)
        manifest = json.loads(next(folder.glob("*.manifest.json")).read_text("utf-8"))
        self.iso = next(folder.glob("*.iso")).stat().st_size
        if found := sum(each["count"] for each in manifest["findings"] or ()):
            self.remarks.append(f"{found} private things found, and let through by --privacy warn")
        self.layers = tuple(
            Layer(name=Path(each["path"]).stem, size=each["size"])
            for each in manifest["contents"]
            if each["path"].endswith(".squashfs")
        )

    def boot(self, recipe: Recipe, iso: Path, firmware: Firmware, *, pictures: Path) -> None:
        """Boot an ISO once."""
        picture = pictures / f"{recipe.name}.png"
        takes = recipe.desktop and firmware is _PICTURED
        shot: Sequence[str | Path] = ("--screenshot", picture) if takes else ()
        try:
            data = _run("boot-test", iso, "--firmware", firmware.value, *shot)
        except _FailedRunError as error:
            self.boots.append(Boot(firmware=firmware, ending=Ending.FAILED))
            self.remarks.append(f"{firmware}: {error}")
            return
        self.screenshot |= takes
        self.boots.append(judged(recipe, firmware, from_data(BootTestResult, data)))


def judged(recipe: Recipe, firmware: Firmware, result: BootTestResult) -> Boot:
    """Return what a boot was: fine where nothing is missing that a person would miss."""
    wanted = _DESKTOP_SESSIONS if recipe.desktop else ("tty",)
    fine = (
        result.session in wanted
        and result.state == "running"
        and result.failed_units == ()
        and result.network is True
        and result.rights not in (None, "none")
    )
    return Boot(
        firmware=firmware,
        ending=Ending.FINE if fine else Ending.FLAWED,
        seconds=result.seconds,
        accelerator=result.accelerator,
        session=result.session,
        failed_units=result.failed_units or (),
        state=result.state,
        network=result.network,
        rights=result.rights,
    )


def _run(command: str, *words: str | Path) -> Mapping[str, Any]:
    """Run the program and return its result. Raises _FailedRunError with its own words."""
    argv = [*_PROGRAM, command, "--json", *(os.fspath(word) for word in words)]
    sys.stderr.write(f"systems: distroclone-builder {' '.join(argv[len(_PROGRAM) :])}\n")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        last = json.loads(done.stdout.splitlines()[-1])
        return dict(last["data"])
    sys.stderr.write(done.stderr)
    said = [line for line in done.stderr.splitlines() if line.startswith(_ERROR)]
    reason = said[-1].removeprefix(_ERROR) if said else f"exit code {done.returncode}"
    raise _FailedRunError(reason)


def _size(tree: Path) -> int:
    """Return the bytes of all files; a file with several names counts once."""
    seen: dict[tuple[int, int], int] = {}
    for folder, _folders, files in os.walk(tree):
        for name in files:
            status = Path(folder, name).lstat()
            seen[status.st_dev, status.st_ino] = status.st_size
    return sum(seen.values())
