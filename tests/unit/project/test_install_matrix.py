"""The page's table of installations: its cases are those that can be run, and no row is made up."""

from builder.border.boot_test import Accelerator, InstallTestResult
from tests.support.install_matrix import CASES, PAGE, row, rows_of, written

RESULT = InstallTestResult(
    install_seconds=201.4,
    boot_seconds=59.6,
    accelerator=Accelerator.TCG,
    report="",
    failed_units=(),
    state="running",
    written=1_140_000_000,
)


def test_the_page_has_each_case_and_no_other() -> None:
    page = PAGE.read_text("utf-8")
    assert written(page, {}) == page
    assert list(rows_of(page))[2:] == [case.name for case in CASES]


def test_a_new_row_replaces_the_old_one_and_leaves_the_others() -> None:
    page = PAGE.read_text("utf-8")
    first, second = CASES[:2]
    new = row(first, RESULT, day="2026-11-27")
    assert new == "201 s | 60 s | 1.1 GB | running | 2026-11-27 |"
    rows = rows_of(written(page, {first.name: new}))
    assert rows[first.name] == new
    assert rows[second.name] == rows_of(page)[second.name]
