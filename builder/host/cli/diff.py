"""`distroclone-builder diff`: what changed between two ISOs, two snapshots, or one of each."""

from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.border.events import Result
from builder.host.build.choice import source_in
from builder.host.cli.options import AnyPath, config_of, json_option, source_options
from builder.host.cli.surroundings import Surroundings, pass_surroundings
from builder.host.config.build_config import FlagValue
from builder.host.diff.as_markdown import markdown
from builder.host.diff.compare import find_difference
from builder.host.diff.report import headline, sections
from builder.host.diff.size_picture import pictures
from builder.host.display import choose_display
from builder.host.report.as_html import html_page
from builder.host.report.as_table import print_report
from builder.host.report.files import (
    STANDARD_OUTPUT,
    check_outputs,
    report_console,
    write_report,
)


@click.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@source_options
@click.option(
    "--html",
    type=AnyPath(dir_okay=False),
    metavar="FILE",
    help="Write an HTML page with everything, and a picture of where the size went; - is "
    "standard output.",
)
@click.option(
    "--markdown",
    "markdown_file",
    type=AnyPath(dir_okay=False),
    metavar="FILE",
    help="Write the report as Markdown, for release notes; - is standard output.",
)
@json_option
@pass_surroundings
def diff(
    surroundings: Surroundings,
    /,
    before: str,
    after: str,
    html: Path | None,
    markdown_file: Path | None,
    *,
    as_json: bool,
    **flags: FlagValue,
) -> None:
    """Show what changed from A to B.

    Each of A and B is an output folder, an ISO beside its files, or a snapshot of a cache: latest,
    cache, a number, @YYYY-MM-DD_HH:MM, or a day (YYYY-MM-DD). For a file or folder that has the
    name of a selector, write ./latest. Only the files that you ask for are written.

    \b
    Examples:
      distroclone-builder diff 2 3 --cache-image cache.img
      distroclone-builder diff old-iso iso --html changes.html
      distroclone-builder diff iso/Debian-13-xfce.iso latest --markdown -
    """
    outputs = [each for each in (html, markdown_file) if each is not None]
    check_outputs(outputs, as_json=as_json)
    config = config_of(**flags)
    with choose_display(json=as_json) as display:
        found = find_difference(
            before,
            after,
            source=source_in(config),
            open_engine=surroundings.open_engine,
            on_event=display.event,
        )
        display.close()  # nothing may draw over what is written now
        if html is not None:
            write_report(
                html, html_page(headline(found), sections(found), pictures=pictures(found.growth))
            )
        if markdown_file is not None:
            write_report(markdown_file, markdown(found))
        if as_json:
            display.event(Result(data={**to_data(found), "same": found.same}))
    if not as_json and STANDARD_OUTPUT not in outputs:
        print_report(headline(found), sections(found), report_console())
