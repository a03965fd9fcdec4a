"""What a tree says about itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFacts:
    """What a tree says about itself (never what the metadata of its backup say)."""

    distro_id: str  # os-release ID, e.g. "debian"
    distro_name: str  # os-release NAME, e.g. "Debian GNU/Linux"
    pretty_name: str
    version: str  # os-release VERSION_ID; "unknown" when there is none
    architecture: str  # Debian's name, e.g. "amd64"; "" when unknown
    desktop: str  # e.g. "xfce"; "console" without a desktop
    kernels: tuple[str, ...]  # versions that can start a live system, the best one first
