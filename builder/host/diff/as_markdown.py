"""The report as Markdown (CommonMark with GitHub's tables), for a release note.

Whatever comes from a system stands in code spans, in which nothing means anything but backticks
and, in a table, the bar.
"""

import re
from collections.abc import Iterator

from builder.host.diff.model import SystemDifference
from builder.host.diff.report import headline, sections
from builder.host.report.sections import Row, Section


def markdown(difference: SystemDifference) -> str:
    """Return the report."""
    lines = [f"# {_code(headline(difference))}"]
    for section in sections(difference):
        lines += ["", f"## {section.title}"]
        if section.words:
            lines += ["", section.words]
        if section.rows:
            lines += ["", *_table(section)]
    return "\n".join(lines) + "\n"


def _table(section: Section) -> Iterator[str]:
    yield _line(column.title.capitalize() for column in section.columns)
    yield _line("---:" if column.number else "---" for column in section.columns)
    for row in section.rows:
        yield _line(_cells(section, row))


def _cells(section: Section, row: Row) -> Iterator[str]:
    for position, (column, cell) in enumerate(zip(section.columns, row.cells, strict=True)):
        ours = column.number or (section.name == "compared" and position == 0)
        yield cell if ours or not cell else _code(cell)


def _line(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    """Return a code span that shows just `text`: its fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{padding}{text}{padding}{fence}".replace("|", "\\|")
