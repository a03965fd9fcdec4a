"""What would leave the house and what would not, as titles, words and tables.

It never shows anything private but names of paths, which are for whoever owns the source.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from builder.basics.printable import short
from builder.basics.sizes import readable_size
from builder.basics.texts import render, say
from builder.border.privacy import KIND_OF, Finding, LeftOut, PrivacyReport, Stayed
from builder.host.report.sections import Column, Row, Section

_LONGEST_PATH: Final = 500  # characters


def headline(selector: str, report: PrivacyReport) -> str:
    """Return the report's title, which is the answer."""
    count = sum(each.allowed is None for each in report.findings)
    if count:
        return say("{selector}: private things that would be in the ISO: {count}",
                   selector=selector, count=count)  # fmt: skip
    return say("{selector}: nothing private was found in what would be in the ISO",
               selector=selector)  # fmt: skip


def sections(report: PrivacyReport) -> tuple[Section, ...]:
    """Return the parts of the report in their order; findings first."""
    parts = (
        _findings(report.findings),
        _allowed(report.findings),
        _left_out(report.left_out),
        _stayed(report.stayed),
        _removed(report),
    )
    return tuple(part for part in parts if part.words or part.rows)


def _findings(findings: tuple[Finding, ...]) -> Section:
    found = [each for each in findings if each.allowed is None]
    words = say("A build stops at these. The path is shown, never what stands there.")
    return Section(
        name="findings",
        title=say("Found"),
        words=words if found else say("Nothing. What was searched for: docs/privacy.md"),
        columns=(
            Column(title=say("PATH")),
            Column(title=say("RULE")),
            Column(title=say("WHY")),
            Column(title=say("WHAT TO DO")),
        ),
        rows=tuple(_finding(each) for each in found),
    )


def _finding(finding: Finding) -> Row:
    kind = KIND_OF.get(finding.rule)
    return Row(
        cells=(
            place_of(finding),
            finding.rule,
            render(kind.message, {"path": "…"}) if kind else "",
            render(kind.hint, {}) if kind else "",
        )
    )


def place_of(finding: Finding) -> str:
    """Return where a finding is, for people."""
    path = f"{finding.path} → {finding.member}" if finding.member else finding.path
    where = path if finding.where == "system" else f"{path} ({finding.where})"
    return short(where, longest=_LONGEST_PATH)


def _allowed(findings: tuple[Finding, ...]) -> Section:
    found = [each for each in findings if each.allowed is not None]
    return Section(
        name="allowed",
        title=say("Allowed by build.yaml"),
        columns=(
            Column(title=say("PATH")),
            Column(title=say("RULE")),
            Column(title=say("REASON GIVEN")),
        ),
        rows=tuple(
            Row(cells=(place_of(each), each.rule, short(each.allowed or ""))) for each in found
        ),
    )


def _left_out(left_out: tuple[LeftOut, ...]) -> Section:
    largest = sorted(left_out, key=lambda each: (-each.size, each.path))
    return Section(
        name="left-out",
        title=say("Stays at home"),
        words=say(
            "{size} in {count} places are not copied. To take one along, name it in build.yaml, "
            "for example: keep: [/srv/www]",
            size=readable_size(sum(each.size for each in left_out)),
            count=len(left_out),
        )
        if left_out
        else "",
        columns=(
            Column(title=say("SIZE"), number=True),
            Column(title=say("FILES"), number=True),
            Column(title=say("PATH")),
            Column(title=say("WHY")),
        ),
        rows=tuple(
            Row(cells=(*_measured(each), short(each.path, longest=_LONGEST_PATH), each.rule))
            for each in largest
        ),
    )


def _stayed(stayed: tuple[Stayed, ...]) -> Section:
    largest = sorted(stayed, key=lambda each: (-each.size, each.path))
    return Section(
        name="stayed",
        title=say("Goes along, though no package owns it"),
        words=say("To leave one at home, name it in build.yaml, for example: exclude: [/opt/games]")
        if stayed
        else "",
        columns=(
            Column(title=say("SIZE"), number=True),
            Column(title=say("FILES"), number=True),
            Column(title=say("PATH")),
        ),
        rows=tuple(
            Row(
                cells=(
                    readable_size(each.size),
                    str(each.entries),
                    short(each.path, longest=_LONGEST_PATH),
                )
            )
            for each in largest
        ),
    )


def _measured(each: LeftOut) -> tuple[str, str]:
    least = "" if each.whole else "≥ "
    return f"{least}{readable_size(each.size)}", f"{least}{each.entries}"


def _removed(report: PrivacyReport) -> Section:
    return Section(
        name="removed",
        title=say("Cut by the rules"),
        columns=(Column(title=say("RULE")), Column(title=say("PATHS"), number=True)),
        rows=tuple(Row(cells=(rule, str(count))) for rule, count in sorted(report.removed.items())),
    )


def by_rule(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many findings of each rule are not allowed."""
    return dict(sorted(Counter(each.rule for each in findings if each.allowed is None).items()))
