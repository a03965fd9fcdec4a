"""A manifest as an earlier version wrote it."""

import json
from collections.abc import Iterable

from builder.basics.codec import Place


def without(manifest: str, places: Iterable[Place]) -> str:
    """Return the text of a manifest without some of its fields; those that it lacks are ignored."""
    whole = json.loads(manifest)
    for *above, name in places:
        part = whole
        for each in above:
            part = part[each]
        part.pop(name, None)
    return json.dumps(whole, indent=2, sort_keys=True) + "\n"
