"""Chooses the loaders of a medium: its kernels decide whose they are.

shim trusts one vendor. So the pair is taken that verifies the kernel that boots by default, or else
another one, which people can choose in the menu: from the builder image, whose packages are
current, or from the system itself with what the build adds to it. Where no pair verifies any
kernel, GRUB is made without a signature, for machines whose Secure Boot is off.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.formats.boot_chain import BootChain, LoaderOrigin, SignedKernel
from builder.inside.secure_boot.pair import Pair, Supply, UnusablePairError, read_pair
from builder.inside.secure_boot.signatures import is_signed_by, signers
from builder.inside.system.system import System

_MOST_BYTES: Final = 256 << 20  # of a kernel: sbverify holds all of it in memory
_NAMES: Final = {LoaderOrigin.IMAGE: "builder image", LoaderOrigin.SYSTEM: "system"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A kernel's version, and its image: a file of our own."""

    version: str
    image: Path


def choose_chain(
    system: System, supplies: Sequence[Supply], *, kernels: Sequence[Kernel], folder: Path
) -> tuple[BootChain, Path | None]:
    """Return the chain, and the folder of its loaders as they are on the medium.

    `kernels` begins with the one that boots by default. `folder` is for intermediate files. A chain
    that nobody signed has no loaders yet, and no folder.
    """
    said = {each: _signers(system, each.image) for each in kernels}
    pair = _pair(system, supplies, [each for each in kernels if said[each]], folder=folder)
    rows = tuple(
        SignedKernel(
            version=each.version,
            signers=said[each],
            verified=pair is not None and bool(said[each]) and _starts(system, pair, each),
        )
        for each in kernels
    )
    if pair is None:
        _say_unsigned(system, rows[0])
        made = BootChain(
            vendor=None, origin=LoaderOrigin.MADE, packages=(), loaders=(), kernels=rows
        )
        return made, None
    _say_signed(system, pair, rows)
    chain = BootChain(
        vendor=pair.vendor,
        origin=pair.supply.origin,
        packages=pair.supply.packages,
        loaders=pair.loaders,
        kernels=rows,
    )
    return chain, pair.folder


def _pair(
    system: System, supplies: Sequence[Supply], kernels: Sequence[Kernel], *, folder: Path
) -> Pair | None:
    """Return the pair that starts the first kernel for which there is one."""

    @functools.cache  # each is read only if those before it start nothing, and only once
    def pair_of(supply: Supply) -> Pair | None:
        try:
            return read_pair(system, supply, folder / supply.origin)
        except UnusablePairError as error:
            system.note(
                "The signed loaders in the {origin} are not used: {reason}",
                warning=True,
                origin=_NAMES[supply.origin],
                reason=error,
            )
            return None

    for kernel in kernels:
        for supply in supplies:
            pair = pair_of(supply)
            if pair is not None and _starts(system, pair, kernel):
                return pair
    return None


def _signers(system: System, image: Path) -> tuple[str, ...]:
    return signers(system, image) if image.stat().st_size <= _MOST_BYTES else ()


def _starts(system: System, pair: Pair, kernel: Kernel) -> bool:
    return is_signed_by(system, kernel.image, certificate=pair.certificate)


def _say_unsigned(system: System, kernel: SignedKernel) -> None:
    if not kernel.signers:
        system.note(
            "The medium starts only where Secure Boot is off: the kernel {kernel} is not signed",
            warning=True,
            kernel=kernel.version,
        )
        return
    system.note(
        "The medium starts only where Secure Boot is off: nothing here loads the kernel {kernel}, "
        "signed by {signers}. If these are its distributor, build again with --install shim-signed "
        "--install grub-efi-amd64-signed; if the kernel was changed, install it again",
        warning=True,
        kernel=kernel.version,
        signers=", ".join(kernel.signers),
    )


def _say_signed(system: System, pair: Pair, kernels: Sequence[SignedKernel]) -> None:
    system.note(
        "The medium also starts with Secure Boot, with the loaders in the {origin}: {vendor}",
        origin=_NAMES[pair.supply.origin],
        vendor=pair.vendor,
    )
    for each in kernels:
        if not each.verified:
            system.note(
                "With Secure Boot, the kernel {kernel} does not start: {vendor} did not sign it",
                warning=True,
                kernel=each.version,
                vendor=pair.vendor,
            )
