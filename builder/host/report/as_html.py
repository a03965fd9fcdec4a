"""A report as one HTML page that loads nothing and runs nothing.

Every text passes `escape`, and the page's own policy forbids scripts and whatever lies elsewhere.
All reports have this one page, which is too few for a template engine.
"""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from importlib import resources
from typing import Final

from builder.basics.texts import say
from builder.host.report.sections import Row, Section

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_OPEN_ROWS: Final = 60  # a longer table is folded
_OPEN_LINES: Final = 8  # so are more lines below a row
_LINES: Final = {"+": "added", "-": "removed", "@": "place"}


def html_page(headline: str, sections: Iterable[Section], *, pictures: Mapping[str, str]) -> str:
    """Return the page; `pictures` are HTML, by the name of the section that they stand in."""
    style = resources.files("builder").joinpath("data/report.css").read_text("utf-8")
    title = escape(headline)
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            f"<style>\n{style}</style>",
            "</head>",
            "<body>",
            f"<header><h1>{title}</h1></header>",
            "<main>",
            *(part for each in sections for part in _section(each, pictures)),
            "</main>",
            "</body>",
            "</html>",
            "",
        )
    )


def _section(section: Section, pictures: Mapping[str, str]) -> Iterator[str]:
    yield f'<section id="{section.name}">'
    yield f"<h2>{escape(section.title)}</h2>"
    if section.words:
        yield f"<p>{escape(section.words)}</p>"
    if section.name in pictures:
        yield pictures[section.name]
    if len(section.rows) > _OPEN_ROWS:
        summary = say("{count} rows", count=len(section.rows))
        yield f"<details><summary>{escape(summary)}</summary>"
        yield from _rows(section)
        yield "</details>"
    elif section.rows:
        yield from _rows(section)
    yield "</section>"


def _rows(section: Section) -> Iterator[str]:
    yield '<div class="wide"><table>'
    heads = (
        f'<th scope="col"{_number(column.number)}>{escape(column.title.capitalize())}</th>'
        for column in section.columns
    )
    yield f"<thead><tr>{''.join(heads)}</tr></thead>"
    yield "<tbody>"
    for row in section.rows:
        yield from _row(section, row)
    yield "</tbody></table></div>"


def _row(section: Section, row: Row) -> Iterator[str]:
    cells = (
        f"<td{_number(column.number)}>{escape(cell)}</td>"
        for column, cell in zip(section.columns, row.cells, strict=True)
    )
    yield f"<tr>{''.join(cells)}</tr>"
    if row.details:
        text = f"<pre>{''.join(_line(line) for line in row.details)}</pre>"
        if len(row.details) > _OPEN_LINES:
            summary = escape(say("{count} lines", count=len(row.details)))
            text = f"<details><summary>{summary}</summary>{text}</details>"
        columns = len(section.columns) - 1
        yield f'<tr class="details"><td></td><td colspan="{columns}">{text}</td></tr>'


def _line(line: str) -> str:
    kind = _LINES.get(line[:1], "same")
    return f'<span class="{kind}">{escape(line)}\n</span>'


def _number(number: bool) -> str:
    return ' class="number"' if number else ""
