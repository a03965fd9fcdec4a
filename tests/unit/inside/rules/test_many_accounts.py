"""A system may have a hundred thousand accounts: a directory service's, or a hostile author's."""

import time
from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import Gone
from builder.inside.rules import RULES
from builder.inside.tree.tree import Tree

COUNT = 39_000


@pytest.mark.parametrize("first", [20_000, 200_000], ids=["people", "services"])
def test_their_rules_end_soon(tmp_path: Path, first: int) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "srv/home-7/.ssh").mkdir(parents=True)
    rows = (
        f"z{number}:x:{first + number}:9:Z {number},,,:/srv/home-{number}:/bin/sh\n"
        for number in range(COUNT)
    )
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n" + "".join(rows))
    tree = Tree(tmp_path, clock=0)
    gone = Gone(source=tree, tree=tree, heir="user")
    rules = [each for each in RULES if each.name in {"people", "service-homes"}]
    assert len(rules) == 2
    began = time.monotonic()
    for rule in rules:
        rule.apply(tree, LiveSettings(), gone)
    assert time.monotonic() - began < 6
    assert not (tmp_path / "srv/home-7/.ssh").exists()
