"""The table of jobs in docs/architecture.md, made from the rows of the catalogue.

`python -m tests.support.job_table --write` writes it there.
"""

import re
import sys
from pathlib import Path
from typing import Any, Final

from builder.basics.sizes import readable_size
from builder.border.jobs import JOBS, Job, Limits, Sight
from tests.support.specs import title

PAGE: Final = Path(__file__).parents[2] / "docs/architecture.md"
COMMAND: Final = "python -m tests.support.job_table --write"
_HEADING: Final = "### The jobs"
_TABLE: Final = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)


def job_table() -> str:
    """Return the table in Markdown: what each job may see and do, how much it may take, and why."""
    head = ("job", "sees", "capabilities", "limits", "why")
    rows = [head, ("---",) * len(head), *(_row(job) for job in JOBS)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def shown_table(page: str) -> str:
    """Return the table that a page has below its heading."""
    found = _TABLE.search(page, page.index(f"\n{_HEADING}\n"))
    assert found is not None, f"there is no table below {_HEADING}"
    return found[0]


def with_table(page: str) -> str:
    """Return the page with the table as it should be."""
    return page.replace(shown_table(page), job_table(), 1)


def _row(job: Job[Any, Any]) -> tuple[str, ...]:
    name, comma, kind = title(job).partition(",")
    sees = [*map(_sight, job.sees), *(["loop devices"] if job.loop_devices else []),
            *(["the devices of the target disk"] if job.disks else [])]  # fmt: skip
    return (
        f"`{name}`{comma}{kind}",
        "; ".join([*sees, *(["the network"] if job.network else [])]),
        " ".join(f"`{each}`" for each in job.capabilities),
        _limits(job.limits),
        job.why,
    )


def _sight(sight: Sight) -> str:
    optional = ", where there is one" if sight.optional else ""
    what = f"{sight.what} with what is mounted in it" if sight.with_mounts else sight.what
    return f"{what}, {'**writable**' if sight.writable else 'read-only'}{optional}"


def _limits(limits: Limits) -> str:
    quiet = f" ({limits.quiet / 3600:g} without an event)" if limits.quiet < limits.seconds else ""
    behind = "; gives way to others" if limits.processor < Limits().processor else ""
    return (
        f"{readable_size(limits.memory)}, {limits.processes} processes, "
        f"{limits.seconds / 3600:g} hours{quiet}{behind}"
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(with_table(PAGE.read_text()))
    else:
        sys.stdout.write(job_table())
