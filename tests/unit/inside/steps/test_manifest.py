"""What the manifest says about the snapshot, and about the tools."""

from builder.border.cache_report import Candidate
from builder.formats.snapshot import SnapshotKind
from builder.inside.debian.packages import parse_versions


def candidate(selector: str, kind: SnapshotKind) -> Candidate:
    return Candidate(
        selector=selector,
        kind=kind,
        path=".rootfs_cache/.snapshots/3/snapshot",
        taken=1_750_170_600,
        description='weekly "full" \N{SNOWMAN}',
        size="8.2G",
        read_only=True,
        subvolume=True,
        uuid="5d3c0f4e-0000-4000-8000-000000000000",
        system=None,
    )


def test_only_installed_tools_are_named_without_their_architecture() -> None:
    listing = (
        "ii \tlibzstd1:amd64\t1.5.7+dfsg-1\n"
        "un \tgrub-pc\t\n"
        "rc \tmtools\t4.0\n"
        "ii \tsquashfs-tools\t1:4.6.1-1\n"
        "dpkg-query: no packages found matching liblz4-1"
    )
    assert parse_versions(listing) == {"libzstd1": "1.5.7+dfsg-1", "squashfs-tools": "1:4.6.1-1"}
