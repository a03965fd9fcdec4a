"""Where the loaders of a medium may come from, in the order in which they are tried."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.formats.boot_chain import LoaderOrigin
from builder.formats.package import Package
from builder.inside.debian.dpkg import installed, packaged
from builder.inside.secure_boot.pair import PACKAGES, Supply
from builder.inside.tree.tree import Tree

_SECTION: Final = "signed"


def supplies_of(root: Path, *, layer: Path, signed: Path, lock: Path) -> tuple[Supply, ...]:
    """Return the builder image's (`signed`, which `lock` describes), then that of the live system.

    That is `root` below `layer`, which may not be there, and may have packages that the build adds.
    """
    tree = Tree(root)
    found = installed(packaged(tree, layer), PACKAGES)
    return (
        Supply(origin=LoaderOrigin.IMAGE, trees=(Tree(signed),), packages=tuple(_locked(lock))),
        Supply(
            origin=LoaderOrigin.SYSTEM,
            trees=(Tree(layer), tree) if layer.is_dir() else (tree,),
            packages=tuple(found[name] for name in sorted(found)),
        ),
    )


def _locked(lock: Path) -> Iterator[Package]:
    for line in lock.read_text("utf-8").split("\n"):
        words = line.split(" ")
        if words[:2] == ["package", _SECTION]:
            yield Package(name=words[2], version=words[3], architecture=words[4])
