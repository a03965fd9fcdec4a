"""What an installed system does by itself, and a live one must not."""

from dataclasses import dataclass
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add
from builder.inside.tree.tree import Tree

_UNITS: Final = ("/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system")
_GENERATORS: Final = "/usr/lib/systemd/system-generators"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silenced:
    """Units that a live system masks because of `reason`."""

    units: tuple[str, ...]
    reason: str


SILENCED: Final = (
    Silenced(
        units=("live-config.service",),
        reason="it would set up a live user and settings of its own",
    ),
    Silenced(
        units=("apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service",
               "packagekit-offline-update.service", "snapd.snap-repair.timer",
               "update-notifier-download.timer", "update-notifier-motd.timer",
               "fwupd-refresh.timer", "apt-news.service", "esm-cache.service", "ua-timer.timer"),
        reason="updates fill the memory and are gone after the session",
    ),
    Silenced(
        units=("fstrim.timer", "e2scrub_all.timer", "e2scrub_reap.service", "btrfs-scrub.timer",
               "mdcheck_start.timer", "mdcheck_continue.timer", "mdmonitor-oneshot.timer",
               "smartd.service", "smartmontools.service", "snapper-timeline.timer",
               "snapper-cleanup.timer", "snapper-boot.timer", "btrfsmaintenance-refresh.path"),
        reason="the disks are other people's",
    ),
    Silenced(
        units=("thinkfan.service", "nvidia-persistenced.service", "nvidia-powerd.service",
               "nut-server.service", "nut-driver.service", "nut-monitor.service",
               "apcupsd.service", "kdump-tools.service", "zfs-import-cache.service"),
        reason="they serve the source machine's hardware",
    ),
    Silenced(
        units=("man-db.timer", "plocate-updatedb.timer", "mlocate-updatedb.timer",
               "dpkg-db-backup.timer", "logrotate.timer", "popularity-contest.timer"),
        reason="nothing lives long enough for them",
    ),
    Silenced(
        units=("systemd-firstboot.service", "gnome-initial-setup-first-login.service",
               "cloud-init.service", "cloud-init-local.service", "cloud-init-main.service",
               "cloud-init-network.service", "cloud-config.service", "cloud-final.service"),
        reason="a live system has its settings, and asks nobody",
    ),
)  # fmt: skip
_GENERATED: Final = ("live-config-getty-generator", "cloud-init-generator")


def _silence(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    for each in SILENCED:
        for unit in each.units:
            if any(tree.exists(f"{folder}/{unit}") for folder in _UNITS):
                tree.symlink(f"/etc/systemd/system/{unit}", "/dev/null")
    for name in _GENERATED:
        if tree.exists(f"{_GENERATORS}/{name}"):
            tree.symlink(f"/etc/systemd/system-generators/{name}", "/dev/null")
    if tree.is_dir("/etc/cloud"):
        add(tree, "/etc/cloud/cloud-init.disabled", b"")
    return ()


RULES: Final = (
    Rule(
        name="live-quiet",
        reason="; ".join(each.reason for each in SILENCED),
        edits=(
            *(f"/etc/systemd/system/{unit}" for each in SILENCED for unit in each.units),
            *(f"/etc/systemd/system-generators/{name}" for name in _GENERATED),
            "/etc/cloud/cloud-init.disabled",
        ),
        edit=_silence,
    ),
)  # fmt: skip
