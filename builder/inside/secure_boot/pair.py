"""shim and GRUB of one vendor, with what belongs to them, as their packages have them in a tree.

A tree may be a stranger's system: its files are read within limits and believed only as far as
the certificate in shim verifies them. Whether firmware accepts shim itself is not found out here.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.formats.boot_chain import Loader, LoaderOrigin
from builder.formats.package import Package
from builder.inside.secure_boot import shim_data
from builder.inside.secure_boot.pe_file import MOST_BYTES, NoProgramError, sections
from builder.inside.secure_boot.signatures import is_signed_by, signers, write_certificate
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree

PACKAGES: Final = ("grub-efi-amd64-signed", "shim-helpers-amd64-signed", "shim-signed")
# GRUB as it is for media: it looks for /boot/grub/grub.cfg where it was started from.
_GRUB: Final = "/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed"
_SHIM: Final = "/usr/lib/shim/shimx64.efi.signed"
_MANAGERS: Final = ("/usr/lib/shim/mmx64.efi.signed", "/usr/lib/shim/mmx64.efi")  # Ubuntu's: last
# What shim, started as the first, starts by its name.
_SHIM_PLACE: Final = "EFI/BOOT/BOOTX64.EFI"
_GRUB_PLACE: Final = "EFI/BOOT/grubx64.efi"
_MANAGER_PLACE: Final = "EFI/BOOT/mmx64.efi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Trees that may have a pair, and what is installed of `PACKAGES` in them.

    A file is that of the first tree which has it: they lie above one another.
    """

    origin: LoaderOrigin
    trees: tuple[Tree, ...]
    packages: tuple[Package, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Verified loaders, in a folder as they are on the medium, and their vendor's certificate."""

    supply: Supply
    vendor: str
    certificate: Path
    folder: Path
    loaders: tuple[Loader, ...]


class UnusablePairError(Exception):
    """There is a pair, but it starts nothing; the message is a template without values."""


def read_pair(system: System, supply: Supply, folder: Path) -> Pair | None:
    """Copy a supply's pair into `folder`, and verify it; None for one without a pair.

    Raises UnusablePairError for one that shim would refuse.
    """
    shim, grub = (_program(supply, path) for path in (_SHIM, _GRUB))
    if shim is None or grub is None:
        return None
    manager = next(filter(None, (_program(supply, path) for path in _MANAGERS)), None)
    certificate = folder / "vendor.pem"
    try:
        parts = sections(shim)
        _place(folder, _SHIM_PLACE, shim)
        write_certificate(shim_data.vendor_certificate(parts), certificate)
    except NoProgramError as error:
        raise UnusablePairError("shim is damaged, or not for amd64") from error
    if not signers(system, folder / _SHIM_PLACE):
        raise UnusablePairError("shim is not signed")
    level = shim_data.automatic_level(parts)
    _verify(system, _place(folder, _GRUB_PLACE, grub), certificate, level=level)
    if manager is not None:
        try:
            _verify(system, _place(folder, _MANAGER_PLACE, manager), certificate, level=level)
        except UnusablePairError:  # it only helps people to enrol keys
            (folder / _MANAGER_PLACE).unlink()
    loaders = tuple(_loaders(system, folder))
    return Pair(
        supply=supply,
        vendor=next((name for each in loaders[1:2] for name in each.signers), "unknown"),
        certificate=certificate,
        folder=folder,
        loaders=loaders,
    )


def _program(supply: Supply, path: str) -> bytes | None:
    for tree in supply.trees:
        with contextlib.suppress(OSError):
            return tree.read_bytes(path, limit=MOST_BYTES)
    return None


def _place(folder: Path, name: str, content: bytes) -> Path:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def _verify(system: System, program: Path, certificate: Path, *, level: dict[str, int]) -> None:
    if not is_signed_by(system, program, certificate=certificate):
        raise UnusablePairError("shim and GRUB are not of one vendor, or were changed")
    try:
        sbat = shim_data.generations(sections(program.read_bytes()))
    except NoProgramError as error:
        raise UnusablePairError("GRUB is damaged, or not for amd64") from error
    # shim starts nothing that does not say how old it is.
    if not sbat or shim_data.too_old(sbat, level):
        raise UnusablePairError("GRUB is too old for shim: upgrade both packages")


def _loaders(system: System, folder: Path) -> Iterator[Loader]:
    for name in (_SHIM_PLACE, _GRUB_PLACE, _MANAGER_PLACE):
        program = folder / name
        if program.exists():
            content = program.read_bytes()
            yield Loader(
                path=name,
                sha256=hashlib.sha256(content).hexdigest(),
                signers=signers(system, program),
                sbat=shim_data.generations(sections(content)),
            )
