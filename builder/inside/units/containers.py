"""Containers that systemd would start: their images were left out (podman-systemd.unit(5))."""

from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.tree.tree import Tree

QUADLETS: Final = ("/etc/containers/systemd", "/usr/local/share/containers/systemd")
_STORE: Final = "/var/lib/containers"
_KINDS: Final = (".container", ".pod", ".kube", ".volume", ".image", ".build", ".network")


def drop_quadlets(tree: Tree, gone: Gone) -> int:
    """Remove the quadlets where the store of images was left out; return how many."""
    if not (gone.path(_STORE) or gone.emptied(_STORE)):
        return 0
    found = [
        path
        for folder in QUADLETS
        if tree.is_dir(folder)
        for path, _status in tree.walk(folder)
        if path.endswith(_KINDS)
    ]
    for path in found:
        tree.remove(path)
    return len(found)
