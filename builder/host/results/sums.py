"""Reads SHA256SUMS as `sha256sum` of GNU coreutils writes it, and nothing looser.

A line is 64 lower-case hexadecimal digits, two spaces, a plain name, LF.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from builder.basics.errors import VerificationError
from builder.basics.printable import short
from builder.border.events import OnEvent, announced
from builder.border.handover import SUMS
from builder.formats.result_names import is_plain_name
from builder.host.results.result_folder import FileFacts, ResultFolder

_LARGEST: Final = 1024 * 1024  # bytes
_MOST: Final = 1000  # files
_LINE: Final = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What SHA256SUMS lists."""

    content: bytes  # what a signature covers
    digests: Mapping[str, str]  # by file name


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What the listed files are."""

    files: Mapping[str, FileFacts]  # those that could be read, by name
    faults: tuple[VerificationError, ...]  # one for each file that is not as it was listed


def read_sums(folder: ResultFolder) -> Sums:
    """Read a folder's SHA256SUMS. Raises VerificationError when it cannot be trusted to be one."""
    content = folder.read(SUMS, limit=_LARGEST)
    return Sums(content=content, digests=parse_sums(content))


def parse_sums(content: bytes) -> Mapping[str, str]:
    """Return the digests by file name. Raises VerificationError, naming the line."""
    if not content:
        raise VerificationError("SHA256SUMS is empty")
    if b"\r" in content:
        raise VerificationError(
            "SHA256SUMS has CR line endings, so it was changed",
            hint="Copy it again without conversion (FTP: binary mode).",
        )
    if not content.endswith(b"\n"):
        raise VerificationError("SHA256SUMS is cut off: its last line has no newline")
    lines = content.decode("utf-8", "replace").removesuffix("\n").split("\n")
    if len(lines) > _MOST:
        raise VerificationError("SHA256SUMS lists more than {most} files", most=_MOST)
    digests: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        name, digest = _row(line, number)
        if name in digests:
            raise VerificationError("SHA256SUMS lists {name} twice", name=name)
        digests[name] = digest
    return digests


def compare(folder: ResultFolder, sums: Sums, *, steps: int, on_event: OnEvent) -> Compared:
    """Read every listed file and compare it, as the first of so many steps."""
    with announced("sums", on_event, total=steps) as on_progress:
        return _compared(folder, sums, on_progress=on_progress)


def _compared(
    folder: ResultFolder, sums: Sums, *, on_progress: Callable[[float], None]
) -> Compared:
    files: dict[str, FileFacts] = {}
    faults: list[VerificationError] = []
    sizes: dict[str, int] = {}
    for name in sums.digests:
        try:
            sizes[name] = folder.size(name)
        except VerificationError as error:
            faults.append(error)
    total, done = max(sum(sizes.values()), 1), 0

    def on_read(count: int) -> None:
        nonlocal done
        done += count
        on_progress(min(done / total, 1.0))

    for name in sizes:
        try:
            files[name] = folder.digest(name, on_read=on_read)
            _check_digest(name, files[name].sha256, sums.digests[name])
        except VerificationError as error:
            faults.append(error)
    return Compared(files=files, faults=tuple(faults))


def _row(line: str, number: int) -> tuple[str, str]:
    row = _LINE.fullmatch(line)
    if row is None:
        raise VerificationError(
            "Line {number} of SHA256SUMS is not a checksum line: {line}",
            number=number,
            line=short(line),
        )
    if not is_plain_name(row["name"]):
        raise VerificationError(
            "Line {number} of SHA256SUMS does not name a file in this folder: {name}",
            number=number,
            name=short(row["name"]),
        )
    return row["name"], row["digest"]


def _check_digest(name: str, found: str, expected: str) -> None:
    if found != expected:
        raise VerificationError(
            "{name} is not the file that SHA256SUMS lists (sha256 {found}, not {expected})",
            name=name,
            found=found,
            expected=expected,
        )
