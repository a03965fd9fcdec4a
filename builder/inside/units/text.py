"""The text of units: systemd.syntax(7), and the specifiers of systemd.unit(5)."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

_ESCAPE: Final = re.compile(r"\\x([0-9a-fA-F]{2})")
_SPECIFIER: Final = re.compile(r"%([iIjJnNpPuUhEtSCL%])")
_SAFE: Final = re.compile(r"[A-Za-z0-9:_.]")


class Setting(NamedTuple):
    """One assignment of a unit: `[section] key=value`."""

    section: str
    key: str
    value: str


def settings_of(lines: Iterable[str]) -> Iterator[Setting]:
    """Yield the assignments in a unit file or drop-in, continued lines joined."""
    section = ""
    for line in _joined(lines):
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line:
            key, _sign, value = line.partition("=")
            yield Setting(section, key.strip(), value.strip())


def in_force(settings: Iterable[Setting]) -> list[Setting]:
    """Return the assignments that count: an empty one takes back those of its key before it."""
    kept: dict[tuple[str, str], list[Setting]] = {}
    for each in settings:
        of_key = kept.setdefault((each.section, each.key), [])
        if each.value:
            of_key.append(each)
        else:
            of_key.clear()
    return [each for of_key in kept.values() for each in of_key]


def _joined(lines: Iterable[str]) -> Iterator[str]:
    parts: list[str] = []
    for line in lines:
        text = line.strip()
        if text[:1] in ("#", ";") or not (text or parts):
            continue
        parts.append(text.removesuffix("\\"))
        if not text.endswith("\\"):
            yield " ".join(parts).strip()
            parts = []
    if parts:
        yield " ".join(parts).strip()


class UnitName(NamedTuple):
    """The parts of a unit's name: "syncthing@alice.service" is syncthing, alice, service."""

    prefix: str
    instance: str | None  # "" of a template, None of any other unit
    kind: str

    @property
    def template(self) -> str | None:
        """The name of the file that an instance is made from."""
        return f"{self.prefix}@.{self.kind}" if self.instance else None


def parsed(name: str) -> UnitName:
    """Split the name of a unit."""
    stem, _dot, kind = name.rpartition(".")
    prefix, sign, instance = stem.partition("@")
    return UnitName(prefix, instance if sign else None, kind)


def unescaped(text: str) -> str:
    r"""Undo systemd-escape(1): `-` is a slash, `\x2d` a byte."""
    slashes = text.replace("-", "/")
    raw = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), slashes)
    try:
        return raw.encode("latin-1").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return raw


def escaped(path: str) -> str:
    """Return a path as systemd-escape(1) --path writes it, without the kind of the unit."""
    text = path.strip("/").encode("utf-8", "surrogateescape")
    return "".join(
        "-" if byte == 0x2F else chr(byte) if _is_safe(byte, index) else f"\\x{byte:02x}"
        for index, byte in enumerate(text)
    )


def _is_safe(byte: int, index: int) -> bool:
    return byte < 0x80 and bool(_SAFE.match(chr(byte))) and not (index == 0 and byte == 0x2E)


def resolved(text: str, name: str, *, user: str = "root", home: str = "/root") -> str:
    """Return a value with its specifiers replaced, for the unit `name` of a user manager or not."""
    if "%" not in text:
        return text
    unit = parsed(name)
    instance = unit.instance or ""
    values = {
        "%": "%",
        "i": instance,
        "I": unescaped(instance),
        "j": unit.prefix.rpartition("-")[2],
        "J": unescaped(unit.prefix.rpartition("-")[2]),
        "n": name,
        "N": name.rpartition(".")[0],
        "p": unit.prefix,
        "P": unescaped(unit.prefix),
        "u": user,
        "U": "0",
        "h": home,
        "E": "/etc",
        "t": "/run",
        "S": "/var/lib",
        "C": "/var/cache",
        "L": "/var/log",
    }
    return _SPECIFIER.sub(lambda match: values[match[1]], text)
