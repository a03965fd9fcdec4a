"""Compares two ISOs region by region, and looks into the files that differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from builder.differences import PRESENCE, Difference, Explanation, explained, joined
from builder.errors import BuilderError, VerificationError
from builder.inside import medium
from builder.inside.explain.initramfs import explain_initramfs
from builder.inside.explain.parts import FirstByte, Part, first_byte, size_difference
from builder.inside.explain.regions import Region, regions
from builder.inside.explain.squashfs import explain_squashfs
from builder.inside.iso_report import Extent
from builder.inside.read_iso import files_of, partition_of
from builder.inside.system import System
from builder.plan import Problem

_INITRAMFS: Final = "live/initrd"


def explain_isos(original: Path, rebuilt: Path, *, system: System) -> Explanation:
    """Say what differs in two ISOs.

    One that cannot be read as an ISO is compared as plain bytes, and the reason given.
    """
    try:
        esp = partition_of(rebuilt, system=system)
        after = regions(rebuilt, (*files_of(rebuilt, system=system), esp))
        esp = _partition(original, esp, system=system)
        before = regions(original, (*files_of(original, system=system), esp))
    except VerificationError as error:
        return _plain(original, rebuilt, error)
    found = _Comparing(
        original=original,
        rebuilt=rebuilt,
        before=_by_name(before),
        after=_by_name(after),
        system=system,
    ).explain()
    return replace(found, differences=tuple(map(_as_text, found.differences)))


def _as_text(found: Difference) -> Difference:
    """Write what is no UTF-8 in a name as escapes, so that it can leave the container."""
    place = (name.encode("utf-8", "surrogateescape") for name in found.place)
    return replace(found, place=tuple(name.decode("utf-8", "backslashreplace") for name in place))


def _partition(original: Path, rebuilt: Extent, *, system: System) -> Extent:
    """Return the original's EFI system partition; where its GPT is damaged, it lies as in ours."""
    try:
        return partition_of(original, system=system)
    except VerificationError:
        return rebuilt


def _by_name(found: Sequence[Region]) -> Mapping[tuple[bool, str], Region]:
    return {(each.is_file, each.name): each for each in found}


def _plain(original: Path, rebuilt: Path, reason: BuilderError) -> Explanation:
    parts = [Part(file=path, start=0, size=path.stat().st_size) for path in (original, rebuilt)]
    found = size_difference(parts[0].size, parts[1].size)
    if first := first_byte(*parts):
        found.append(first.difference())
    return explained(found, remarks=(_remark(reason),))


@dataclass(slots=True, kw_only=True)
class _Comparing:
    original: Path
    rebuilt: Path
    before: Mapping[tuple[bool, str], Region]
    after: Mapping[tuple[bool, str], Region]
    system: System
    done: int = field(default=0)

    def explain(self) -> Explanation:
        """Files first, then what is around them, each in the order of the bytes."""
        keys = [*self.before, *(key for key in self.after if key not in self.before)]
        files = [self._region(key) for key in keys if key[0]]
        around = [self._region(key) for key in keys if not key[0]]
        found = [each for each in (*files, *around) if each.differences or each.remarks]
        return joined(found) if found else self._moved(keys)

    def _region(self, key: tuple[bool, str]) -> Explanation:
        before, after = self.before.get(key), self.after.get(key)
        if before is None or after is None:
            return _presence(key[1], there=after is None)
        one, other = before.part(self.original), after.part(self.rebuilt)
        first = first_byte(one, other, progress=self._progress)
        if first is None:
            return explained([])
        return self._look_into(before, one, other, first).within(before.name)

    def _look_into(self, region: Region, one: Part, other: Part, first: FirstByte) -> Explanation:
        outer = explained([*size_difference(one.size, other.size), first.difference()])
        try:
            if region.is_file and region.name == medium.SQUASHFS:
                return joined([outer, explain_squashfs(one, other, system=self.system)])
            if region.is_file and region.name.startswith(_INITRAMFS):
                return joined([outer, explain_initramfs(one, other)])
        except BuilderError as error:
            return joined([outer, explained([], remarks=(_remark(error),))])
        return outer

    def _moved(self, keys: Sequence[tuple[bool, str]]) -> Explanation:
        """Say what lies elsewhere, where nothing else differs."""
        found = [
            Difference(
                place=(key[1],),
                attribute="place",
                original=str(self.before[key].start),
                rebuilt=str(self.after[key].start),
            )
            for key in keys
            if self.before[key].start != self.after[key].start
        ]
        return explained(found)

    def _progress(self, count: int) -> None:
        self.done += count
        self.system.progress(min(self.done / max(self.original.stat().st_size, 1), 1.0))


def _remark(error: BuilderError) -> Problem:
    return Problem(message=error.message, values=tuple(error.values.items()))


def _presence(name: str, *, there: bool) -> Explanation:
    yes_no = ("yes", "no") if there else ("no", "yes")
    return explained(
        [Difference(place=(name,), attribute=PRESENCE, original=yes_no[0], rebuilt=yes_no[1])]
    )
