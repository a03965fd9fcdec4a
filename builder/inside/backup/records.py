"""What is written beside the tree: `.backup_meta`, and snapper's info.xml.

DistroClone Backup has its shell read `.backup_meta`, as root, and other readers take the values as
they stand. So a value holds nothing that a shell would see more in than a letter.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from xml.sax.saxutils import escape

from builder.basics.printable import clean
from builder.inside.source.snapper import TREE
from builder.inside.source.snapshots import DESCRIPTION

_FOR_A_SHELL: Final = '"$`\\'  # special between double quotes; bash(1), QUOTING
_FOR_SNAPPER: Final = ",="  # which its command line cannot have in userdata
_UNITS: Final = "KMGTPE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known of one backup at its end."""

    now: int  # seconds since 1970
    zone: int  # seconds by which the user's clock is ahead of UTC
    distro: str
    kernel: str
    size: int  # bytes
    tree: str = ""  # what is recorded of its files; "" for nothing

    @property
    def date(self) -> str:
        """The end, by the user's clock: "2026-06-17 14:30:05"."""
        zone = timezone(timedelta(seconds=self.zone))
        return f"{datetime.fromtimestamp(self.now, zone):%Y-%m-%d %H:%M:%S}"


def meta_text(record: Record, *, with_tree: bool = False) -> str:
    """Return the content of `.backup_meta`, with DistroClone Backup's four keys in its order.

    What is recorded of the files is another one, where no snapshot has it.
    """
    values = {
        "META_DATE": record.date,
        "META_DISTRO": record.distro,
        "META_SIZE": as_du_has_it(record.size),
        "META_KERNEL": record.kernel,
    }
    if with_tree and record.tree:
        values["META_TREE"] = record.tree
    return "".join(f'{key}="{_harmless(value)}"\n' for key, value in values.items())


def info_text(record: Record, *, number: int) -> str:
    """Return the info.xml of snapshot `number`: snapper/Snapshot.cc, `Snapshot::writeInfo`.

    Described as by DistroClone Backup, and with the clean-up algorithm that lets snapper delete it.
    """
    taken = f"{datetime.fromtimestamp(record.now, UTC):%Y-%m-%d %H:%M:%S}"
    fields = {
        "type": "single",
        "num": str(number),
        "date": taken,
        "description": f"{DESCRIPTION} {record.date}",
        "cleanup": "number",
    }
    userdata = {
        "distro": record.distro,
        "kernel": record.kernel,
        "size_kb": str(math.ceil(record.size / 1024)),
        TREE: record.tree,
    }
    lines = [f"  <{name}>{_xml(text)}</{name}>" for name, text in fields.items()]
    for key, value in userdata.items():
        if text := _without(_harmless(value), _FOR_SNAPPER):
            lines += [
                "  <userdata>",
                f"    <key>{key}</key>",
                f"    <value>{_xml(text)}</value>",
                "  </userdata>",
            ]
    return "\n".join(('<?xml version="1.0"?>', "<snapshot>", *lines, "</snapshot>", ""))


def as_du_has_it(size: int) -> str:
    """Return a size as `du -sh` prints it: "8.2G", rounded up."""
    count = size / 1024
    for unit in _UNITS:
        if count < 9.95:
            return f"{math.ceil(count * 10) / 10:.1f}{unit}" if count else f"0{unit}"
        if count < 1024:
            return f"{math.ceil(count)}{unit}"
        count /= 1024
    return f"{math.ceil(count)}Z"


def _harmless(text: str) -> str:
    return _without(clean(text), _FOR_A_SHELL)


def _without(text: str, signs: str) -> str:
    return "".join(" " if sign in signs else sign for sign in text).strip()


def _xml(text: str) -> str:
    """Return text as snapper writes it: what is not ASCII as a number."""
    return escape(text).encode("ascii", "xmlcharrefreplace").decode()
