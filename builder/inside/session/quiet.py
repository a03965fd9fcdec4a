"""What an installed system does by itself, and a live one must not."""

from dataclasses import dataclass
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add
from builder.inside.tree.tree import Tree

_UNITS: Final = (
    "/usr/lib/systemd/system", "/usr/local/lib/systemd/system", "/lib/systemd/system",
    "/etc/systemd/system",
)  # fmt: skip
_GENERATORS: Final = "/usr/lib/systemd/system-generators"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silenced:
    """Units that a live system masks because of `reason`."""

    units: tuple[str, ...]
    reason: str


SILENCED: Final = (
    Silenced(
        units=("live-config.service", "casper.service", "casper-md5check.service",
               "ubiquity.service", "oem-config.service"),
        reason="it would set up a live user and settings of its own",
    ),
    Silenced(
        units=("apt-daily.timer", "apt-daily-upgrade.timer", "apt-listchanges.timer",
               "unattended-upgrades.service", "packagekit-offline-update.service",
               "snapd.snap-repair.timer", "snapd.refresh.timer", "update-notifier-download.timer",
               "update-notifier-motd.timer", "motd-news.timer", "fwupd-refresh.timer",
               "systemd-sysupdate.timer", "systemd-sysupdate-reboot.timer", "apt-news.service",
               "esm-cache.service", "ua-timer.timer", "ubuntu-advantage.service",
               "mintupdate-automation-upgrade.timer", "mintupdate-automation-autoremove.timer",
               "flatpak-system-update.timer"),
        reason="updates fill the memory and are gone after the session",
    ),
    Silenced(
        units=("fstrim.timer", "e2scrub_all.timer", "e2scrub_reap.service", "btrfs-scrub.timer",
               "xfs_scrub_all.timer", "mdcheck_start.timer", "mdcheck_continue.timer",
               "mdmonitor-oneshot.timer", "smartd.service", "smartmontools.service",
               "snapper-timeline.timer", "snapper-cleanup.timer", "snapper-boot.timer",
               "btrbk.timer", "sanoid.timer", "sanoid-prune.service", "grub-btrfsd.service",
               "btrfsmaintenance-refresh.path", "snapd.autoimport.service",
               "zfs-import-scan.service", "zfs-import-cache.service"),
        reason="the disks are other people's",
    ),
    Silenced(
        units=("thinkfan.service", "nvidia-persistenced.service", "nvidia-powerd.service",
               "nut-server.service", "nut-driver.service", "nut-monitor.service",
               "apcupsd.service", "kdump-tools.service", "usbguard.service",
               "usbguard-dbus.service"),
        reason="they know the source machine's hardware alone",
    ),
    Silenced(
        units=("puppet.service", "salt-minion.service", "chef-client.service", "cfengine3.service",
               "landscape-client.service", "ddclient.service", "inadyn.service", "certbot.timer",
               "borgmatic.timer", "bacula-fd.service", "bareos-fd.service", "whoopsie.service",
               "whoopsie.path", "apport-autoreport.timer", "apport-autoreport.path",
               "amazon-ssm-agent.service", "google-guest-agent.service",
               "google-startup-scripts.service", "walinuxagent.service"),
        reason="they act for the source machine: two would do so in one name",
    ),
    Silenced(
        units=("man-db.timer", "plocate-updatedb.timer", "mlocate-updatedb.timer", "mlocate.timer",
               "dpkg-db-backup.timer", "logrotate.timer", "popularity-contest.timer",
               "anacron.timer", "anacron.service"),
        reason="nothing lives long enough for them",
    ),
    Silenced(
        units=("NetworkManager-wait-online.service", "systemd-networkd-wait-online.service",
               "ifupdown-wait-online.service"),
        reason="a machine may have no network, and nothing needs to wait for one",
    ),
    Silenced(
        units=("systemd-firstboot.service", "cloud-init.service", "cloud-init-local.service",
               "cloud-init-main.service", "cloud-init-network.service", "cloud-config.service",
               "cloud-final.service", "cloud-init-hotplugd.socket"),
        reason="a live system has its settings, and asks nobody",
    ),
)  # fmt: skip
# What cron would do on disks of others, or to catch up with weeks in which it did not run.
_JOBS: Final = (
    "anacron", "e2scrub_all", "mdadm", "timeshift-hourly", "timeshift-boot", "zfs-auto-snapshot",
    "zfsutils-linux", "popularity-contest", "btrfsmaintenance",
)  # fmt: skip
_GENERATED: Final = ("live-config-getty-generator", "cloud-init-generator")


def _silence(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    for each in SILENCED:
        for unit in each.units:
            if _is_there(tree, unit):
                tree.symlink(f"/etc/systemd/system/{unit}", "/dev/null")
    for name in _GENERATED:
        if tree.exists(f"{_GENERATORS}/{name}"):
            tree.symlink(f"/etc/systemd/system-generators/{name}", "/dev/null")
    if tree.is_dir("/etc/cloud"):
        add(tree, "/etc/cloud/cloud-init.disabled", b"")
    return ()


def _is_there(tree: Tree, unit: str) -> bool:
    """Whether systemd would find a unit, or make it of a script: systemd-sysv-generator(8)."""
    script = f"/etc/init.d/{unit.removesuffix('.service')}"
    return any(tree.exists(f"{folder}/{unit}") for folder in _UNITS) or tree.exists(script)


RULES: Final = (
    Rule(
        name="live-quiet",
        removes=tuple(f"/etc/cron.d/{name}" for name in _JOBS),
        reason="; ".join(each.reason for each in SILENCED),
        edits=(
            *(f"/etc/systemd/system/{unit}" for each in SILENCED for unit in each.units),
            *(f"/etc/systemd/system-generators/{name}" for name in _GENERATED),
            "/etc/cloud/cloud-init.disabled",
        ),
        edit=_silence,
    ),
)  # fmt: skip
