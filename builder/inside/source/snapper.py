"""Reads snapper's info.xml without snapper, and without trusting it.

The format is that of snapper/Snapshot.cc, `SnapshotsHelper::read`: a root element `snapshot` with
the required type, num and date (UTC). Like snapper, we ignore an entry with any error.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.parsers import expat  # a DOCTYPE, which every XML bomb needs, is rejected

from builder.basics.printable import clean
from builder.basics.regular import read_whole
from builder.border.cache_report import Problem
from builder.inside.source.zoneless_time import utc_seconds

TREE: Final = "tree"  # the key of our own in the userdata
LIMIT: Final = 64 * 1024  # bytes; real ones have a few hundred
_TYPES: Final = ("single", "pre", "post")
_DELETE: Final = (
    "Snapper ignores it too. Delete it with `snapper -c distroclone-backup delete {number}`."
)
_SECONDS_LENGTH: Final = len("2026-06-17 14:30:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapperInfo:
    """One snapshot, as snapper describes it."""

    date: int  # seconds since 1970, UTC
    description: str
    cleanup: str  # the algorithm that may delete it: "number", "timeline"; "" for none
    important: bool  # its owner said so
    tree: str = ""  # what our backup recorded of its files; "" where it did not


def read_info(path: Path, *, number: int) -> SnapperInfo | Problem:
    """Read the info.xml at `path` of snapshot `number`, or return why it cannot be used."""
    try:
        fields, userdata = _fields(read_whole(path, limit=LIMIT))
    except OSError as error:
        return Problem(
            message="its info.xml cannot be read: {detail}",
            hint=_DELETE,
            values=_values(error.strerror, number),
        )
    except (expat.ExpatError, ValueError, LookupError) as error:
        return Problem(
            message="its info.xml is invalid: {detail}",
            hint=_DELETE,
            values=_values(clean(str(error)), number),
        )
    if fields.get("type") not in _TYPES:
        return Problem(
            message="its info.xml has an invalid type: {detail}",
            hint=_DELETE,
            values=_values(fields.get("type"), number),
        )
    if fields.get("num") != str(number):
        return Problem(
            message="its info.xml belongs to another snapshot: {detail}",
            hint=_DELETE,
            values=_values(fields.get("num"), number),
        )
    date = fields.get("date", "")
    seconds = utc_seconds(date) if len(date) == _SECONDS_LENGTH else None
    if seconds is None:
        return Problem(
            message="its info.xml has an invalid date: {detail}",
            hint=_DELETE,
            values=_values(date, number),
        )
    return SnapperInfo(
        date=seconds,
        description=fields.get("description", ""),
        cleanup=fields.get("cleanup", ""),
        important=userdata.get("important") == "yes",
        tree=userdata.get(TREE, ""),
    )


def _values(detail: str | None, number: int) -> tuple[tuple[str, str], ...]:
    return (("detail", detail or "-"), ("number", str(number)))


def _fields(content: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """Return the text of each child of the root element `snapshot`, and the userdata."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.Parse(content, True)  # expat takes no keywords
    fields = {name: clean("".join(parts)) for name, parts in reader.fields.items()}
    return fields, dict(reader.userdata)


class _Reader:
    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}
        self.userdata: list[tuple[str, str]] = []
        self._open: list[str] = []
        self._pair: dict[str, str] = {}

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        if not self._open and name != "snapshot":
            message = f"its root element is {name}, not snapshot"
            raise ValueError(message)
        self._open.append(name)
        if len(self._open) == 2:
            self.fields[name] = []
            self._pair = {}

    def end(self, name: str) -> None:
        self._open.pop()
        if len(self._open) == 1 and name == "userdata":
            pair = {each: clean(text) for each, text in self._pair.items()}
            self.userdata.append((pair.get("key", ""), pair.get("value", "")))

    def text(self, data: str) -> None:
        if len(self._open) == 2:
            self.fields[self._open[1]].append(data)
        elif len(self._open) == 3:
            self._pair[self._open[2]] = self._pair.get(self._open[2], "") + data


def _refuse_doctype(*_declaration: object) -> None:
    message = "it declares a document type"
    raise ValueError(message)
