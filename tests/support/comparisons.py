"""Inventories that were never made in a container, and the comparison of two of them."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

from builder.border.iso_contents import BootFile
from builder.formats.inventory import Entry, EntryType, InstalledPackage, Row, encode_rows
from builder.host.diff.compare import compare
from builder.host.diff.model import Kind, SystemDifference
from builder.host.diff.sides import LiveSide, Opened
from builder.host.source.listing import FileListing


def package(name: str, version: str, kib: int = 0, architecture: str = "amd64") -> InstalledPackage:
    return InstalledPackage(
        name=name, architecture=architecture, version=version, installed_size=kib << 10
    )


def entry(path: str, **changed: Any) -> Entry:
    fields: dict[str, Any] = {
        "path": path, "type": EntryType.FILE, "mode": 0o644, "uid": 0, "gid": 0, "mtime": 7,
        "size": 0, "value": "",
    }  # fmt: skip
    return Entry(**fields | changed)


def file(path: str, content: str = "", **changed: Any) -> Entry:
    """Return a file; below /etc with its text, as a container lists it."""
    fields: dict[str, Any] = {
        "size": len(content.encode("utf-8", "surrogateescape")),
        "value": hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest(),
        "text": content if path.startswith("/etc/") else None,
    }
    return entry(path, **fields | changed)


def sized(path: str, size: int, **changed: Any) -> Entry:
    """Return a file of that size whose content is as good as its size."""
    return entry(path, size=size, value=f"{size:064x}", **changed)


def folder(path: str, **changed: Any) -> Entry:
    return entry(path, **{"type": EntryType.DIRECTORY, "mode": 0o755} | changed)


def link(path: str, target: str) -> Entry:
    return entry(path, type=EntryType.LINK, mode=0o777, value=target)


def whiteout(path: str) -> Entry:
    return entry(path, type=EntryType.CHARACTER, mode=0, value="0:0")


def listing(rows: Sequence[Row]) -> FileListing:
    """Return the list of these rows, in the order of an inventory."""
    packages = [row for row in rows if isinstance(row, InstalledPackage)]
    entries = [row for row in rows if isinstance(row, Entry)]
    entries.sort(key=lambda each: each.path.encode("utf-8", "surrogateescape"))
    lines = "".join(encode_rows([*packages, *entries]))
    return FileListing(file=io.BytesIO(lines.encode("ascii")))


def live_side(
    rows: Sequence[Row] | None = (),
    *,
    stack: Sequence[InstalledPackage] | None = (),
    boots: Mapping[str, tuple[int, str]] | None = None,
) -> LiveSide:
    """Return what an ISO has above the system; `boots` are sizes and contents by path."""
    return LiveSide(
        files=None if rows is None else listing(rows),
        stack=None if stack is None else tuple(stack),
        boots=tuple(
            BootFile(path=path, size=size, sha256=hashlib.sha256(content.encode()).hexdigest())
            for path, (size, content) in sorted((boots or {}).items())
        ),
    )


def side(
    rows: Sequence[Row],
    *,
    name: str = "2",
    kind: Kind = Kind.SNAPSHOT,
    values: Mapping[str, str] | None = None,
    rules: Mapping[str, str] | None = None,
    live: LiveSide | None = None,
    system: str = "Debian GNU/Linux 13 (trixie)",
) -> Opened:
    is_iso = kind is Kind.ISO
    return Opened(
        name=name,
        kind=kind,
        system=system,
        taken="2026-06-17 14:30 UTC",
        kernels=("6.12.48+deb13-amd64",),
        inventory=listing(rows),
        values=values or {},
        rules=rules or {},
        live=live,
        iso_size=1000 if is_iso else None,
        iso_sha256="0" * 64 if is_iso else "",
    )


def between_isos(before: LiveSide, after: LiveSide) -> SystemDifference:
    """Compare two ISOs of one system that have this above it."""
    one, other = (side([], kind=Kind.ISO, live=each) for each in (before, after))
    return compare(one, other)


def between(before: Sequence[Row], after: Sequence[Row]) -> SystemDifference:
    """Compare two snapshots that hold these rows."""
    return compare(side(before, name="2"), side(after, name="3"))
