"""`distroclone-builder privacy`: what of a system would leave the house in an ISO."""

from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.basics.errors import ExitCode
from builder.border.events import Result
from builder.host.command_line.options import (
    AnyPath,
    config_of,
    json_option,
    setting_option,
    source_options,
)
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.config import settings
from builder.host.config.build_config import FlagValue
from builder.host.display import choose_display
from builder.host.privacy.examine import examine
from builder.host.privacy.report import by_rule, headline, sections
from builder.host.report.as_html import html_page
from builder.host.report.as_table import print_report
from builder.host.report.outputs import (
    STANDARD_OUTPUT,
    check_outputs,
    report_console,
    write_report,
)
from builder.host.sent.sending import at_engine


@click.command()
@setting_option(settings.SNAPSHOT)
@source_options
@click.option(
    "--config",
    "config_file",
    type=AnyPath(dir_okay=False),
    metavar="FILE",
    help="A build.yaml: its exclude, keep and privacy.allow hold.",
)
@click.option(
    "--html",
    type=AnyPath(dir_okay=False),
    metavar="FILE",
    help="Write an HTML page with everything; - is standard output.",
)
@json_option
@pass_surroundings
def privacy(
    surroundings: Surroundings,
    /,
    config_file: Path | None,
    html: Path | None,
    *,
    as_json: bool,
    **flags: FlagValue,
) -> int:
    """Show what of a system, and what private, would be in an ISO.

    Prepares, cleans and searches the system as a build does, and builds nothing. Exits with 7 if a
    build would stop. The report names paths: it is for you, not for others.

    \b
    Examples:
      distroclone-builder privacy latest
      distroclone-builder privacy 7 --cache-image cache.img --html privacy.html
      distroclone-builder privacy --tree /mnt/disk --config build.yaml
    """
    outputs = [html] if html is not None else []
    check_outputs(outputs, as_json=as_json)
    config = config_of(config_file, **flags)
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        config = at_engine(config, engine, on_event=display.event)
        found = examine(config, engine, on_event=display.event)
        display.close()  # nothing may draw over what is written now
        title, parts = headline(found.selector, found.report), sections(found.report)
        if html is not None:
            write_report(html, html_page(title, parts, pictures={}))
        if as_json:
            counts = by_rule(found.report.findings)
            display.event(Result(data={**to_data(found.report), "found": counts}))
    if not as_json and STANDARD_OUTPUT not in outputs:
        print_report(title, parts, report_console())
    return ExitCode.PRIVATE if by_rule(found.report.findings) else ExitCode.DONE
