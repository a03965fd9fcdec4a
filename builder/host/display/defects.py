"""What a user can do about a defect: report it, where the package says, or to who gave it."""

from importlib import metadata

from builder.basics.texts import say

_PACKAGE = "distroclone-builder"
_LABEL = "Issues"  # in [project.urls] of pyproject.toml, where whoever publishes this puts it


def plea() -> str:
    """Return the sentence that asks for a report."""
    address = issue_tracker()
    if not address:
        return say(
            "Please report it, with the log and the lines above, to whoever gave you this program."
        )
    return say("Please report it, with the log and the lines above: {address}", address=address)


def issue_tracker() -> str:
    """Return the address of the issue tracker; "" where the package names none."""
    try:
        urls = metadata.metadata(_PACKAGE).get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    found = dict(url.split(", ", 1) for url in urls)
    return str(found.get(_LABEL, ""))
