"""What a live system says of itself in its report, which `builder/inside/files/boot-report` wrote.

The ISO may be anybody's: what has another form is not there.
"""

import re
from typing import Final

from builder.border.boot_test import ListeningSocket

_LISTENING: Final = re.compile(r" listening=(\S*)")
_SOCKET: Final = re.compile(r"(tcp|udp)/([0-9]{1,5})/([A-Za-z0-9._+-]{1,64})")
_FAILED: Final = re.compile(r" failed-units=(\S*)")
_UNIT: Final = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}")  # systemd.unit(5)
_SESSION: Final = re.compile(r" session=(wayland|x11|tty|none)(?= |$)")
_RIGHTS: Final = re.compile(r" rights=(sudo|doas|su|none)(?= |$)")
_STATE: Final = re.compile(r" state=([a-z]{1,20})(?= |$)")  # systemctl(1), is-system-running
_NETWORK: Final = re.compile(r" network=(up|none)(?= |$)")
_PASSWORDS: Final = re.compile(r" remote-passwords=(accepted|none)(?= |$)")
_SECURE_BOOT: Final = re.compile(r" secure-boot=(on|off|none)(?= |$)")
_LOCKDOWN: Final = re.compile(r" lockdown=(none|integrity|confidentiality)(?= |$)")


def listening_in(report: str) -> tuple[ListeningSocket, ...] | None:
    """Return the sockets that a report lists; None if it does not say."""
    found = _LISTENING.search(report)
    if found is None:
        return None
    matches = map(_SOCKET.fullmatch, found[1].split(","))
    return tuple(
        ListeningSocket(protocol=each[1], port=int(each[2]), program=each[3])
        for each in matches
        if each
    )


def failed_units_in(report: str) -> tuple[str, ...] | None:
    """Return the units that systemd could not start; None if a report does not say."""
    found = _FAILED.search(report)
    if found is None:
        return None
    return tuple(each for each in found[1].split(",") if _UNIT.fullmatch(each))


def session_in(report: str) -> str | None:
    """Return what the live user is logged in to; None if a report does not say."""
    found = _SESSION.search(report)
    return None if found is None else found[1]


def rights_in(report: str) -> str | None:
    """Return what lets the live user become root; None if a report does not say."""
    found = _RIGHTS.search(report)
    return None if found is None else found[1]


def state_in(report: str) -> str | None:
    """Return what systemd says of the system as a whole; None if a report does not say."""
    found = _STATE.search(report)
    return None if found is None else found[1]


def network_in(report: str) -> bool | None:
    """Return whether the machine got a network by itself; None if a report does not say."""
    found = _NETWORK.search(report)
    return None if found is None else found[1] == "up"


def remote_passwords_in(report: str) -> bool | None:
    """Return whether a service could accept some password; None if a report does not say."""
    found = _PASSWORDS.search(report)
    return None if found is None else found[1] == "accepted"


def secure_boot_in(report: str) -> bool | None:
    """Return whether the firmware enforced Secure Boot; None if a report does not say."""
    found = _SECURE_BOOT.search(report)
    return None if found is None else found[1] == "on"


def lockdown_in(report: str) -> str | None:
    """Return the mode of the kernel's lockdown; None if a report does not say."""
    found = _LOCKDOWN.search(report)
    return None if found is None else found[1]
