"""What people are told when a cache was checked."""

from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.border.backups import Checked, Wholeness
from builder.host.backup.checking import Scrub
from builder.host.backup.retention import moment_of
from builder.host.display import columns
from builder.host.source.local_zone import local_zone


def checked_text(found: Checked, scrub: Scrub | None, troubles: tuple[str, ...]) -> str:
    """Return how each snapshot is, and what is wrong."""
    words = {
        Wholeness.WHOLE: say("as it was backed up"),
        Wholeness.CHANGED: say("CHANGED"),
        Wholeness.DAMAGED: say("DAMAGED"),
        Wholeness.INCOMPLETE: say("not complete"),
        Wholeness.UNKNOWN: say("nothing was recorded to compare it with"),
    }
    rows = [(each.selector, words[each.wholeness]) for each in found.snapshots]
    read = say("{size} read", size=readable_size(found.read)) if found.read else say("not read")
    rows.append((say("Contents"), read))
    rows.append((say("Last scrub"), _scrub_text(scrub)))
    lines = [columns(rows), *(say("Warning: {warning}", warning=each) for each in troubles)]
    return "\n".join(lines if troubles else [*lines, say("Nothing is wrong.")])


def _scrub_text(scrub: Scrub | None) -> str:
    if scrub is None:
        return say("not known")
    day = f"{moment_of(scrub.began, zone=local_zone()):%Y-%m-%d}"
    return day if scrub.finished else say("{day}, not finished", day=day)
