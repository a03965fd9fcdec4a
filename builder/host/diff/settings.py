"""The parts of a manifest worth comparing: settings, tools, image, and what a build changed.

It has passed `manifest_reader`, so its values have the right types, but may contain any text.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from builder.basics.codec import Place, shown, to_data
from builder.basics.errors import BuilderError, VerificationError
from builder.basics.printable import short
from builder.formats.inventory import InstalledPackage
from builder.formats.manifest import Manifest
from builder.formats.package import Package
from builder.formats.private_record import PrivateFile
from builder.host.config import checks
from builder.host.diff.model import SettingChange
from builder.host.results.manifest_reader import ReadManifest

_COMPARED: Final = (
    "boot_chain", "builder", "image", "private", "recipe", "snapshot", "source", "tools",
    "volume_id",
)  # fmt: skip
_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}):[0-9]{2}Z")
_LONGEST: Final = 200  # characters
_MOST: Final = 2000  # values of one manifest; ours has about 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a manifest says of its ISO."""

    values: Mapping[str, str]  # "recipe.compression.level": "9"
    system: str
    taken: str
    kernels: tuple[str, ...]
    exclude: tuple[str, ...]  # rsync patterns of the build's own config, where they are known
    keep: tuple[str, ...]  # of what it took although it is data, likewise
    rules: Mapping[str, str]  # by path, what changed it in the build, where that is known
    stack: tuple[InstalledPackage, ...] | None  # what each initramfs was made with, where known
    unnamed: int  # changes and patterns that are only counted, for want of the private file


def describe(manifest: ReadManifest, private: PrivateFile | None) -> Described:
    """Return what it says, and what its private file says if that is here.

    Raises VerificationError for patterns that no config can hold.
    """
    said = manifest.said
    record = private.record if private else None
    settings = record.settings if record else {}
    return Described(
        values=dict(islice(_values(manifest), _MOST)),
        system=short(said.system.pretty_name),
        taken=_taken(said.snapshot.taken),
        kernels=tuple(short(each) for each in said.system.kernels),
        exclude=_patterns(settings.get("exclude", ())),
        keep=_patterns(settings.get("keep", ())),
        rules={each.path: short(each.rule) for each in record.changes} if record else {},
        stack=None if said.live_stack is None else tuple(map(_installed, said.live_stack)),
        unnamed=0 if record else _unnamed(said),
    )


def compare_settings(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[SettingChange, ...]:
    """Return what is not the same, sorted by name."""
    return tuple(
        SettingChange(name=name, before=before.get(name, ""), after=after.get(name, ""))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _values(manifest: ReadManifest) -> Iterator[tuple[str, str]]:
    """Yield every value that is compared, with its place, as far as it is written there."""
    for name in _COMPARED:
        for place, value in _flat(to_data(getattr(manifest.said, name)), (name,)):
            if place not in manifest.absent and value is not None:
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                yield _shown(place), short(text, longest=_LONGEST)
    for name, counts in (
        ("changes", manifest.said.changes),
        ("live_changes", manifest.said.live_changes),
    ):
        for count in counts or ():
            yield _shown((name, count.rule, count.change.value)), str(count.count)
    for found in manifest.said.findings or ():
        yield _shown(("findings", found.rule)), str(found.count)
    if manifest.own_private is not None:
        yield "snapshot.description", short(manifest.own_private.description, longest=_LONGEST)
    for each in manifest.unknown:
        if each.place[0] in _COMPARED:
            yield _shown(each.place), short(each.text, longest=_LONGEST)


def _installed(package: Package) -> InstalledPackage:
    return InstalledPackage(
        name=package.name,
        architecture=package.architecture,
        version=package.version,
        installed_size=0,
    )


def _unnamed(said: Manifest) -> int:
    patterns = said.private.settings.values() if said.private else ()
    return sum(each.count for each in said.changes or ()) + sum(patterns)


def _flat(value: object, place: Place) -> Iterator[tuple[Place, object]]:
    """Yield every value with the keys that lead to it; a list is one value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, (*place, name))
    else:
        yield place, value


def _shown(place: Place) -> str:
    return short(shown(place), longest=_LONGEST)


def _taken(value: str) -> str:
    """Return "2026-06-17 14:29 UTC" for the manifest's "2026-06-17T14:29:21Z"."""
    found = _TIME.fullmatch(value)
    return f"{found[1]} {found[2]} UTC" if found else ""


def _patterns(values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return checks.excludes(tuple(checks.exclude(each) for each in values))
    except BuilderError as error:
        raise VerificationError(
            "The build has a pattern that no configuration can have: {reason}",
            reason=error,
        ) from error
