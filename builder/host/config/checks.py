"""The rule for each value of a config: it takes a value and returns it, or raises.

All raise UsageError for an invalid value. They are strict about everything that ends up in a file
name, a kernel command line, grub.cfg or a file that a shell reads.
"""

import re
from typing import Final

from builder.basics import forms
from builder.basics.errors import UsageError
from builder.basics.printable import short
from builder.formats.recipe import STARTING, BootEntry
from builder.formats.snapshot import SnapshotKind
from builder.host.config.rule import Refusal, Rule, anchored, matching
from builder.host.yaml.nearest import nearest

VERSION: Final = 1
LONGEST_TIMEOUT: Final = 600  # seconds
MOST_EXCLUDES: Final = 500
LONGEST_EXCLUDES: Final = 32 * 1024  # characters, all together
LONGEST_PARAMETERS: Final = 1024  # characters; x86 kernels take 2047 in all

# base-passwd's users, and those that Debian's usual packages make.
SYSTEM_USERS: Final = (
    "root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy",
    "www-data", "backup", "list", "irc", "gnats", "nobody", "messagebus", "sshd", "avahi",
    "colord", "cups-pk-helper", "dnsmasq", "geoclue", "lightdm", "gdm", "sddm", "polkitd",
    "pulse", "rtkit", "saned", "systemd-network", "systemd-resolve", "systemd-timesync",
    "systemd-coredump", "tss", "usbmux", "uuidd",
)  # fmt: skip
_SELECTOR_WORDS: Final = ("latest", SnapshotKind.CACHE.value, SnapshotKind.TREE.value)
_SELECTOR: Final = r"[0-9]{1,9}|@?[0-9]{4}-[0-9]{2}-[0-9]{2}([ _T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?"

user_name: Final = matching(
    forms.USER_NAME,
    message='"{value}" is not a valid user name',
    hint="Use up to 32 of a-z, 0-9, _ and -, starting with a letter.",
    refused=Refusal(
        pattern="|".join((*SYSTEM_USERS, "systemd-.*")),
        message='The user name "{value}" belongs to the system',
        hint="Choose another name.",
    ),
)
full_name: Final = matching(
    forms.FULL_NAME,
    message='"{value}" is not a valid full name',
    hint='Use up to 100 characters, but not : , = " \\ $ or `.',
)
group_name: Final = matching(
    r"[a-z_][a-z0-9_-]{0,31}",
    message='"{value}" is not a valid group name',
    hint="Use up to 32 of a-z, 0-9, _ and -, starting with a letter or _.",
)
hostname: Final = matching(
    forms.HOSTNAME,
    message='"{value}" is not a valid host name',
    hint="Use up to 63 letters, digits and hyphens, with no hyphen at either end.",
)
locale: Final = matching(
    forms.LOCALE,
    message='"{value}" is not a valid locale',
    hint="For example de_DE.UTF-8 or C.UTF-8.",
)
keyboard: Final = matching(
    forms.KEYBOARD,
    message='"{value}" is not a valid keyboard layout',
    hint="For example de, or us,it.",
)
timezone: Final = matching(
    forms.TIMEZONE,
    message='"{value}" is not a valid time zone',
    hint="For example Europe/Rome or UTC.",
)
# One word of the kernel's command line; it must not break out of grub.cfg.
kernel_parameter: Final = matching(
    r"[A-Za-z0-9_][A-Za-z0-9_.,:=/@%+~!-]{0,199}",
    message='"{value}" is not a valid kernel parameter',
    hint="Use one list item per parameter: one word, without spaces, quotes, $, ;, \\ and the "
    "like.",
)
# The form of the kernel's `console=`, and the speeds that it and GRUB's 8250 driver know.
serial_console: Final = matching(
    r"ttyS[0-3],(2400|4800|9600|19200|38400|57600|115200)(n8)?",
    message='"{value}" is not a valid serial console',
    hint="Use ttyS0 to ttyS3, a comma and the speed: ttyS0,115200.",
)
iso_name: Final = matching(
    r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}",
    message='"{value}" is not a valid file name',
    hint="Use up to 100 of A-Z, a-z, 0-9, . _ + and -, starting with a letter or digit.",
    refused=Refusal(
        pattern=r".*\.[iI][sS][oO]",
        message='The name "{value}" ends in .iso',
        hint="Leave out .iso.",
    ),
)
volume_id: Final = matching(
    r"[A-Za-z0-9_.-]{1,32}",
    message='"{value}" is not a valid volume id',
    hint="Use up to 32 of A-Z, a-z, 0-9, _ . and -.",
)
# An rsync pattern that is anchored at the root of the tree.
exclude: Final = matching(
    r"/[^\x00-\x1f\x7f-\x9f]{0,4094}",
    message='"{value}" is not a valid exclude pattern',
    hint="Start it with / (the root of the system), and use no control characters.",
    refused=Refusal(
        pattern=r"/[*/]*",
        message='The pattern "{value}" excludes everything',
        hint="Name what is to be left out, e.g. /opt/games.",
    ),
)
_FEWER: Final = "Name folders instead of the files in them; * stands for any characters but /."
# Whether a path exists is checked when it is used.
# Debian policy 5.6.1. apt would take a name that ends in "-" for one to remove.
package_name: Final = matching(
    r"[a-z0-9][a-z0-9+.-]{0,126}[a-z0-9+.]",
    message='"{value}" is not a valid package name',
    hint="Use the name as `apt list` shows it: a-z, 0-9, +, - and ., without a version.",
)
path: Final = matching(
    r"[^\x00-\x1f\x7f-\x9f]+",
    message='"{value}" is not a valid path',
    hint="It is empty or contains control characters.",
)


def excludes(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Check the exclude patterns together: each is compared with every path of the system."""
    if len(patterns) > MOST_EXCLUDES:
        raise UsageError(
            "There are {count} exclude patterns; at most {most} are allowed",
            hint=_FEWER,
            count=len(patterns),
            most=MOST_EXCLUDES,
        )
    length = sum(map(len, patterns))
    if length > LONGEST_EXCLUDES:
        raise UsageError(
            "The exclude patterns have {length} characters; at most {longest} are allowed",
            hint=_FEWER,
            length=length,
            longest=LONGEST_EXCLUDES,
        )
    return patterns


def kernel_parameters(words: tuple[str, ...]) -> tuple[str, ...]:
    """Check the kernel parameters together."""
    length = len(" ".join(words))
    if length > LONGEST_PARAMETERS:
        raise UsageError(
            "The kernel parameters have {length} characters; at most {longest} are allowed",
            hint="Leave some of them out.",
            length=length,
            longest=LONGEST_PARAMETERS,
        )
    return words


def _boot_entry(word: str) -> BootEntry:
    """Check one entry of the boot menu."""
    if word in tuple(BootEntry):
        return BootEntry(word)
    meant = nearest(word, BootEntry)
    raise UsageError(
        '"{value}" is not an entry of the boot menu',
        hint="Did you mean {meant}?" if meant else "Use {known}.",
        value=short(word),
        meant=meant,
        known=", ".join(BootEntry),
    )


def boot_entries(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Check the boot menu as a whole: the first entry boots unless somebody chooses another."""
    for entry in entries:
        if entries.count(entry) > 1:
            raise UsageError(
                'The boot menu has the entry "{value}" twice',
                hint="Keep one of the two.",
                value=entry,
            )
    if not entries or entries[0] not in STARTING:
        raise UsageError(
            "The boot menu does not begin with an entry that starts the live system",
            hint="Begin with one of {known}.",
            known=", ".join(STARTING),
        )
    return entries


def _selector(text: str) -> str:
    """Check the shape of a snapshot's selector; the scan shows whether the snapshot exists."""
    if text in _SELECTOR_WORDS or re.fullmatch(_SELECTOR, text):
        return text
    meant = nearest(text, _SELECTOR_WORDS)
    raise UsageError(
        '"{value}" is not a snapshot selector',
        hint="Did you mean {meant}?"
        if meant
        else "Use latest, cache, a number, a date, or @YYYY-MM-DD_HH:MM (in quotes).",
        value=short(text),
        meant=meant,
    )


def _timeout_seconds(number: int) -> int:
    """Check how long the boot menu waits."""
    if not 0 <= number <= LONGEST_TIMEOUT:
        raise UsageError(
            "Invalid timeout: {number} seconds",
            hint="Use 0 (boot at once) to {longest}.",
            number=number,
            longest=LONGEST_TIMEOUT,
        )
    return number


def _version(number: int) -> int:
    """Check the version of the config's format."""
    if number != VERSION:
        raise UsageError(
            "Unknown config version {number}",
            hint="This release reads version {version}.",
            number=number,
            version=VERSION,
        )
    return number


selector: Final = Rule(
    check=_selector,
    schema={
        "pattern": anchored("|".join((*_SELECTOR_WORDS, _SELECTOR))),
        "minimum": 0,
        "maximum": 999_999_999,
    },
)
boot_entry: Final[Rule[str, str]] = Rule(
    check=_boot_entry, schema={"enum": [entry.value for entry in BootEntry]}
)
timeout_seconds: Final = Rule(
    check=_timeout_seconds, schema={"minimum": 0, "maximum": LONGEST_TIMEOUT}
)
version: Final = Rule(check=_version, schema={"const": VERSION})
