"""Installations in virtual machines, one after the other, and the page's table of them.

`python -m tests.support.install_matrix --iso FILE CASE…` runs cases with an ISO, and writes their
rows in docs/installing.md; `--make FOLDER` makes such an ISO of the demo cache before. What a
row says was measured by this; a case that never ran says so.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from builder.border.boot_test import Firmware, InstallTestResult
from builder.border.events import Event, ToolOutput
from builder.formats.answers import FileSystem
from builder.host.boot_test.install_test import run_install_test
from builder.host.build.session import build
from builder.host.config.build_config import Overrides, load_config
from builder.host.engine import Engine, connect

PAGE: Final = Path(__file__).parents[2] / "docs/installing.md"
BEGIN: Final = "<!-- installations: python -m tests.support.install_matrix -->\n"
END: Final = "<!-- end of installations -->\n"
# What the demo system lacks of what its owner would have for all of this.
PACKAGES: Final = ("btrfs-progs", "cryptsetup-initramfs", "grub-efi-amd64",
                   "grub-efi-amd64-signed", "grub-pc-bin", "shim-signed", "xfsprogs")  # fmt: skip
_HEAD: Final = """\
| case | until it was installed | until the disk had reported itself | written | its state | on |
| --- | ---: | ---: | ---: | --- | --- |
"""
_NOT_RUN: Final = "not run | | | |"
_DEMO: Final = Path(__file__).parents[2] / ".demo/cache.img"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An installation: what the machine is, and what is asked for."""

    name: str
    firmware: Firmware
    file_system: FileSystem = FileSystem.EXT4
    encrypt: bool = False
    secure_boot: bool = False

    def run(self, engine: Engine, iso: Path, *, log: Path | None = None) -> InstallTestResult:
        """Run it; what the machine says goes to `log`."""
        lines: list[str] = []

        def remember(event: Event) -> None:
            if isinstance(event, ToolOutput):
                lines.append(f"{event.text}\n")

        try:
            return run_install_test(
                engine,
                iso=iso,
                firmware=self.firmware,
                file_system=self.file_system,
                encrypt=self.encrypt,
                secure_boot=self.secure_boot,
                on_event=remember,
            )
        finally:
            if log is not None:
                log.write_text("".join(lines), encoding="utf-8")

    def check(self, result: InstallTestResult) -> None:
        """Raise AssertionError where the installed system is not what was asked for."""
        said = dict(word.partition("=")[::2] for word in result.report.split() if "=" in word)
        assert (said["root"], said["firmware"]) == (self.file_system, self.firmware)
        assert said["encryption"] == ("luks" if self.encrypt else "none")
        assert said["swap"].endswith("/swapfile")
        assert said["secure-boot"] == ("on" if self.secure_boot else said["secure-boot"])
        assert (said["user"], said["hostname"]) == ("anna", "installed")
        assert {"anna", "sudo"} <= set(said["groups"].split(","))
        assert int(said["kernels"]) >= 1
        assert said["live-packages"] == ""
        assert (result.state, result.failed_units) == ("running", ())


CASES: Final = (
    Case(name="BIOS, ext4", firmware=Firmware.BIOS),
    Case(name="UEFI, ext4", firmware=Firmware.UEFI),
    Case(name="UEFI, btrfs", firmware=Firmware.UEFI, file_system=FileSystem.BTRFS),
    Case(name="UEFI, xfs", firmware=Firmware.UEFI, file_system=FileSystem.XFS),
    Case(name="UEFI with Secure Boot, ext4", firmware=Firmware.UEFI, secure_boot=True),
    Case(name="UEFI of 32 bits, ext4", firmware=Firmware.UEFI32),
    Case(name="UEFI, encrypted btrfs", firmware=Firmware.UEFI, file_system=FileSystem.BTRFS,
         encrypt=True),
    Case(name="BIOS, encrypted ext4", firmware=Firmware.BIOS, encrypt=True),
)  # fmt: skip


def row(case: Case, result: InstallTestResult, *, day: str) -> str:
    """Return a case's cells, but for its name."""
    installed, started = (f"{each:.0f} s" for each in (result.install_seconds, result.boot_seconds))
    cells = (installed, started, f"{result.written / 1e9:.1f} GB", f"{result.state}", day)
    return f"{' | '.join(cells)} |"


def rows_of(page: str) -> dict[str, str]:
    """Return the cells of each case that is in the page, by its name."""
    table = page.partition(BEGIN)[2].partition(END)[0]
    return dict(re.findall(r"^\| ([^|]+?) \| (.*\|)$", table, re.MULTILINE))


def written(page: str, new: Mapping[str, str]) -> str:
    """Return the page with new cells of some cases; the others keep theirs."""
    known = {**rows_of(page), **new}
    lines = [f"| {case.name} | {known.get(case.name, _NOT_RUN)}\n" for case in CASES]
    before, _, rest = page.partition(BEGIN)
    return "".join((before, BEGIN, _HEAD, *lines, END, rest.partition(END)[2]))


def make_iso(engine: Engine, cache_image: Path, folder: Path) -> Path:
    """Build the ISO that all cases can be run with."""
    config = load_config(
        None,
        Overrides(cache_image=cache_image, output=folder, installer="text", install=PACKAGES),
    )
    outcome = build(config, engine, on_event=lambda _event: None)
    return outcome.folder / outcome.iso.name


def main(words: list[str]) -> None:
    """Run the cases that are named, or all."""
    parser = argparse.ArgumentParser()
    origin = parser.add_mutually_exclusive_group(required=True)
    origin.add_argument("--iso", type=Path)
    origin.add_argument("--make", type=Path)
    parser.add_argument("--cache-image", type=Path, default=_DEMO)
    parser.add_argument("--logs", type=Path, default=Path.cwd())
    parser.add_argument("cases", nargs="*", choices=[*(each.name for each in CASES), []])
    said = parser.parse_args(words)
    engine = connect()
    iso = said.iso or make_iso(engine, said.cache_image, said.make)
    for case in CASES:
        if said.cases and case.name not in said.cases:
            continue
        log = said.logs / f"{re.sub('[^A-Za-z0-9]+', '-', case.name)}.log"
        result = case.run(engine, iso, log=log)
        sys.stdout.write(f"{case.name}: {result.report}\n")
        case.check(result)
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        page = PAGE.read_text("utf-8")
        PAGE.write_text(written(page, {case.name: row(case, result, day=day)}), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
