"""A restored system that reports itself on the first serial port, for `tests.boot.machine`."""

from pathlib import Path

from tests.support.trees import put

_UNIT = "etc/systemd/system/restored-report.service"
_SCRIPT = "usr/local/sbin/restored-report"
_REPORT = """\
#!/bin/sh
state=$(systemctl is-system-running --wait)
failed=$(systemctl list-units --state=failed --plain --no-legend | cut -d ' ' -f 1 | tr '\\n' ,)
firmware=bios
[ ! -d /sys/firmware/efi ] || firmware=uefi
root=$(findmnt --noheadings --raw --output FSTYPE,UUID / | tr ' ' :)
printf '\\ndistroclone-builder boot-report: ok root=%s firmware=%s hostname=%s machine-id=%s \
state=%s failed=%s\\n' "$root" "$firmware" "$(cat /proc/sys/kernel/hostname)" \
    "$(cat /etc/machine-id)" "$state" "$failed" > /dev/ttyS0
"""


def plant_report(root: Path) -> None:
    """Have the system at `root` report itself when it has started."""
    put(root, _SCRIPT, _REPORT).chmod(0o755)
    put(
        root,
        _UNIT,
        f"[Unit]\nAfter=basic.target\n[Service]\nType=exec\nExecStart=/{_SCRIPT}\n",
    )
    wanted = root / "etc/systemd/system/multi-user.target.wants/restored-report.service"
    wanted.parent.mkdir(parents=True, exist_ok=True)
    wanted.symlink_to(f"/{_UNIT}")


def told_by(line: str) -> dict[str, str]:
    """Return what a report says."""
    return dict(word.partition("=")[::2] for word in line.split() if "=" in word)
