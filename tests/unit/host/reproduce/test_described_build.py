"""A manifest as the plan of a build: all of it checked, whoever wrote it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from builder.basics.errors import UsageError, VerificationError
from builder.formats.private_record import PrivateFile
from builder.formats.private_settings import public_data
from builder.formats.recipe import BootSettings, LiveSettings, Recipe
from builder.formats.snapshot import SnapshotKind
from builder.host.config.compression_text import PRESETS, parse_compression
from builder.host.reproduce.described_build import DescribedBuild, read_described_build
from builder.host.results.private_reader import read_private
from tests.support.results import (
    CONTENT,
    ISO,
    STEM,
    as_json,
    manifest_data,
    private_data,
    private_identity,
    row,
)

Change = Callable[[dict[str, Any]], object]

RECIPE = Recipe(
    compression=parse_compression("xz,block=256K,filters=x86+arm"),
    live=LiveSettings(user="anna", locale="de_DE.UTF-8", keyboard="de", timezone="Europe/Berlin"),
    boot=BootSettings(
        kernel_parameters=("quiet", "splash"), serial_console="ttyS0,115200", timeout_seconds=0
    ),
    exclude=("/opt/secret", "/srv/*"),
    name="Anna",
    volume_id="ANNA",
)


def content(change: Change = lambda _data: None, **record: object) -> bytes:
    data = manifest_data(private=private_identity(private_data(**record)["record"]))
    data["recipe"] = public_data(RECIPE)
    change(data)
    return json.dumps(data).encode()


def described_with(patterns: object) -> DescribedBuild:
    """Read a manifest with a private file that fits it and has these patterns."""
    private = read_private(as_json(private_data(settings={"exclude": patterns})), name="x")
    return read_described_build(
        content(settings={"exclude": patterns}), find_private=lambda _stem: private
    )


def test_a_manifest_and_its_private_file_say_all_that_a_rebuild_needs() -> None:
    described = described_with(RECIPE.exclude)
    assert described.iso == ISO
    assert described.recipe == RECIPE
    assert (described.snapshot.selector, described.snapshot.kind) == ("3", SnapshotKind.SNAPPER)
    assert described.snapshot.seconds == 1_781_706_561
    assert described.tree.digest == "sha256:" + "1" * 64
    assert (described.image.id, described.image.locked) == ("sha256:" + "0" * 64, True)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS.keys())
def test_the_recipe_of_all_defaults_is_read(preset: Any) -> None:
    recipe = Recipe(compression=preset)
    read = read_described_build(content(lambda data: data.update(recipe=public_data(recipe))))
    assert read.recipe == recipe


def of(place: str, value: object) -> Change:
    """Put a value into the manifest at a path with dots."""

    def change(data: dict[str, Any]) -> None:
        *above, last = place.split(".")
        for key in above:
            data = data[key]
        data[last] = value

    return change


def without(place: str) -> Change:
    def change(data: dict[str, Any]) -> None:
        *above, last = place.split(".")
        for key in above:
            data = data[key]
        del data[last]

    return change


HOSTILE: dict[str, tuple[Change, str]] = {
    # what would break out of a file, a command line or a menu
    "a user with a line end": (of("recipe.live.user", "a\nroot"), "not a valid user name"),
    "a system's user": (of("recipe.live.user", "root"), "belongs to the system"),
    "a shell in the full name": (of("recipe.live.full_name", "$(reboot)"), "full name"),
    "a kernel parameter that ends the menu entry": (
        of("recipe.boot.kernel_parameters", ["quiet }\nmenuentry x {"]), "kernel parameter",
    ),
    "kernel parameters without end": (
        of("recipe.boot.kernel_parameters", ["x" * 150] * 20), "at most 1024",
    ),
    "a timeout of days": (of("recipe.boot.timeout_seconds", 10**9), "Invalid timeout"),
    "a timeout that is a truth": (
        of("recipe.boot.timeout_seconds", True), "expected a whole number",
    ),
    "a name that climbs": (of("recipe.name", "../../etc/x"), "not a valid file name"),
    "a volume id with a quote": (of("recipe.volume_id", 'A"B'), "recipe.volume_id"),
    "an exclude that is published": (of("recipe.exclude", ["/x"]), "exclude: is never published"),
    "a text of megabytes": (of("recipe.live.hostname", "a" * 5_000_000), "is too long"),
    "an unknown key": (of("recipe.live.shell", "/bin/sh"), 'know: "recipe.live.shell"'),
    "an unknown key of the recipe": (of("recipe.run", "reboot"), 'know: "recipe.run"'),
    "a list in place of a text": (of("recipe.live.user", ["a"]), "found a list"),
    "a recipe with a list of lists": (of("recipe.live.groups", [["a"]]), "found a list"),
    "a fraction": (of("recipe.boot.timeout_seconds", 1.5), "expected a whole number"),
    "an escape sequence": (of("recipe.live.hostname", "\x1b[2Jx"), "not a valid host name"),
    # what contradicts itself
    "a preset with another level": (of("recipe.compression.level", 22), "contradicts itself"),
    "a block size of its own": (of("recipe.compression.block_size", 3), "contradicts itself"),
    "an unknown preset": (of("recipe.compression.name", "best"), "Unknown compression"),
    "a compression with a flag": (
        of("recipe.compression.name", "zstd,level=3 -e /etc"), "level",
    ),
    "an unknown key of the compression": (
        of("recipe.compression.argv", "-e"), 'not know: "recipe.compression.argv"'
    ),
    "an unknown key of the manifest": (of("weather\x1b[2J", "fine"), 'not know: "weather"'),
    "an unknown key of a row": (of("image.tag", "x"), 'not know: "image.tag"'),
    "a setting missing": (without("recipe.live.user"), 'is incomplete: "recipe.live.user"'),
    "a setting of null": (of("recipe.live.user", None), "recipe.live.user: expected a string"),
    "no compression": (without("recipe.compression"), "recipe.compression: missing"),
    "a date that gives another epoch": (
        of("snapshot.taken", "2026-06-18T14:29:21Z"), "contradicts itself",
    ),
    "an epoch of another date": (of("source_date_epoch", 4), "contradicts itself"),
    "a number of another snapshot": (of("snapshot.number", 4), '"snapshot" is not what'),
    "a number of a snapshot without one": (of("snapshot.kind", "raw"), '"snapshot" is not what'),
    # what is no such thing
    "a selector that climbs": (of("snapshot.selector", "../../x"), '"snapshot" is not what'),
    "a kind that is none": (of("snapshot.kind", "magic"), "snapshot.kind: 'magic' is not"),
    "a kind that is a list": (of("snapshot.kind", []), "snapshot.kind: [] is not"),
    "a date that is none": (of("snapshot.taken", "yesterday"), '"snapshot" is not what'),
    "a date written otherwise": (of("snapshot.taken", "2026-6-17T14:29:21Z"), '"snapshot" is not'),
    "a date before 1970": (of("snapshot.taken", "1969-06-17T14:29:21Z"), "contradicts itself"),
    "a description": (of("snapshot.description", "weekly"), 'know: "snapshot.description"'),
    "an unknown key of the snapshot": (of("snapshot.path", "/"), 'not know: "snapshot.path"'),
    "a snapshot without a date": (without("snapshot.taken"), "snapshot.taken: missing"),
    "no source": (without("source"), "does not name its source tree"),
    "a source that is a text": (of("source", "x"), "source: expected an object"),
    "a source of null": (of("source", None), "source: must be left out"),
    "a digest that is none": (of("source.digest", "sha256:x"), '"source" is not what a build'),
    "a digest that is an option": (of("image.id", "--privileged"), '"image" is not what a build'),
    "an image's name": (of("image.id", "debian:latest"), '"image" is not what a build'),
    "an image that is locked as a text": (of("image.locked", "yes"), "image.locked: expected"),
    "no ISO": (of("artefacts", [row("x.json", b"")]), "lists 0 ISOs"),
    "two ISOs": (
        of("artefacts", [row(ISO, CONTENT), row("other.iso", CONTENT)]), "lists 2 ISOs",
    ),
    "an ISO that climbs": (of("artefacts", [row("../../x.iso", CONTENT)]), "has an invalid path"),
    "a newer format": (of("format", 3), "made by a newer version"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_no_build_writes_is_refused(change: Change, reason: str) -> None:
    with pytest.raises(VerificationError) as caught:
        read_described_build(content(change))
    assert reason in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 1000


PATTERNS: dict[str, tuple[object, str]] = {
    "more than anybody needs": (["/x"] * 501, "at most 500"),
    "without end": (["/" + "x" * 4000] * 9, "at most 32768"),
    "no root": (["../x"], "not a valid exclude"),
    "everything": (["/**"], "excludes everything"),
    "a line end": (["/a\n+ /root"], "exclude"),
    "a list of lists": ([["/a"]], "found a list"),
}


@pytest.mark.parametrize(("patterns", "reason"), PATTERNS.values(), ids=PATTERNS.keys())
def test_patterns_of_a_private_file_are_those_of_a_config(patterns: object, reason: str) -> None:
    with pytest.raises(VerificationError) as caught:
        described_with(patterns)
    assert reason in str(caught.value)


def test_without_the_private_file_it_is_said_what_is_missing() -> None:
    whole = content(settings={"exclude": ["/srv/acme"]})
    with pytest.raises(UsageError, match="settings that its manifest does not name") as no:
        read_described_build(whole)
    assert f"{STEM}.private.json" in no.value.advice
    assert "--private" in no.value.advice


def test_a_private_file_is_asked_for_only_where_it_is_needed() -> None:
    def asked(_stem: str) -> PrivateFile:
        raise AssertionError

    assert read_described_build(content(), find_private=asked).recipe.exclude == ()


def test_a_setting_that_is_not_private_cannot_come_from_a_private_file() -> None:
    settings = {"live.user": ["root"]}
    private = read_private(as_json(private_data(settings=settings)), name="x")
    with pytest.raises(VerificationError, match=r"live\.user: not a private setting"):
        read_described_build(content(settings=settings), find_private=lambda _stem: private)


def test_a_manifest_that_is_cut_off_anywhere_is_refused() -> None:
    whole = content()
    for end in range(0, len(whole), 97):
        with pytest.raises(VerificationError, match="is not JSON"):
            read_described_build(whole[:end])


def test_one_bit_anywhere_gives_a_plan_or_a_verdict_and_nothing_else() -> None:
    whole = content()
    for position in range(0, len(whole), 3):
        spoilt = bytearray(whole)
        spoilt[position] ^= 1 << position % 8
        try:
            read_described_build(bytes(spoilt))
        except VerificationError:
            continue
