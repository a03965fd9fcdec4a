"""Compares two ISOs region by region, and looks into the files that differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, VerificationError
from builder.border.cache_report import Problem
from builder.border.differences import PRESENCE, Difference, Explanation, explained, joined
from builder.inside.explain.initramfs import explain_initramfs
from builder.inside.explain.parts import FirstByte, Part, first_byte, size_difference
from builder.inside.explain.regions import Region, partition_tables, regions
from builder.inside.explain.squashfs import explain_squashfs
from builder.inside.iso.iso_report import Extent
from builder.inside.iso.read_iso import files_of, partition_of
from builder.inside.medium import identity as medium
from builder.inside.system.system import System

_INITRAMFS: Final = "live/initrd"
_CAUSES: Final = (*medium.IMAGES, _INITRAMFS, "live/", medium.GRUB_CONFIG)
_MOVED: Final = Problem(
    message="Some contents have moved, so everything that records where they are (partition "
    "tables, volume descriptors, directories, the boot image) differs as well"
)


def explain_isos(original: Path, rebuilt: Path, *, system: System) -> Explanation:
    """Say what differs in two ISOs.

    If one of them cannot be read as an ISO, they are compared as plain bytes, with a remark.
    """
    try:
        esp = partition_of(rebuilt, system=system)
        tables = partition_tables(rebuilt)
        after = regions(rebuilt, (*files_of(rebuilt, system=system), esp), tables)
        esp = _partition(original, esp, system=system)
        found = partition_tables(original)
        if len(found) == len(
            tables
        ):  # else it is damaged, and assumed to be where the rebuilt one is
            tables = found
        before = regions(original, (*files_of(original, system=system), esp), tables)
    except VerificationError as error:
        return _plain(original, rebuilt, error)
    explanation = _Comparing(
        original=original,
        rebuilt=rebuilt,
        before=_by_name(before),
        after=_by_name(after),
        system=system,
    ).explain()
    shown = tuple(map(_as_text, explanation.differences))
    return replace(explanation, differences=shown)


def _as_text(found: Difference) -> Difference:
    """Escape what is not UTF-8 in a name, so that it can leave the container."""
    place = (name.encode("utf-8", "surrogateescape") for name in found.place)
    return replace(found, place=tuple(name.decode("utf-8", "backslashreplace") for name in place))


def _partition(original: Path, rebuilt: Extent, *, system: System) -> Extent:
    """Return the EFI system partition of the original, or of the rebuild if the GPT is damaged."""
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
        """Compare files first, causes before consequences, then the regions around them."""
        keys = [*self.before, *(key for key in self.after if key not in self.before)]
        files = sorted((key for key in keys if key[0]), key=_rank)
        around = [key for key in keys if not key[0]]
        moved = self._moved(keys)
        if moved.differences:  # then gaps grow and shrink, which is not informative
            around = [key for key in around if not self._is_space(key)]
        regions = (self._region(key) for key in (*files, *around))
        found = [each for each in regions if each.differences or each.remarks]
        if not found:
            return moved
        return joined([*found, explained([], remarks=(_MOVED,))] if moved.differences else found)

    def _is_space(self, key: tuple[bool, str]) -> bool:
        return (self.before.get(key) or self.after[key]).is_space

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
            if region.is_file and region.name in medium.IMAGES:
                return joined([outer, explain_squashfs(one, other, system=self.system)])
            if region.is_file and region.name.startswith(_INITRAMFS):
                return joined([outer, explain_initramfs(one, other)])
        except BuilderError as error:
            return joined([outer, explained([], remarks=(_remark(error),))])
        return outer

    def _moved(self, keys: Sequence[tuple[bool, str]]) -> Explanation:
        """Return what lies at another offset."""
        found = [
            Difference(
                place=(key[1],),
                attribute="place",
                original=str(self.before[key].start),
                rebuilt=str(self.after[key].start),
            )
            for key in keys
            if key in self.before and key in self.after
            if self.before[key].start != self.after[key].start
        ]
        return explained(found)

    def _progress(self, count: int) -> None:
        self.done += count
        self.system.progress(min(self.done / max(self.original.stat().st_size, 1), 1.0))


def _remark(error: BuilderError) -> Problem:
    return Problem(message=error.message, values=tuple(error.values.items()))


def _rank(key: tuple[bool, str]) -> int:
    """Order files: the first ones determine the medium's id, and with it much else."""
    return next((at for at, start in enumerate(_CAUSES) if key[1].startswith(start)), len(_CAUSES))


def _presence(name: str, *, there: bool) -> Explanation:
    yes_no = ("yes", "no") if there else ("no", "yes")
    return explained(
        [Difference(place=(name,), attribute=PRESENCE, original=yes_no[0], rebuilt=yes_no[1])]
    )
