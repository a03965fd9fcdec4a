"""The one place that all user-facing text passes through, so that it can be translated.

Messages are templates with named fields; a template, not a finished sentence, crosses from the
container to the host, and is looked up in the user's language there.
"""

import gettext
from collections.abc import Mapping
from pathlib import Path

_DOMAIN = "distroclone-builder"
_catalogue = gettext.translation(
    _DOMAIN, localedir=Path(__file__).parent.parent / "locale", fallback=True
)


def say(template: str, /, **values: object) -> str:
    """Return `template` in the user's language, with its `{fields}` filled from `values`."""
    return render(template, values)


def render(template: str, values: Mapping[str, object]) -> str:
    """Like `say`, but takes the values as a mapping.

    A template without values is returned unchanged, so that foreign text, which may contain
    braces, can be passed through.
    """
    translated = _catalogue.gettext(template) if template else ""
    return translated.format(**values) if values else translated
