"""Reads the definitions at the start of `unsquashfs -pf -`: all metadata of a squashfs.

The format is that of mksquashfs pseudo files (squashfs-tools 4.6.1, USAGE-4.6, "Pseudo file
definitions"), one line per name, then a marker. A backslash escapes the next byte of a name, LF
included; the target of a link is printed raw, so an unknown line belongs to the target before it.
So it is the reference reader, which the image has anyway, that says what an image holds; sqfs2tar
of squashfs-tools-ng would be a second opinion, and one more package in the lock.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

from builder.formats.inventory import EntryType

_MARK: Final = (b"#\n", b"# START OF DATA - DO NOT MODIFY\n", b"#\n")
_LONGEST_LINE: Final = 1 << 20  # bytes
_MOST_NAMES: Final = 5_000_000  # a large desktop has some 500,000

_WORD: Final = rb"(?:[^ \\\n]|\\.)"  # a character of a name
_NAME: Final = re.compile(rb"(" + _WORD + rb"+) (.*)", re.DOTALL)
# The name, or the other name of a hard link, continues in the next line.
_OPEN: Final = re.compile(rb"(?:" + _WORD + rb"+ L )?" + _WORD + rb"*\\\n", re.DOTALL)
_OWNED: Final = (
    rb" (?P<mtime>[0-9]{1,10}) (?P<mode>[0-7]{1,4}) (?P<uid>-?[0-9]{1,10}) (?P<gid>-?[0-9]{1,10})"
)
_DEVICE: Final = rb" (?P<major>[0-9]{1,10}) (?P<minor>[0-9]{1,10})"
_INODES: Final = tuple(
    (kind, re.compile(letter + _OWNED + rest + rb"\n", re.DOTALL))
    for kind, letter, rest in (
        (EntryType.DIRECTORY, b"D", b""),
        (EntryType.FILE, b"R", rb" (?P<size>[0-9]{1,19}) (?P<offset>[0-9]{1,19}) [01]"),
        (EntryType.LINK, b"S", rb" (?P<value>.*)"),
        (EntryType.CHARACTER, b"C", _DEVICE),
        (EntryType.BLOCK, b"B", _DEVICE),
        (EntryType.FIFO, b"I", b" f"),
        (EntryType.SOCKET, b"I", b" s"),
    )
)
_HARD_LINK: Final = re.compile(rb"L (" + _WORD + rb"+)\n", re.DOTALL)
_ATTRIBUTE: Final = re.compile(rb"x (?P<name>[^=]+)=(?P<value>.*)\n", re.DOTALL)
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
_OCTAL: Final = re.compile(rb"\\([0-7]{3})")
_CAPABILITY: Final = b"security.capability"


@dataclass(slots=True, kw_only=True)
class Inode:
    """The metadata of one file, directory, link …"""

    names: list[bytes]  # b"/", b"/etc", …; the first one is the one it was listed by
    kind: EntryType
    mode: int
    uid: int
    gid: int
    mtime: int
    size: int = 0
    offset: int = 0  # of its content, after the marker
    value: bytes = b""  # a link's target; b"major:minor"
    capability: bytes = b""


def read_definitions(stream: BinaryIO) -> list[Inode]:
    """Read up to the end of the marker; inodes are in the order of the stream, parents first.

    Raises EOFError when the stream ends too early, ValueError when it is invalid.
    """
    return _Definitions(stream).read()


class _Definitions:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._inodes: list[Inode] = []
        self._by_name: dict[bytes, Inode] = {}
        self._directories: set[bytes] = set()

    def read(self) -> list[Inode]:
        lines = self._lines()
        for line in lines:
            whole = line
            while _OPEN.fullmatch(whole):
                whole += next(lines, b" ")
            if not self._define(whole):
                self._continue_target(whole)
            if len(self._by_name) > _MOST_NAMES:
                message = f"it lists more than {_MOST_NAMES} names"
                raise ValueError(message)
        return self._inodes

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines before the marker."""
        waiting: list[bytes] = []
        while True:
            line = self._stream.readline(_LONGEST_LINE)
            if not line:
                raise EOFError
            if not line.endswith(b"\n"):
                message = "a line of its listing is truncated or too long"
                raise ValueError(message)
            waiting.append(line)
            while waiting and tuple(waiting) != _MARK[: len(waiting)]:
                yield waiting.pop(0)
            if len(waiting) == len(_MARK):
                return

    def _define(self, line: bytes) -> bool:
        """Parse a line; return whether it defines anything."""
        parts = _NAME.fullmatch(line)
        if parts is None:
            return False
        name = _path(parts[1])
        for kind, pattern in _INODES:
            if fields := pattern.fullmatch(parts[2]):
                self._add(name, _inode(name, kind, fields.groupdict()))
                self._inodes.append(self._by_name[name])
                return True
        if link := _HARD_LINK.fullmatch(parts[2]):
            inode = self._by_name.get(_path(link[1]))
            if inode is not None:
                self._add(name, inode)
                inode.names.append(name)
            return inode is not None
        attribute = _ATTRIBUTE.fullmatch(parts[2])
        if attribute is None or name not in self._by_name:
            return False
        if attribute["name"] == _CAPABILITY:
            self._by_name[name].capability = _attribute_value(attribute["value"])
        return True

    def _add(self, name: bytes, inode: Inode) -> None:
        if name in self._by_name or (
            name != b"/" and name.rpartition(b"/")[0] not in self._directories
        ):
            message = f"it lists {name[:200]!r} twice, or before its directory"
            raise ValueError(message)
        if inode.kind is EntryType.DIRECTORY:
            self._directories.add(name.rstrip(b"/"))
        self._by_name[name] = inode

    def _continue_target(self, line: bytes) -> None:
        last = self._inodes[-1] if self._inodes else None
        if last is None or last.kind is not EntryType.LINK:
            message = f"its listing has an unknown line: {line[:200]!r}"
            raise ValueError(message)
        last.value += b"\n" + line.removesuffix(b"\n")


def _path(name: bytes) -> bytes:
    return b"/" + _ESCAPED.sub(rb"\1", name).removeprefix(b"/")


def _inode(name: bytes, kind: EntryType, fields: Mapping[str, bytes]) -> Inode:
    return Inode(
        names=[name],
        kind=kind,
        mode=int(fields["mode"], 8),
        uid=int(fields["uid"]) & 0xFFFFFFFF,  # printed as signed numbers
        gid=int(fields["gid"]) & 0xFFFFFFFF,
        mtime=int(fields["mtime"]),
        size=int(fields.get("size", b"0")),
        offset=int(fields.get("offset", b"0")),
        value=_device(fields) if "major" in fields else fields.get("value", b""),
    )


def _device(fields: Mapping[str, bytes]) -> bytes:
    """Return the device number, of which unsquashfs only decodes the old, short form.

    It splits the number at bit 8; the kernel has the major in bits 8 to 19, and the rest of the
    minor above (new_decode_dev in linux/kdev_t.h).
    """
    number = int(fields["major"]) << 8 | int(fields["minor"]) & 0xFF
    return b"%d:%d" % (number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00)


def _attribute_value(text: bytes) -> bytes:
    """Undo the octal escapes of a value with the prefix 0t; other values have none."""
    if not text.startswith(b"0t"):
        return text
    return _OCTAL.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), text.removeprefix(b"0t"))
