"""Snapshots of caches that no disk has, and what jobs of a backup answer with them."""

from datetime import UTC, datetime

from builder.border.backups import BackedUp, CacheState, SnapshotName, StoredSnapshot


def seconds(text: str) -> int:
    """Return "2026-06-17 14:30" in UTC as seconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def stored(
    selector: str,
    taken: str = "2026-06-17 14:30",
    *,
    routine: bool = True,
    complete: bool = True,
) -> StoredSnapshot:
    """Return a snapshot of that name, which is unique, and of that time."""
    raw = selector.startswith("@")
    tail = selector if raw else f"{selector}/snapshot"
    return StoredSnapshot(
        selector=selector,
        path=f".rootfs_cache/.snapshots/{tail}",
        uuid=f"uuid-{selector}",
        taken=seconds(taken),
        zoneless=raw,
        description="distroclone-backup 2026-06-17 14:30:00",
        routine=routine,
        complete=complete,
    )


def backed_up(*snapshots: StoredSnapshot) -> BackedUp:
    """Return what a backup answers whose snapshots are these, the last one its own."""
    return BackedUp(
        selector=snapshots[-1].selector,
        date="2026-06-17 14:30:05",
        distro="Debian GNU/Linux 13 (trixie)",
        size=8 << 30,
        entries=200_000,
        copied=12,
        deleted=3,
        changed=0,
        changed_paths=(),
        snapshots=snapshots,
    )


def state(
    *snapshots: StoredSnapshot,
    began: int | None = None,
    running: bool = False,
    others: tuple[SnapshotName, ...] = (),
) -> CacheState:
    """Return the state of a cache with these snapshots."""
    return CacheState(
        date="2026-06-17 14:30:05",
        distro="Debian GNU/Linux 13 (trixie)",
        size="8.2G",
        finished=seconds("2026-06-17 14:30"),
        began=began,
        running=running,
        free=5 << 30,
        total=50 << 30,
        snapshots=snapshots,
        others=others,
    )
