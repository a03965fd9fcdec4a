"""What changed between two systems is found: packages, sizes, files, configuration, settings."""

import pytest

from builder.basics.errors import StepError, VerificationError
from builder.formats.inventory import LONGEST_TEXT, Entry, EntryType, Row
from builder.host.diff.compare import compare
from builder.host.diff.model import FileChange, Kind, SystemDifference
from builder.host.diff.settings import Described, compare_settings, describe
from builder.host.results.manifest_reader import read_manifest
from builder.host.results.private_reader import read_private
from tests.support.comparisons import (
    between,
    entry,
    file,
    folder,
    link,
    package,
    side,
    sized,
)
from tests.support.results import (
    PRIVATE,
    as_json,
    format_one_data,
    manifest_data,
    private_data,
    recipe_data,
)


def changes(difference: SystemDifference) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.path, each.change.value, each.what) for each in difference.files]


def only(difference: SystemDifference) -> FileChange:
    (found,) = difference.files
    return found


def test_packages_come_and_go_and_have_other_versions() -> None:
    found = between(
        [package("a", "1"), package("b", "1.9", 10), package("c", "2~rc1"), package("same", "1")],
        [package("b", "1.10", 14), package("c", "1"), package("d", "1", 7), package("same", "1")],
    ).packages
    told = {
        name: [(each.name, each.before, each.after, each.growth >> 10) for each in group]
        for name, group in (
            ("added", found.added),
            ("removed", found.removed),
            ("upgraded", found.upgraded),
            ("downgraded", found.downgraded),
        )
    }
    assert told == {
        "added": [("d", "", "1", 7)],
        "removed": [("a", "1", "", 0)],
        "upgraded": [("b", "1.9", "1.10", 4)],
        "downgraded": [("c", "2~rc1", "1", 0)],
    }


def test_a_package_of_another_architecture_is_another_package() -> None:
    found = between([package("libc6", "1")], [package("libc6", "1", architecture="i386")]).packages
    assert (len(found.added), len(found.removed), len(found.upgraded)) == (1, 1, 0)


def test_the_same_system_is_the_same_and_another_time_is_no_change() -> None:
    rows: list[Row] = [package("a", "1"), folder("/"), file("/x", "y"), link("/l", "x")]
    later: list[Row] = [
        package("a", "1"),
        folder("/", mtime=9),
        file("/x", "y", mtime=9),
        link("/l", "x"),
    ]
    found = between(rows, later)
    assert found.same
    assert (found.files, found.growth) == ((), ())
    assert found.before.names == found.after.names == 3


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (file("/x", "a"), file("/x", "b"), ("content",)),
        (link("/x", "a"), link("/x", "b"), ("target",)),
        (file("/x", "a"), file("/x", "a", mode=0o4755), ("mode",)),
        (file("/x", "a"), file("/x", "a", gid=7), ("owner",)),
        (file("/x", "a"), file("/x", "a", capability="01"), ("capability",)),
        (file("/x", "a"), link("/x", "a"), ("type", "mode")),
        (file("/x", "a"), file("/x", "b", uid=1, mode=0o600), ("content", "mode", "owner")),
        (
            entry("/x", type=EntryType.BLOCK, value="8:1"),
            entry("/x", type=EntryType.BLOCK, value="8:2"),
            ("device",),
        ),
    ],
)
def test_whatever_is_different_about_a_file_is_named(
    before: Entry, after: Entry, what: tuple[str, ...]
) -> None:
    assert changes(between([before], [after])) == [("/x", "changed", what)]


def test_paths_are_paired_in_the_order_of_their_bytes() -> None:
    before = [file("/a", "1"), file("/a-b", "1"), file("/a/x", "1"), file("/\udcff", "1")]
    after = [file("/a", "2"), file("/a/x", "2"), file("/é", "2"), file("/\udcff", "2")]
    assert changes(between(before, after)) == [
        ("/a", "changed", ("content",)),
        ("/a-b", "removed", ()),
        ("/a/x", "changed", ("content",)),
        ("/é", "added", ()),
        ("/\udcff", "changed", ("content",)),
    ]


def test_configuration_is_shown_as_a_difference_of_its_lines() -> None:
    before = [file("/etc/motd", "one\ntwo\nthree\n"), file("/usr/motd", "a")]
    after = [file("/etc/motd", "one\nzwei\nthree\n"), file("/usr/motd", "b")]
    found = between(before, after)
    (config,) = found.config
    assert config.details == ("@@ -1,3 +1,3 @@", " one", "-two", "+zwei", " three")
    assert [each.details for each in found.files if each.path == "/usr/motd"] == [()]


def test_what_else_changes_about_configuration_is_told_in_words() -> None:
    before = [file("/etc/a", "x"), link("/etc/b", "old"), file("/etc/c", "x")]
    after = [file("/etc/a", "x", mode=0o600, text=None), link("/etc/b", "new"), link("/etc/c", "y")]
    told = {each.path: each.details for each in between(before, after).config}
    assert told == {
        "/etc/a": ("mode: 0644 → 0600",),
        "/etc/b": ("target: old → new",),
        "/etc/c": ("type: file → link", "mode: 0644 → 0777", "@@ -1 +0,0 @@", "-x"),
    }


@pytest.mark.parametrize(
    ("content", "changed", "words"),
    [
        ("secret", {"mode": 0o640, "text": None}, "(not shown: not readable by everyone)"),
        ("x" * (LONGEST_TEXT + 1), {"text": None}, "(not shown: too large)"),
        (
            "\x00",
            {"text": None},
            "(not shown: not text, or in a directory that not everyone can read)",
        ),
        ("\n" * 3000, {}, "(too many lines to compare)"),
        ("before", {}, "(only the newline at the end of the file differs)"),
    ],
)
def test_what_is_not_shown_is_said(content: str, changed: dict[str, object], words: str) -> None:
    found = between([file("/etc/x", "before\n")], [file("/etc/x", content, **changed)])
    assert only(found).details[-1] == words
    assert "secret" not in str(found)


def test_a_long_difference_is_cut() -> None:
    lines = "".join(f"{number}\n" for number in range(500))
    details = only(between([file("/etc/x", "")], [file("/etc/x", lines)])).details
    assert len(details) == 201
    assert details[-1] == "(… and 301 more lines)"


def test_what_a_build_changes_is_set_apart_between_a_snapshot_and_an_iso() -> None:
    rules = {"/etc/machine-id": "machine-id", "/etc/ssh": "ssh-host-keys"}
    old = [file("/etc/machine-id", "1"), file("/etc/motd", "1"), file("/etc/ssh/key", "secret")]
    new = [file("/etc/machine-id", "2"), file("/etc/motd", "2")]
    snapshot, iso = side(old), side(new, kind=Kind.ISO, rules=rules)
    for found in (compare(snapshot, iso), compare(iso, snapshot)):
        assert [each.path for each in found.config] == ["/etc/motd"]
        assert found.by_build == 2
        assert "secret" not in str(found)
    both = compare(side(old, kind=Kind.ISO, rules=rules), iso)
    assert (both.by_build, len(both.config)) == (0, 3)


def test_settings_are_compared_between_isos_only() -> None:
    old, new = {"recipe.name": "a", "image.id": "1"}, {"recipe.name": "b", "tools.xorriso": "2"}
    first, second = (side([], kind=Kind.ISO, values=each) for each in (old, new))
    assert [(each.name, each.before, each.after) for each in compare(first, second).settings] == [
        ("image.id", "1", ""),
        ("recipe.name", "a", "b"),
        ("tools.xorriso", "", "2"),
    ]
    assert compare(first, side([])).settings == ()


def test_sizes_are_added_up_once() -> None:
    before = [sized("/usr/lib/a", 100), sized("/usr/bin/tool", 50), sized("/boot/old", 1000)]
    after = [
        sized("/usr/lib/a", 400),
        sized("/usr/lib/deep/er/b", 70),
        sized("/usr/bin/tool", 50),
        sized("/usr/bin/tool2", 50, first="/usr/bin/tool"),
        sized("/boot/new", 1000),
        sized("/top", 5),
    ]
    found = between(before, after)
    assert (found.before.size, found.after.size) == (1150, 1525)
    assert [(each.path, each.rest, each.before, each.after) for each in found.growth] == [
        ("/usr/lib", True, 100, 400),
        ("/usr/lib/deep/er", False, 0, 70),
        ("/", True, 1000, 1005),
    ]
    assert sum(each.growth for each in found.growth) == found.after.size - found.before.size


def test_many_small_parts_are_one_and_large_ones_are_told_apart() -> None:
    after = [sized(f"/usr/share/doc/{number}/x", number) for number in range(1, 3000)]
    small = sum(range(3000))
    found = between([], [*after, sized("/usr/share/large/y", 10**7), sized("/var/z", 10**6)])
    assert [(each.path, each.rest, each.growth) for each in found.growth] == [
        ("/usr/share/large", False, 10**7),
        ("/usr/share/doc", False, small),
        ("/var", False, 10**6),
    ]
    many = [sized(f"/{number % 40}/{number}/x", 1) for number in range(4000)]
    assert [(each.path, each.rest) for each in between([], many).growth] == [("/", False)]


def test_a_very_deep_directory_is_a_part_as_well() -> None:
    deep = "/" + "/".join("d" * 2000)
    (part,) = between([], [sized(f"{deep}/x", 1)]).growth
    assert (part.path, part.growth, part.rest) == (deep, 1, False)


def test_an_inventory_that_is_cut_off_is_said_so() -> None:
    whole = side([file("/x", "a")])
    lines = whole.inventory.file.read()
    whole.inventory.file.seek(0)
    whole.inventory.file.truncate(len(lines) - 5)
    with pytest.raises(StepError, match="list of files cannot be read"):
        compare(whole, side([]))


def described(**changed: object) -> Described:
    return describe(read_manifest(as_json(manifest_data(**changed))), None)


def described_with(**record: object) -> Described:
    """Return what a manifest and its private file say together."""
    private = read_private(as_json(private_data(**record)), name=PRIVATE)
    return describe(read_manifest(as_json(manifest_data())), private)


def test_a_manifest_is_flattened_to_what_can_be_compared() -> None:
    live = recipe_data()["live"] | {"groups": ["a", "b"]}
    found = described(recipe=recipe_data(live=live))
    assert found.values["recipe.live.groups"] == '["a", "b"]'
    assert found.values["image.locked"] == "true"
    assert "recipe.name" not in found.values
    assert "packages" not in str(found.values)


def test_what_an_older_or_a_newer_builder_writes_is_compared_as_it_is_written() -> None:
    compression = recipe_data()["compression"] | {"threads": 7}
    del compression["grouped"]
    found = described(recipe=recipe_data(compression=compression), weather="fine")
    assert found.values["recipe.compression.threads"] == "7"
    assert "recipe.compression.grouped" not in found.values
    assert "fine" not in str(found.values)


def test_what_a_manifest_says_beyond_its_format_is_taken_with_care() -> None:
    deep: dict[str, object] = {}
    for _number in range(300):
        deep = {"x": deep}
    found = described(
        recipe=recipe_data(x=deep, **{"\x1b[31mz": "\x1b[31mred"}),
        snapshot=manifest_data()["snapshot"] | {"taken": "2026-06-17T14:30:05Z"},
        system=manifest_data()["system"] | {"pretty_name": "\x1b" + "x" * 9000},
        tools={f"tool{number}" + "y" * 9000: "x" * 9000 for number in range(1900)},
        image=manifest_data()["image"]
        | {f"\x1b[31m{number}": "x" * 9000 for number in range(1000)},
        changes=[{"change": "changed", "rule": "\x1b" + "x" * 9000, "count": 7}],
    )
    assert (found.taken, found.unnamed) == ("2026-06-17 14:30 UTC", 7)
    assert len(found.values) == 2000
    assert max(len(text) for row in found.values.items() for text in row) < 300
    assert "\x1b" not in str(found)


def test_what_a_private_file_says_is_taken_with_care() -> None:
    found = described_with(
        settings={"exclude": ["/srv/*"], "\x1b": ["\x1b"]},
        changes=[{"path": "/etc/x", "change": "changed", "rule": "\x1b" + "x" * 9000}],
    )
    assert (found.exclude, found.unnamed) == (("/srv/*",), 0)
    assert len(found.rules["/etc/x"]) < 100
    assert "\x1b" not in str(found)


def test_what_a_manifest_of_format_1_says_itself_is_compared() -> None:
    manifest = read_manifest(as_json(format_one_data(recipe=recipe_data(exclude=["/srv/*"]))))
    found = describe(manifest, manifest.own_private)
    assert found.values["recipe.exclude"] == '["/srv/*"]'
    assert found.values["snapshot.description"] == "weekly"
    assert found.exclude == ("/srv/*",)


def test_counts_are_compared_where_there_are_no_paths() -> None:
    found = described(
        changes=[{"change": "removed", "rule": "ssh-host-keys", "count": 7}],
        live_changes=[{"change": "added", "rule": "live-user", "count": 3}],
        findings=[{"rule": "private-key", "count": 2}],
    )
    assert found.values["changes.ssh-host-keys.removed"] == "7"
    assert found.values["live_changes.live-user.added"] == "3"
    assert found.values["findings.private-key"] == "2"
    assert (found.exclude, found.rules, found.unnamed) == ((), {}, 7)


def test_a_date_that_is_none_is_no_date() -> None:
    assert described(snapshot=manifest_data()["snapshot"] | {"taken": "\x1b"}).taken == ""


@pytest.mark.parametrize("pattern", ["relative", "/", "/*", "/x\n- /etc", 7, None])
def test_a_recipe_with_impossible_patterns_is_refused(pattern: object) -> None:
    with pytest.raises(VerificationError, match=r"no configuration can have|expected a string"):
        described_with(settings={"exclude": [pattern]})


@pytest.mark.parametrize("patterns", [["/x"] * 501, ["/" + "x" * 4000] * 9])
def test_a_recipe_with_patterns_without_end_is_refused(patterns: list[str]) -> None:
    with pytest.raises(VerificationError, match="at most"):
        described_with(settings={"exclude": patterns})


def test_settings_that_are_the_same_are_not_listed() -> None:
    assert compare_settings({"a": "1"}, {"a": "1"}) == ()
