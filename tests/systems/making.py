"""Trees of the systems, each made once: kept below the digest of its recipe and of what made it.

`python -m tests.systems.making NAME…` makes them as root, and prints their paths.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.systems import bootstrapping, planting
from tests.systems.bootstrapping import bootstrap
from tests.systems.planting import PLANTED, plant
from tests.systems.recipe import Recipe
from tests.systems.recipes import SYSTEMS

_SETTING: Final = "DISTROCLONE_SYSTEMS"
_MAKERS: Final = (bootstrapping, planting)


def store() -> Path:
    """Return the folder of the trees: the setting's, or one below the user's cache folder."""
    chosen = os.environ.get(_SETTING)
    if chosen:
        return Path(chosen)
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches, "distroclone-builder-systems")


def chosen(names: Sequence[str]) -> tuple[Recipe, ...]:
    """Return the systems with these names; all if there are none. Ends the program otherwise."""
    known = {recipe.name: recipe for recipe in SYSTEMS}
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"systems: there is no {', '.join(unknown)}; there are: {', '.join(known)}")
    return tuple(known[name] for name in names) if names else SYSTEMS


def made(recipe: Recipe) -> Path:
    """Return the tree of a system, made where it is missing; its older ones are removed."""
    folder = store()
    tree = folder / f"{recipe.name}-{digest(recipe)}"
    if tree.is_dir():
        return tree
    folder.mkdir(parents=True, exist_ok=True)
    for old in (each for each in folder.glob(f"{recipe.name}-*") if _is_of(recipe, each)):
        _remove(old)
    partial = folder / f"{recipe.name}-partial"
    try:
        bootstrap(recipe, partial)
        plant(recipe, partial)
        partial.rename(tree)
    finally:
        if partial.exists():
            _remove(partial)
    return tree


def digest(recipe: Recipe) -> str:
    """Return what names a system: 16 hexadecimal digits over all that decides its tree."""
    total = hashlib.sha256(repr(recipe).encode())
    folders = (PLANTED / name for name in ("every", "person", *recipe.habits))
    planted = (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
    for path in (*(Path(str(module.__file__)) for module in _MAKERS), *planted):
        name = path.relative_to(Path(__file__).parent)
        total.update(f"\n{name} {os.access(path, os.X_OK)} {path.stat().st_size}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def _is_of(recipe: Recipe, path: Path) -> bool:
    """Whether a folder is a tree of this system, and not of one whose name begins like it."""
    return path.name.rpartition("-")[0] == recipe.name


def _remove(tree: Path) -> None:
    if mounts := [each for each in _mount_points() if each.is_relative_to(tree.resolve())]:
        sys.exit(f"systems: something is mounted on {mounts[0]}; unmount it first")
    shutil.rmtree(tree)


def _mount_points() -> list[Path]:
    lines = Path("/proc/self/mountinfo").read_text("utf-8").splitlines()
    return [Path(line.split()[4].replace("\\040", " ")) for line in lines]


if __name__ == "__main__":
    for each in chosen(sys.argv[1:]):
        sys.stdout.write(f"{made(each)}\n")
