"""What every form of a report shows: titles, words and tables.

All text in it is printable; each form still has to escape what means something in it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table."""

    title: str
    number: bool = False  # aligned to the right


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table, and lines that belong below it."""

    cells: tuple[str, ...]
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of the report; where it has no rows, the words say all."""

    name: str  # the same in every language
    title: str
    words: str = ""
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
