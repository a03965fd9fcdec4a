"""What the user's `keep` takes: rsync patterns of paths, each with all that is in it."""

import os
from collections.abc import Callable, Iterable, Iterator

from builder.inside.tree.filter_rules import FilterRules


def ways(pattern: str) -> Iterator[str]:
    """Yield the filter rules that take the folders above what `pattern` matches."""
    parts = pattern.rstrip("/").split("/")[1:]
    for length in range(1, len(parts)):
        yield f"+ /{'/'.join(parts[:length])}/"


def including(pattern: str) -> Iterator[str]:
    """Yield the filter rules that take what `pattern` matches, and all that is in it."""
    whole = f"/{'/'.join(pattern.rstrip('/').split('/')[1:])}"
    yield from (f"+ {whole}", f"+ {whole.removesuffix('/***').removesuffix('/**')}/**")


def keeper(keep: Iterable[str]) -> Callable[[str], bool] | None:
    """Return what tells whether a path ("/srv/www/x") is kept; None if nothing is."""
    rules = [rule for pattern in keep for rule in including(pattern)]
    if not rules:
        return None
    copies = FilterRules([*rules, "- **"]).copies
    return lambda path: (
        copies(os.fsencode(path), directory=False) or (copies(os.fsencode(path), directory=True))
    )
