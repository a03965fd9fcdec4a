"""What is no longer one claim: a digest of the source, an ISO, and what was changed between."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from builder.basics.errors import VerificationError
from builder.formats.changes import Change, ChangedPath
from builder.formats.identities import TreeName
from builder.formats.inventory import Entry, EntryType
from builder.formats.private_record import PrivateRecord
from builder.formats.tree_record import as_texts, record_of, tree_digest
from builder.host.verify.tree_claim import TreeCounts, check_tree
from builder.inside.tree.originals import originals

LATEST = 1_750_000_000


def entry(path: str, *, value: str = "a" * 64, first: str = "", mtime: int = LATEST - 5) -> Entry:
    return Entry(
        path=path, type=EntryType.FILE, mode=0o644, uid=0, gid=0, mtime=mtime, size=5, value=value,
        first=first,
    )  # fmt: skip


def folder(path: str) -> Entry:
    return Entry(
        path=path, type=EntryType.DIRECTORY, mode=0o755, uid=0, gid=0, mtime=7, size=0, value=""
    )


SOURCE = (
    folder("/"),
    folder("/etc"),
    entry("/etc/hostname"),
    entry("/etc/tomorrow", mtime=LATEST + 5),
    folder("/gone"),
    entry("/gone-by", first="/gone/a"),
    entry("/gone/a"),
    entry("/same\udcff"),
)
CHANGES = (
    ChangedPath(path="/etc/hostname", change=Change.CHANGED, rule="live-settings"),
    ChangedPath(path="/etc/live", change=Change.ADDED, rule="live-settings"),
    ChangedPath(path="/gone", change=Change.REMOVED, rule="traces"),
)
ISO = (
    folder("/"),
    folder("/etc"),
    entry("/etc/hostname", value="b" * 64),
    entry("/etc/live"),
    entry("/etc/tomorrow", mtime=LATEST),
    entry("/gone-by"),
    entry("/same\udcff"),
)


def said(source: Iterable[Entry] = SOURCE) -> TreeName:
    digest = tree_digest(record_of(each) for each in source)
    return TreeName(digest=digest, format=1, files=0, bytes=0)


def record(
    source: Iterable[Entry] = SOURCE, changes: tuple[ChangedPath, ...] = CHANGES
) -> PrivateRecord:
    """Return what a build of `source` writes."""
    kept = originals((record_of(each) for each in source), changes, latest=LATEST)
    return PrivateRecord(
        settings={}, changes=changes, findings=(), originals=tuple(as_texts(each) for each in kept)
    )


def verdict(
    iso: Iterable[Entry] = ISO,
    made: PrivateRecord | None = None,
    source: TreeName | None = None,
) -> TreeCounts:
    return check_tree(iso, made or record(), said=source or said(), latest=LATEST)


def without(path: str, rows: Iterable[Entry] = ISO) -> list[Entry]:
    return [each for each in rows if each.path != path]


def changed(path: str, rows: Iterable[Entry] = ISO, **how: object) -> list[Entry]:
    return [replace(each, **how) if each.path == path else each for each in rows]  # type: ignore[arg-type]


def test_a_source_follows_from_its_iso_and_what_was_changed() -> None:
    assert verdict() == TreeCounts(same=5, different=3)


def test_a_build_keeps_the_records_of_just_what_an_iso_has_otherwise() -> None:
    kept = [row[0] for row in record().originals or ()]
    assert kept == ["/etc/hostname", "/etc/tomorrow", "/gone", "/gone-by", "/gone/a"]


@pytest.mark.parametrize(
    "iso",
    [
        pytest.param(changed("/same\udcff", value="c" * 64), id="content"),
        pytest.param(changed("/same\udcff", mode=0o755), id="mode"),
        pytest.param(changed("/same\udcff", uid=1), id="owner"),
        pytest.param(changed("/same\udcff", mtime=1), id="time"),
        pytest.param(changed("/same\udcff", capability="01"), id="capability"),
        pytest.param(changed("/same\udcff", first="/gone-by"), id="link"),
        pytest.param(without("/same\udcff"), id="missing"),
        pytest.param([*ISO, entry("/z")], id="more"),
    ],
)
def test_whatever_no_rule_did_gives_another_digest(iso: list[Entry]) -> None:
    with pytest.raises(VerificationError, match="give another source"):
        verdict(iso)


@pytest.mark.parametrize(
    "iso",
    [
        pytest.param(changed("/gone-by", value="c" * 64), id="content of another name"),
        pytest.param(without("/gone-by"), id="another name"),
        pytest.param(changed("/etc/tomorrow", mode=0o755), id="mode of what has another time"),
        pytest.param(without("/etc/tomorrow"), id="what has another time"),
    ],
)
def test_an_original_excuses_only_what_a_squashfs_cannot_hold(iso: list[Entry]) -> None:
    with pytest.raises(VerificationError, match="no rule says so"):
        verdict(iso)


def test_an_original_for_what_no_rule_touched_excuses_nothing() -> None:
    made = record()
    more = as_texts(record_of(entry("/same\udcff", mtime=3)))
    forged = replace(made, originals=(*(made.originals or ()), more))
    with pytest.raises(VerificationError, match=r"/same.* no rule says so"):
        verdict(changed("/same\udcff", mtime=4), forged)


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (replace(record(), originals=None), "does not say what the changed paths were"),
        (replace(record(), originals=()), "give another source"),
        (replace(record(), originals=(("/x",),)), "cannot be read: a record has 10 fields"),
        (replace(record(), originals=(("/x\0",) * 10,)), "cannot be read"),
        (replace(record(), originals=(("/x",) * 10,)), "cannot be read"),
        (
            replace(record(), originals=(record().originals or ()) * 2),
            "two records of /etc/hostname",
        ),
        (replace(record(), changes=CHANGES[:2]), "/gone.* no rule says so"),
        (replace(record(), changes=CHANGES[1:]), "/etc/hostname.* no rule says so"),
    ],
)
def test_a_private_file_that_does_not_fit_is_refused(made: PrivateRecord, match: str) -> None:
    with pytest.raises(VerificationError, match=match):
        verdict(made=made)


def test_a_digest_of_an_unknown_format_is_not_compared() -> None:
    with pytest.raises(VerificationError, match="known format"):
        verdict(source=replace(said(), format=2))
