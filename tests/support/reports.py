"""What a scan finds, without a cache."""

from typing import Any

from builder.border.cache_report import CacheReport, Candidate
from builder.formats.snapshot import SnapshotKind
from builder.formats.system_facts import SystemFacts

TAKEN = 1_781_706_561
SYSTEM = SystemFacts(
    distro_id="debian",
    distro_name="Debian GNU/Linux",
    pretty_name="Debian GNU/Linux 13 (trixie)",
    version="13",
    architecture="amd64",
    desktop="xfce",
    kernels=("6.12.48+deb13-amd64",),
)


def candidate(selector: str, **changed: Any) -> Candidate:
    """Return a tree of a cache: the cache itself, or a read-only snapshot of snapper's."""
    fields: dict[str, Any] = {
        "selector": selector,
        "kind": SnapshotKind.CACHE if selector == "cache" else SnapshotKind.SNAPPER,
        "path": f"trees/{selector}",
        "taken": TAKEN,
        "description": "weekly",
        "size": "",
        "read_only": selector != "cache",
        "subvolume": True,
        "uuid": "u",
        "system": SYSTEM,
    }
    return Candidate(**fields | changed)


def tree_candidate(**changed: Any) -> Candidate:
    """Return a root filesystem that is no cache."""
    fields: dict[str, Any] = {
        "kind": SnapshotKind.TREE,
        "path": ".",
        "description": "",
        "read_only": False,
        "subvolume": False,
        "uuid": "",
    }
    return candidate("tree", **fields | changed)


def cache_report(*candidates: Candidate, **changed: Any) -> CacheReport:
    """Return the report of a scan that found these."""
    fields: dict[str, Any] = {
        "base": "SysLinuxOS_backup",
        "filesystem": "btrfs",
        "date": "",
        "distro": "",
        "size": "",
    }
    return CacheReport(candidates=candidates, **fields | changed)
