"""Settings that are bound to the source's hardware, which a live system runs without.

Sources: xorg.conf(5), fancontrol(8).
"""

import re
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, expand, lines_of
from builder.inside.tree.tree import Tree

_SCREENS: Final = ("/etc/X11/xorg.conf", "/etc/X11/xorg.conf.d/*.conf")
_OTHERS: Final = ("/etc/fancontrol",)
# Sections of graphics cards and screens; those of keyboards and mice fit any machine.
_BOUND: Final = re.compile(r'\s*Section\s+"(?:Device|Monitor|Screen|ServerLayout)"', re.IGNORECASE)


def _leave_to_detection(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    bound = [
        path
        for path in expand(tree, _SCREENS)
        if any(_BOUND.match(line) for line in lines_of(tree, path) or ())
    ]
    for path in (*bound, *expand(tree, _OTHERS)):
        tree.remove(path)
    return tuple(
        Warned(
            message="The live system finds screens and graphics cards itself, without {path}",
            values=(("path", path),),
        )
        for path in bound
    )


RULES: Final = (
    Rule(
        name="live-hardware",
        reason="graphics cards, screens and fans of the source machine; a live system finds those "
        "of the machine it runs on",
        edits=(*_SCREENS, *_OTHERS),
        edit=_leave_to_detection,
    ),
)
