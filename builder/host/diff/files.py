"""Which paths were added, removed or changed; for those below /etc also how."""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from builder.basics.texts import say
from builder.formats.inventory import LONGEST_TEXT, Entry, EntryType
from builder.host.diff.growth import Sizes
from builder.host.diff.model import Change, FileChange

_CONFIG: Final = "/etc/"
_READABLE: Final = 0o004
_MOST_LINES: Final = 2000  # of each side: comparing takes time with the square of it
_SHOWN_LINES: Final = 200  # of a difference
TYPES: Final = {
    EntryType.DIRECTORY: "directory",
    EntryType.FILE: "file",
    EntryType.LINK: "link",
    EntryType.FIFO: "FIFO",
    EntryType.SOCKET: "socket",
    EntryType.CHARACTER: "character device",
    EntryType.BLOCK: "block device",
}
_VALUES: Final = {EntryType.FILE: "content", EntryType.LINK: "target"}


def paired(
    before: Iterable[Entry], after: Iterable[Entry]
) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield each path's entries of both sides; both must be sorted by the paths' bytes."""
    left, right = iter(before), iter(after)
    old, new = next(left, None), next(right, None)
    while old is not None or new is not None:
        order = _order(old, new)
        yield old if order <= 0 else None, new if order >= 0 else None
        if order <= 0:
            old = next(left, None)
        if order >= 0:
            new = next(right, None)


def compare_files(
    before: Iterable[Entry],
    after: Iterable[Entry],
    *,
    sizes: Sizes,
    counts: list[int],
    rules: Mapping[str, str],
) -> Iterator[FileChange]:
    """Yield what changed. Times do not count: another time alone is no change.

    Every file goes into `sizes`, and the numbers of names of both sides into `counts`; `rules`
    are those of a build that stands between the two, by the paths that they touched.
    """
    for old, new in paired(before, after):
        for side, entry in enumerate((old, new)):
            if entry is not None:
                sizes.add(entry, after=bool(side))
                counts[side] += 1
        found = compare_entries(old, new)
        if found is not None:
            rule = _rule_of(found, rules)
            details = () if rule else details_of(found, old, new)
            yield replace(found, rule=rule, details=details)


def compare_entries(old: Entry | None, new: Entry | None) -> FileChange | None:
    """Return what is different, None when nothing is; not both can be None."""
    either = new or old
    assert either is not None
    what: tuple[str, ...] = ()
    if old is None or new is None:
        change = Change.ADDED if old is None else Change.REMOVED
    else:
        change, what = Change.CHANGED, tuple(_changed(old, new))
        if not what:
            return None
    return FileChange(
        path=either.path,
        change=change,
        what=what,
        size_before=old.size if old else 0,
        size_after=new.size if new else 0,
    )


def _rule_of(change: FileChange, rules: Mapping[str, str]) -> str:
    """Return the rule that touched a path; of a directory that was removed only its own is told."""
    path, rule = change.path, rules.get(change.path, "")
    while not rule and path and change.change is not Change.CHANGED:
        path = path.rpartition("/")[0]
        rule = rules.get(path, "")
    return rule


def _order(old: Entry | None, new: Entry | None) -> int:
    if old is None or new is None:
        return 1 if old is None else -1
    left, right = os.fsencode(old.path), os.fsencode(new.path)
    return (left > right) - (left < right)


def _changed(old: Entry, new: Entry) -> Iterator[str]:
    if old.type is not new.type:
        yield "type"
    elif old.value != new.value:
        yield _VALUES.get(new.type, "device")
    if old.mode != new.mode:
        yield "mode"
    if (old.uid, old.gid) != (new.uid, new.gid):
        yield "owner"
    if old.capability != new.capability:
        yield "capability"


def details_of(change: FileChange, old: Entry | None, new: Entry | None) -> tuple[str, ...]:
    """Return how a path below /etc changed, in lines."""
    if not change.path.startswith(_CONFIG):
        return ()
    return (*_attributes(change, old, new), *_content(change, old, new))


def _attributes(change: FileChange, old: Entry | None, new: Entry | None) -> Iterator[str]:
    if old is None or new is None:
        return
    told = {
        "type": (TYPES[old.type], TYPES[new.type]),
        "target": (old.target, new.target),
        "device": (old.device, new.device),
        "mode": (f"{old.mode:04o}", f"{new.mode:04o}"),
        "owner": (f"{old.uid}:{old.gid}", f"{new.uid}:{new.gid}"),
        "capability": (old.capability or "-", new.capability or "-"),
    }
    for name in change.what:
        if name in told:
            before, after = told[name]
            yield say("{name}: {before} → {after}", name=name, before=before, after=after)


def _content(change: FileChange, old: Entry | None, new: Entry | None) -> tuple[str, ...]:
    files = [each for each in (old, new) if each is not None and each.type is EntryType.FILE]
    if not files or (change.what and not {"content", "type"} & set(change.what)):
        return ()
    texts = [each.text for each in files]
    if None in texts:
        return (_why_no_text(files),)
    before, after = _lines(old), _lines(new)
    if max(len(before), len(after)) > _MOST_LINES:
        return (say("(too many lines to compare)"),)
    found = tuple(_limited(difflib.unified_diff(before, after, lineterm="", n=2)))
    if change.change is Change.CHANGED and not found:
        return (say("(only the newline at the end of the file differs)"),)
    return found


def _lines(entry: Entry | None) -> list[str]:
    text = entry.text if entry is not None else None
    return text.removesuffix("\n").split("\n") if text else []


def _why_no_text(files: Iterable[Entry]) -> str:
    if any(not each.mode & _READABLE for each in files):
        return say("(not shown: not readable by everyone)")
    if any(each.size > LONGEST_TEXT for each in files):
        return say("(not shown: too large)")
    return say("(not shown: not text, or in a directory that not everyone can read)")


def _limited(lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number < 2:  # the names of both files, which are the same
            continue
        if number - 2 >= _SHOWN_LINES:
            rest = 1 + sum(1 for _line in lines)
            yield say("(… and {count} more lines)", count=rest)
            return
        yield line
