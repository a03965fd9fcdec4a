"""What the source machine recorded while it was used."""

from typing import Final

from builder.inside.rules.rule import Rule

RULES: Final = (
    Rule(
        name="crash-reports",
        reason="memory contents of crashed programs",
        removes=("/var/crash/*", "/var/lib/systemd/coredump/*", "/var/lib/systemd/pstore/*",
                 "/var/lib/apport/coredump/*", "/var/spool/abrt/*", "/core", "/core.*"),
    ),
    Rule(
        name="file-index",
        reason="the names of all files on the source machine, including personal ones",
        removes=("/var/lib/plocate/plocate.db", "/var/lib/mlocate/mlocate.db",
                 "/var/cache/locate/locatedb"),
    ),
    Rule(
        name="logs",
        reason="what happened on the source machine",
        removes=("/var/log/journal/*", "/var/log/installer/*", "/var/log/live/*",
                 "/var/lib/logrotate/status", "/var/lib/logcheck/*", "/var/lib/fail2ban/*",
                 "/var/account/*", "/var/lib/vnstat/*", "/var/lib/smartmontools/*",
                 "/var/lib/upower/*", "/var/lib/fwupd/pending.db", "/var/lib/PackageKit/*",
                 "/var/lib/aide/*"),
    ),
    Rule(
        name="login-screens",
        reason="the last user, language and pictures of the login screen",
        removes=("/var/lib/lightdm-data/*", "/var/lib/lightdm/.cache/*",
                 "/var/cache/lightdm/dmrc/*", "/var/lib/sddm/state.conf", "/var/lib/sddm/.cache/*",
                 "/var/lib/gdm3/.cache/*", "/var/lib/geoclue/*", "/var/lib/colord/*"),
    ),
    Rule(
        name="live-state",
        reason="state of an earlier live session",
        removes=("/var/lib/live/config/*",),
    ),
)  # fmt: skip
