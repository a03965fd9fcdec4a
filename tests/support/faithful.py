"""All that a copy of a tree must have kept, path by path; needs root."""

import hashlib
import os
import stat
from collections import defaultdict
from pathlib import Path

Facts = dict[bytes, tuple[object, ...]]


def facts(root: Path, *, without: tuple[bytes, ...] = ()) -> Facts:
    """Return the facts of every path below `root`, by the path relative to it.

    `without` names what is left out at the top. Hard links are told by the first name of a file.
    """
    top = os.fsencode(root)
    first: dict[tuple[int, int], bytes] = {}
    found: Facts = {}
    for place, folders, files in os.walk(top):
        if place == top:
            folders[:] = [each for each in folders if each not in without]
        folders.sort()
        for name in sorted([*folders, *files]):
            path = place + b"/" + name
            relative = path[len(top) :]
            if relative[1:] in without:
                continue
            status = os.lstat(path)
            link = first.setdefault((status.st_dev, status.st_ino), relative)
            found[relative] = (*_of(path, status), link)
    found[b""] = _of(top, os.lstat(top))[:4]
    return found


def differences(one: Facts, other: Facts) -> list[str]:
    """Return a line for each path that is not the same in both."""
    lines = defaultdict[bytes, list[str]](list)
    for path in {**one, **other}:
        if one.get(path) != other.get(path):
            lines[path] += [repr(one.get(path)), repr(other.get(path))]
    return [f"{path!r}: {' -> '.join(both)}" for path, both in sorted(lines.items())]


def _of(path: bytes, status: os.stat_result) -> tuple[object, ...]:
    kind = stat.S_IFMT(status.st_mode)
    names = sorted(os.listxattr(path, follow_symlinks=False))
    attributes = tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names)
    content: object = None
    if stat.S_ISREG(kind):
        with open(path, "rb") as file:  # noqa: PTH123
            content = hashlib.sha256(file.read()).hexdigest()
    elif stat.S_ISLNK(kind):
        content = os.readlink(path)  # noqa: PTH115 - bytes
    elif stat.S_ISBLK(kind) or stat.S_ISCHR(kind):
        content = status.st_rdev
    return (
        status.st_mode, status.st_uid, status.st_gid, attributes, status.st_mtime_ns, content,
    )  # fmt: skip
