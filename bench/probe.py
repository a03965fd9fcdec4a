"""Runs in the builder image: mksquashfs alone on the trees of a cache image, again and again.

python3 /bench/probe.py reads a JSON list of packs from /packs.json and prints one JSON line for
each. It mounts the trees as a build does, and asks the product's own code for the arguments.
"""

import dataclasses
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from builder.border import paths
from builder.host.config.compression_text import parse_compression
from builder.inside.blocks import packing
from builder.inside.blocks.mksquashfs import STEADY_STAT
from builder.inside.blocks.store import LIBRARY, BlockCache
from builder.inside.source import cache_image
from builder.inside.steps.squashfs import SquashfsStep
from builder.inside.system.real_system import RealSystem

_EPOCH = 1_780_000_000
_OUT = Path("/out")
_TREES = "SysLinuxOS_backup/.rootfs_cache/.snapshots/{}/snapshot"


def main() -> None:
    """Pack what was asked for."""
    os.umask(0o022)
    asked = json.loads(Path("/packs.json").read_text())
    system = RealSystem(lambda _event: None, source_date_epoch=_EPOCH)
    with cache_image.mounted(paths.CACHE_IMAGE, Path("/trees"), system=system):
        for each in asked:
            found = _changed(*each["changed"]) if "changed" in each else _pack(**each)
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()


def _tree(state: int) -> Path:
    return Path("/trees") / _TREES.format(state)


def _pack(
    state: int, compression: str, store: str | None, *, grouped: bool, options: list[str]
) -> dict[str, Any]:
    """Make one image, and say what it cost; the walk that finds the groups is part of it."""
    how = dataclasses.replace(parse_compression(compression), grouped=grouped)
    target = _OUT / "probe.squashfs"
    step = SquashfsStep(
        root=_tree(state),
        target=target,
        packages=_OUT / "packages",
        groups=_OUT / "groups",
        compression=how,
        size=lambda: 0,
    )
    environment = {
        **os.environ, "SOURCE_DATE_EPOCH": str(_EPOCH), "LD_PRELOAD": os.fspath(STEADY_STAT),
    }  # fmt: skip
    cache = None
    if store is not None:
        (_OUT / store).mkdir(exist_ok=True)
        cache = BlockCache(folder=_OUT / store, counts=_OUT / "counts")
        environment |= cache.environment(reserve=0)
        environment["LD_PRELOAD"] += f":{LIBRARY}"
    usage, start = _processor(), time.monotonic()
    if grouped:
        packing.write_actions(step.root, step.groups, block_size=how.block_size)
    argv = [word for word in step.argv() if word != "-percentage"] + options
    subprocess.run([*argv, "-no-progress", "-quiet"], env=environment, check=True,
                   stdout=sys.stderr)  # fmt: skip
    wall, processor = time.monotonic() - start, _processor() - usage
    counts = cache.read_counts() if cache else None
    return {
        "wall": round(wall, 2),
        "processor": round(processor, 2),
        "size": target.stat().st_size,
        "asked": counts.asked if counts else 0,
        "misses": counts.misses if counts else 0,
        "miss_bytes": counts.miss_bytes if counts else 0,
    }


def _processor() -> float:
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in spent)


def _changed(before: int, after: int) -> dict[str, int]:
    """Count the bytes of contents that only the later tree has; of `bytes` in all."""
    known, new = _contents(_tree(before)), _contents(_tree(after))
    return {
        "changed": sum(size for digest, size in new.items() if digest not in known),
        "bytes": sum(new.values()),
    }


def _contents(tree: Path) -> dict[bytes, int]:
    found = {}
    for folder, _folders, names in os.walk(tree):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as stream:
                    digest = hashlib.file_digest(stream, "blake2b").digest()
                found[digest] = path.stat().st_size
    return found


if __name__ == "__main__":
    main()
