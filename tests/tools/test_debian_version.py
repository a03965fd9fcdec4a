"""Our order of versions is dpkg's own."""

import random
import subprocess

import pytest

from builder.basics.debian_version import compare_versions

pytestmark = pytest.mark.tools

SIGNS = "0129.+~aZz"


def some_version(source: random.Random) -> str:
    upstream = source.choice("019") + "".join(source.choices(SIGNS, k=source.randint(0, 4)))
    epoch = source.choice(["", "", "0:", "1:", "10:"])
    revision = "".join(source.choices(SIGNS, k=source.randint(1, 3)))
    return f"{epoch}{upstream}{source.choice(['', f'-{revision}'])}"


def dpkg(first: str, second: str) -> int:
    def holds(relation: str) -> bool:
        argv = ["dpkg", "--compare-versions", first, relation, second]
        return subprocess.run(argv, check=False).returncode == 0

    return -1 if holds("lt") else int(holds("gt"))


def test_our_order_is_that_of_dpkg() -> None:
    source = random.Random(20260617)  # noqa: S311 - the same ones every time
    for _number in range(400):
        first, second = some_version(source), some_version(source)
        assert compare_versions(first, second) == dpkg(first, second), (first, second)
