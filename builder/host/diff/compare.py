"""Compares A and B."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from builder.border.events import Event, OnEvent, StepStarted
from builder.border.labels import new_run
from builder.host.diff.files import compare_files
from builder.host.diff.growth import Sizes
from builder.host.diff.live import compare_live
from builder.host.diff.model import Kind, SideFacts, SystemDifference
from builder.host.diff.packages import compare_packages
from builder.host.diff.settings import compare_settings
from builder.host.diff.sides import (
    Cache,
    CacheSnapshot,
    Opened,
    VerifiedIso,
    opened,
    operand_of,
)
from builder.host.engine import OpenEngine
from builder.host.image.builder_image import ensure_builder
from builder.host.source.kinds import Source
from builder.host.source.scanning import scan

_LIST: Final = "list"  # the step of the containers that list


def find_difference(
    first: str,
    second: str,
    *,
    source: Source,
    open_engine: OpenEngine,
    on_event: OnEvent,
) -> SystemDifference:
    """Compare the systems that two arguments name; selectors refer to `source`.

    Nothing is written except to the engine; what is read is verified or frozen first.
    """
    sides = (operand_of(first, on_event=on_event), operand_of(second, on_event=on_event))
    engine = open_engine()
    image = ensure_builder(engine, on_event=on_event).id
    cache = None
    if any(isinstance(side, CacheSnapshot) for side in sides):
        report = scan(engine, image, source, run=new_run(), on_event=on_event)
        cache = Cache(source=source, report=report)
    described = [side.described for side in sides if isinstance(side, VerifiedIso)]
    with contextlib.ExitStack() as stack:
        before, after = (
            stack.enter_context(
                opened(
                    side,
                    engine=engine,
                    image=image,
                    cache=cache,
                    exclude=_united(each.exclude for each in described),
                    keep=_united(each.keep for each in described),
                    on_event=_placed(on_event, position),
                )
            )
            for position, side in enumerate(sides, start=1)
        )
        return compare(before, after)


def compare(before: Opened, after: Opened) -> SystemDifference:
    """Return all differences between two listings."""
    sizes, counts = Sizes(), [0, 0]
    old, new = before.inventory.packages(), after.inventory.packages()
    files = tuple(
        compare_files(
            before.inventory.entries(),
            after.inventory.entries(),
            sizes=sizes,
            counts=counts,
            rules=_rules_between(before, after),
        )
    )
    both = before.kind is Kind.ISO and after.kind is Kind.ISO
    return SystemDifference(
        before=_facts(before, packages=len(old), names=counts[0], size=sizes.totals[0]),
        after=_facts(after, packages=len(new), names=counts[1], size=sizes.totals[1]),
        settings=compare_settings(before.values, after.values) if both else (),
        packages=compare_packages(old, new),
        growth=sizes.growth(),
        files=files,
        live=compare_live(before.live, after.live),
        unnamed=0 if before.kind is after.kind else before.unnamed + after.unnamed,
    )


def _united(found: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the patterns of an ISO's own build, which then hold for a snapshot as well."""
    return tuple(dict.fromkeys(pattern for patterns in found for pattern in patterns))


def _rules_between(before: Opened, after: Opened) -> Mapping[str, str]:
    """Return what a build changed by its rules; between two ISOs each rule is on both sides."""
    if before.kind is after.kind:
        return {}
    return before.rules or after.rules


def _placed(on_event: OnEvent, position: int) -> OnEvent:
    def tell(event: Event) -> None:
        if isinstance(event, StepStarted) and event.step == _LIST:
            event = replace(event, position=position, total=2)
        on_event(event)

    return tell


def _facts(side: Opened, *, packages: int, names: int, size: int) -> SideFacts:
    return SideFacts(
        name=side.name,
        kind=side.kind,
        system=side.system,
        taken=side.taken,
        kernels=side.kernels,
        packages=packages,
        names=names,
        size=size,
        iso_size=side.iso_size,
        iso_sha256=side.iso_sha256,
    )
