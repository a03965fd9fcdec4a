"""A system may have a hundred thousand accounts: a directory service's, or a hostile author's."""

import shutil
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
    began = time.process_time()
    for rule in rules:
        rule.apply(tree, LiveSettings(), gone)
    assert time.process_time() - began < 20  # seconds of a processor; about 1 is usual
    assert not (tmp_path / "srv/home-7/.ssh").exists()


def test_settings_that_may_name_one_of_them_are_cleaned_soon(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "etc/ssh").mkdir(parents=True)
    (source / "etc/systemd/system").mkdir(parents=True)
    rows = (
        f"z{number}:x:{20_000 + number}:9::/srv/home-{number}:/bin/sh\n" for number in range(COUNT)
    )
    (source / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n" + "".join(rows))
    (source / "etc/ssh/sshd_config").write_text("DenyUsers z1 other\n" * 3000)
    (source / "etc/app.conf").write_text("path = /srv/home-7/x, /srv/home-7x, /usr/y\n" * 60_000)
    unit = "".join(f"ReadWritePaths=-/none/{number}\n" for number in range(3000))
    for number in range(10):
        unit = unit.replace("/none", "/none/n")
        (source / f"etc/systemd/system/{number}.service").write_text(f"[Service]\n{unit}")
    shutil.copytree(source, tmp_path / "copy")
    tree = Tree(tmp_path / "copy", clock=0)
    gone = Gone(source=Tree(source), tree=tree, heir="user")
    began = time.process_time()
    for rule in RULES:
        rule.apply(tree, LiveSettings(), gone)
    assert time.process_time() - began < 40  # about 4 is usual
    assert tree.read_bytes("/etc/app.conf", limit=1 << 23).startswith(
        b"path = /home/user/x, /srv/home-7x, /usr/y\n"
    )
    assert tree.read_bytes("/etc/ssh/sshd_config", limit=1 << 20).startswith(b"DenyUsers other\n")
