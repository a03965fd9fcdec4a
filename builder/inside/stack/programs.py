"""Programs of the builder image that run in a tree whose C library is older than theirs.

Each is started by its own loader, with its own libraries and none of the tree's: ld.so(8).
"""

from typing import Final

from builder.inside.rules.rule import add
from builder.inside.stack.bundle import Bundle
from builder.inside.tree.tree import Tree

OWN: Final = "/usr/lib/distroclone-builder/stack"
_LOADER: Final = "ld-linux-x86-64.so.2"
# What the programs are linked with, and what libkmod loads to read compressed modules.
_LIBRARIES: Final = (
    _LOADER, "libc.so.6", "libcrypto.so.3", "liblzma.so.5", "libz.so.1", "libzstd.so.1",
)  # fmt: skip
_LIBKMOD: Final = "/usr/lib/x86_64-linux-gnu/libkmod.so.2"
_STARTER: Final = """\
#!/bin/sh
exec {own}/lib/{loader} --inhibit-cache --library-path {own}/lib {own}/bin/{name} "$@"
"""


def put_program(tree: Tree, bundle: Bundle, package: str, path: str) -> None:
    """Put the program `path` of a package into the tree, with all that it needs."""
    name = path.rpartition("/")[2]
    program = bundle.file(package, path)
    for library in _LIBRARIES:
        add(tree, f"{OWN}/lib/{library}", bundle.library(library), mode=0o755)
    add(tree, f"{OWN}/lib/libkmod.so.2", bundle.file("libkmod2", _LIBKMOD).data)
    add(tree, f"{OWN}/bin/{name}", program.data, mode=0o755)
    starter = _STARTER.format(own=OWN, loader=_LOADER, name=name)
    add(tree, path, starter.encode("ascii"), mode=0o755)
