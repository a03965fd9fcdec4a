"""A report for a terminal or a pipe."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from builder.basics.texts import say
from builder.host.report.sections import Row, Section

_MOST_ROWS: Final = 40  # of a section; the other forms have all
_MOST_DETAILS: Final = 12  # lines below a row
_STYLES: Final = {"+": "green", "-": "red", "@": "cyan"}


def print_report(headline: str, sections: Iterable[Section], console: Console) -> None:
    """Print the report; long parts are cut, which is said."""
    console.print(Text(headline, style="bold"))
    for section in sections:
        console.print()
        console.print(Text(section.title, style="bold"))
        if section.words:
            console.print(Text(section.words))
        _print_rows(section, console)


def _print_rows(section: Section, console: Console) -> None:
    shown = section.rows[:_MOST_ROWS]
    if any(row.details for row in shown):
        for row in shown:
            _print_row(row, console)
    elif shown:
        console.print(_table(section, shown))
    if len(section.rows) > len(shown):
        rest = len(section.rows) - len(shown)
        console.print(Text(say("… and {count} more; --html and --json list them all", count=rest)))


def _table(section: Section, rows: tuple[Row, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in section.columns:
        table.add_column(
            Text(column.title), justify="right" if column.number else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.cells))
    return table


def _print_row(row: Row, console: Console) -> None:
    console.print(Text(" ".join(cell for cell in row.cells if cell)))
    for line in row.details[:_MOST_DETAILS]:
        console.print(Text(f"    {line}", style=_STYLES.get(line[:1], "")))
    if len(row.details) > _MOST_DETAILS:
        rest = len(row.details) - _MOST_DETAILS
        console.print(Text("    " + say("… and {count} more lines", count=rest)))
