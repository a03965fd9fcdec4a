"""What each value of a config may be; one function for each, the value in, the value out.

All raise UsageError for what is impossible. They are strict about whatever ends up in a file
name, a kernel command line, grub.cfg or a file that a shell reads.
`builder/data/build.schema.json` states the same rules for editors.
"""

import re
from typing import Final

from builder.basics.errors import UsageError
from builder.basics.printable import short
from builder.host.config.nearest import nearest

LONGEST_TIMEOUT: Final = 600  # seconds

# adduser's rule (NAME_REGEX of adduser.conf(5)) within useradd's 32 characters.
_USER: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
# base-passwd's users, and those that Debian's usual packages make.
SYSTEM_USERS: Final = (
    "root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy",
    "www-data", "backup", "list", "irc", "gnats", "nobody", "messagebus", "sshd", "avahi",
    "colord", "cups-pk-helper", "dnsmasq", "geoclue", "lightdm", "gdm", "sddm", "polkitd",
    "pulse", "rtkit", "saned", "systemd-network", "systemd-resolve", "systemd-timesync",
    "systemd-coredump", "tss", "usbmux", "uuidd",
)  # fmt: skip
_GROUP: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
# What passwd(5)'s comment field, or the shell that reads live-config's file, would stumble over.
_FULL_NAME: Final = re.compile(r'[^\x00-\x1f\x7f-\x9f:,="\\$`]{1,100}')
_HOSTNAME: Final = re.compile(r"(?=.{1,63}$)" + r"LABEL(\.LABEL)*".replace(
    "LABEL", r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
))  # fmt: skip
_LOCALE: Final = re.compile(r"C\.UTF-8|[a-z]{2,3}_[A-Z]{2}(\.[A-Za-z0-9-]{1,20})?(@[a-z]{1,20})?")
_KEYBOARD: Final = re.compile(r"[a-z]{2,20}(,[a-z]{2,20}){0,3}")
_TIMEZONE: Final = re.compile(r"UTC|[A-Z][A-Za-z_]{1,30}(/[A-Za-z0-9_+-]{1,30}){1,2}")
_KERNEL_PARAMETER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,:=/@%+~!-]{0,199}")
# The speeds that both the kernel and GRUB's 8250 driver know.
_SERIAL: Final = re.compile(r"ttyS[0-3],(2400|4800|9600|19200|38400|57600|115200)(n8)?")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_VOLUME_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_EXCLUDE: Final = re.compile(r"/[^\x00-\x1f\x7f-\x9f]{1,4094}")
_EVERYTHING: Final = re.compile(r"/[*/]*")
_PATH: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")
_SELECTOR_WORDS: Final = ("latest", "cache")
_SELECTOR: Final = re.compile(
    r"[0-9]{1,9}|@?[0-9]{4}-[0-9]{2}-[0-9]{2}([ _T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?"
)


def user_name(text: str) -> str:
    """Check the live user's login name."""
    _match(
        _USER,
        text,
        '"{value}" is not a user name',
        "Up to 32 of a-z, 0-9, _ and -, a letter first.",
    )
    if text in SYSTEM_USERS or text.startswith("systemd-"):
        raise UsageError(
            'The user name "{value}" belongs to the system', hint="Choose another.", value=text
        )
    return text


def full_name(text: str) -> str:
    """Check the live user's full name."""
    return _match(
        _FULL_NAME,
        text,
        '"{value}" is not possible as a full name',
        'Up to 100 characters, none of : , = " \\ $ `',
    )


def group_name(text: str) -> str:
    """Check the name of a group."""
    return _match(
        _GROUP,
        text,
        '"{value}" is not a group name',
        "Up to 32 of a-z, 0-9, _ and -, a letter or _ first.",
    )


def hostname(text: str) -> str:
    """Check a host name (RFC 1123; at most 63 characters, as Linux takes them)."""
    return _match(
        _HOSTNAME,
        text,
        '"{value}" is not a host name',
        "Up to 63 letters, digits and hyphens, no hyphen at either end.",
    )


def locale(text: str) -> str:
    """Check the shape of a locale; whether the system has it is only known inside."""
    return _match(_LOCALE, text, '"{value}" is not a locale', "E.g. de_DE.UTF-8, or C.UTF-8.")


def keyboard(text: str) -> str:
    """Check one or more XKB layouts, separated by commas."""
    return _match(_KEYBOARD, text, '"{value}" is not a keyboard layout', "E.g. de, or us,it.")


def timezone(text: str) -> str:
    """Check the shape of a time zone; whether the system has it is only known inside."""
    return _match(_TIMEZONE, text, '"{value}" is not a time zone', "E.g. Europe/Rome, or UTC.")


def kernel_parameter(text: str) -> str:
    """Check one word of the kernel's command line; it must not break out of grub.cfg."""
    return _match(
        _KERNEL_PARAMETER,
        text,
        '"{value}" is not possible as a kernel parameter',
        "One word, without blanks, quotes, $, ;, \\ and the like; one list item for each.",
    )


def serial_console(text: str) -> str:
    """Check a serial console in the form that the kernel's `console=` takes."""
    return _match(
        _SERIAL,
        text,
        '"{value}" is not a serial console',
        "ttyS0 to ttyS3, a comma and the speed: ttyS0,115200.",
    )


def timeout_seconds(number: int) -> int:
    """Check how long the boot menu waits."""
    if not 0 <= number <= LONGEST_TIMEOUT:
        raise UsageError(
            "{number} seconds are not possible",
            hint="From 0 (boot at once) to {longest}.",
            number=number,
            longest=LONGEST_TIMEOUT,
        )
    return number


def iso_name(text: str) -> str:
    """Check the ISO's name."""
    _match(
        _NAME,
        text,
        '"{value}" is not possible as a file name',
        "Up to 100 of A-Z, a-z, 0-9, . _ + and -, a letter or digit first.",
    )
    if text.lower().endswith(".iso"):
        raise UsageError('The name "{value}" ends in .iso', hint="Leave .iso out.", value=text)
    return text


def volume_id(text: str) -> str:
    """Check an ISO 9660 volume id."""
    return _match(
        _VOLUME_ID,
        text,
        '"{value}" is not a volume id',
        "Up to 32 of A-Z, a-z, 0-9, _ . and -",
    )


def exclude(text: str) -> str:
    """Check an rsync pattern that is anchored at the root of the tree."""
    if _EVERYTHING.fullmatch(text):
        raise UsageError('The pattern "{value}" excludes everything', value=short(text))
    return _match(
        _EXCLUDE,
        text,
        '"{value}" is not possible as an exclude',
        "It starts with / (the root of the system) and holds no control characters.",
    )


def selector(text: str) -> str:
    """Check the shape of a snapshot's selector; whether there is such a one shows the scan."""
    if text in _SELECTOR_WORDS or _SELECTOR.fullmatch(text):
        return text
    meant = nearest(text, _SELECTOR_WORDS)
    raise UsageError(
        '"{value}" selects no snapshot',
        hint="Did you mean {meant}?"
        if meant
        else "Possible are latest, cache, a number, a date, and @YYYY-MM-DD_HH:MM (in quotes).",
        value=short(text),
        meant=meant,
    )


def path(text: str) -> str:
    """Check a path; whether it is there is found out when it is used."""
    return _match(
        _PATH, text, '"{value}" is not a path', "It is empty or holds control characters."
    )


def _match(pattern: re.Pattern[str], text: str, message: str, hint: str) -> str:
    if not pattern.fullmatch(text):
        raise UsageError(message, hint=hint, value=short(text))
    return text
