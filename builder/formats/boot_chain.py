"""What firmware starts on a medium, as manifests say it: who signed it, and which kernels.

With Secure Boot, firmware starts what Microsoft signed (shim), and that starts what one vendor
signed: GRUB, and kernels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from builder.formats.package import Package


class LoaderOrigin(StrEnum):
    """Where the loaders for UEFI come from."""

    IMAGE = "image"  # the builder image: Debian's
    SYSTEM = "system"  # the system that is on the medium
    MADE = "made"  # made by the build and signed by nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """One of the programs that start one another."""

    path: str  # on the medium and in its EFI system partition
    sha256: str
    signers: tuple[str, ...]  # the common names of the authorities in its signatures
    sbat: Mapping[str, int]  # generation by component, as shim compares them


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedKernel:
    """A kernel on the medium, and whether the chain starts it."""

    version: str
    signers: tuple[str, ...]  # as it says itself
    verified: bool  # its content is what the chain's vendor signed


@dataclass(frozen=True, slots=True, kw_only=True)
class BootChain:
    """The loaders of a medium, from what firmware starts onwards."""

    vendor: str | None  # whose authority shim trusts; None where nothing is signed
    origin: LoaderOrigin
    packages: tuple[Package, ...]  # that the signed loaders come from
    loaders: tuple[Loader, ...]
    kernels: tuple[SignedKernel, ...]  # the one that boots by default first
