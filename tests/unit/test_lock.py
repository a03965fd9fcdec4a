"""The refresh of the lock file changes versions and nothing else."""

import pytest

from builder.host.lock import LockChange, renew
from builder.host.resources import containers_folder

_LOCK = """\
# Tools that decide bytes; xorriso=old is only a comment.

mtools=4.0.48-1
squashfs-tools=1:4.6.1-1
xorriso=1.5.6-1.2+b1
"""


def test_a_new_version_takes_the_place_of_the_old_one() -> None:
    text, changes = renew(_LOCK, {"mtools": "4.0.48-1", "squashfs-tools": "1:4.7-2~deb13u1"})
    assert text == _LOCK.replace("1:4.6.1-1", "1:4.7-2~deb13u1")
    assert changes == (
        LockChange(name="squashfs-tools", before="1:4.6.1-1", after="1:4.7-2~deb13u1"),
    )


@pytest.mark.parametrize(
    "found", [{}, {"xorriso": "1.5.6-1.2+b1"}, {"not-in-the-lock": "1.0"}, {"# Tools": "1.0"}]
)
def test_what_is_not_news_changes_nothing(found: dict[str, str]) -> None:
    assert renew(_LOCK, found) == (_LOCK, ())


def test_every_tool_of_the_real_lock_can_be_renewed() -> None:
    lock = (containers_folder() / "packages.lock").read_text("utf-8")
    names = [line.split("=")[0] for line in lock.splitlines() if not line.startswith("#")]
    text, changes = renew(lock, dict.fromkeys(names, "9:9"))
    assert [change.name for change in changes] == names
    assert text.count("=9:9\n") == len(names) > 10
    again, back = renew(text, {change.name: change.before for change in changes})
    assert again == lock
    assert len(back) == len(names)
