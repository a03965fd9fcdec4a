"""What of a system changed while it was copied."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from builder.inside.tree.filter_rules import FilterRules


def changed_since(
    root: Path, moment: float, *, filters: Sequence[str], mounts: Sequence[str]
) -> Iterator[str]:
    """Yield the paths below `root`, "etc/mtab", that changed at `moment` (Unix time) or later.

    Only those that are copied, on the file system of `root` and those mounted at `mounts`. What
    vanishes meanwhile is no longer there to be named; its folder changed.
    """
    rules, top = FilterRules(filters), os.fsencode(root)
    devices = {_device(top)} | {_device(top + b"/" + os.fsencode(each)) for each in mounts}
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = [*os.scandir(top + folder)]
        except OSError:  # gone, or turned into something else
            continue
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
                is_folder = entry.is_dir(follow_symlinks=False)
            except OSError:
                continue
            changed = status.st_ctime >= moment
            if not changed and not is_folder:  # nearly all: the rules are asked for the rest alone
                continue
            path = folder + b"/" + entry.name
            if not rules.copies(path, directory=is_folder):
                continue
            if changed:
                yield os.fsdecode(path[1:])
            if is_folder and status.st_dev in devices:
                waiting.append(path)


def _device(path: bytes) -> int:
    return os.lstat(path).st_dev
