"""`distroclone-builder snapshots` and `browse`: what a cache has, and what a snapshot has."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from builder.basics.codec import to_data
from builder.basics.texts import render, say
from builder.border.cache_report import CacheReport, Candidate, Problem
from builder.border.labels import new_run
from builder.host.backup.browsing import browse as browse_snapshot
from builder.host.backup.browsing import listing_text
from builder.host.build.choice import source_in
from builder.host.command_line.options import (
    answer,
    cache_folder,
    config_of,
    json_option,
    setting_option,
    source_options,
)
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.config import settings
from builder.host.config.build_config import FlagValue
from builder.host.display import choose_display
from builder.host.image.builder_image import ensure_builder
from builder.host.sent.sending import at_engine
from builder.host.source.local_zone import local_zone
from builder.host.source.scanning import scan
from builder.host.source.selection import label, local_time

_PIPE_WIDTH: Final = 200  # columns, for whoever reads a pipe


@click.command()
@source_options
@json_option
@pass_surroundings
def snapshots(surroundings: Surroundings, /, *, as_json: bool, **flags: FlagValue) -> None:
    """List what can be built, and why the rest cannot.

    \b
    Examples:
      distroclone-builder snapshots
      distroclone-builder snapshots --cache-image cache.img --json
    """
    config = config_of(**flags)
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        image = ensure_builder(engine, on_event=display.event)
        source = source_in(at_engine(config, engine, on_event=display.event))
        report = scan(engine, image.id, source, run=new_run(), on_event=display.event)
        answer(display, label(report), to_data(_worded(report)) | {"label": label(report)})
    if not as_json:
        _show(report)


@click.command()
@click.argument("selector")
@click.argument("path", default="/")
@click.option(
    "--find",
    "pattern",
    metavar="PATTERN",
    help="What has such a name, at any depth, e.g. fstab, '*.odt' or '/home/*/letter*'.",
)
@click.option(
    "--changed-since",
    metavar="SELECTOR",
    help="Only what came, changed or went since that snapshot, at any depth.",
)
@setting_option(settings.CACHE)
@json_option
@pass_surroundings
def browse(
    surroundings: Surroundings,
    /,
    selector: str,
    path: str,
    pattern: str | None,
    changed_since: str | None,
    cache: Path | None,
    *,
    as_json: bool,
) -> None:
    """List what is in a snapshot, and change nothing.

    PATH is in the system, e.g. /etc/ssh; without one it is the top.

    \b
    Examples:
      distroclone-builder browse latest /home/alice
      distroclone-builder browse 2026-06-17 --find '*.odt'
      distroclone-builder browse latest /etc --changed-since 3
    """
    with choose_display(json=as_json) as display:
        snapshot, listing = browse_snapshot(
            cache_folder(cache),
            selector,
            path,
            surroundings.open_engine(),
            pattern=pattern,
            since=changed_since,
            on_event=display.event,
        )
        text = listing_text(listing, zone=local_zone())
        answer(display, text, {**to_data(listing), "selector": snapshot.selector})


def _worded(report: CacheReport) -> CacheReport:
    """Return the report with finished sentences, as all JSON for programs has them."""
    return replace(
        report,
        candidates=tuple(
            replace(each, problems=tuple(map(_finished, each.problems)))
            for each in report.candidates
        ),
        skipped=tuple(replace(each, reason=_finished(each.reason)) for each in report.skipped),
        warnings=tuple(map(_finished, report.warnings)),
    )


def _finished(problem: Problem) -> Problem:
    values = dict(problem.values)
    return Problem(message=render(problem.message, values), hint=render(problem.hint, values))


def _show(report: CacheReport) -> None:
    is_terminal = sys.stdout.isatty()
    console = Console(highlight=False, soft_wrap=True, width=None if is_terminal else _PIPE_WIDTH)
    console.print(_table(report))
    for skipped in report.skipped:
        reason = _reason(skipped.reason)
        console.print(escape(say("Skipped {path}: {reason}", path=skipped.path, reason=reason)))
    for warning in report.warnings:
        console.print(escape(say("Warning: {warning}", warning=_reason(warning))))


def _table(report: CacheReport) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in (say("SELECTOR"), say("TAKEN"), say("KERNELS")):
        table.add_column(title, no_wrap=True)
    table.add_column(say("SYSTEM"))
    table.add_column(say("STATE"))
    for candidate in report.candidates:
        taken = local_time(report, candidate, zone=local_zone())
        system = candidate.system
        table.add_row(
            escape(candidate.selector),
            f"{taken:%Y-%m-%d %H:%M}",
            escape("\n".join(system.kernels)) if system else "-",
            escape(system.pretty_name) if system else "-",
            escape(_state(candidate)),
        )
    return table


def _state(candidate: Candidate) -> str:
    if candidate.complete:
        return say("complete")
    return "; ".join(_reason(problem) for problem in candidate.problems)


def _reason(problem: Problem) -> str:
    return render(problem.message, dict(problem.values))
