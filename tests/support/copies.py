"""A source and its copy, from which something was left out, for what refers to it."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import Gone
from builder.inside.rules import RULES
from builder.inside.tree.tree import Tree
from tests.support.machines import CLOCK

ACCOUNTS = (
    "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/sh\n"
    "mysql:x:110:110::/nonexistent:/bin/false\nopenldap:x:111:111::/var/lib/ldap:/bin/false\n"
)
GROUP = "root:x:0:\nalice:x:1000:\nfilms:x:1001:alice\nmysql:x:110:\n"
FILES = {
    "etc/passwd": ACCOUNTS,
    "etc/group": GROUP,
    "home/alice/bin/sync": "#!/bin/sh\n",
    "srv/films/one": "film",
    "var/lib/snapd/snaps/core22_1748.snap": "snap",
    "usr/bin/true": "",
    "usr/lib/systemd/system/multi-user.target": "[Unit]\n",
}
LEFT_OUT = ("home/alice", "srv/films", "var/lib/snapd")


class Copy:
    """A tree with FILES and `more`, and a copy of it without `left_out` and alice's account.

    A value that starts with "->" is a symlink; `packaged` are files that a package lists.
    """

    def __init__(
        self,
        folder: Path,
        more: Mapping[str, str],
        *,
        left_out: Sequence[str] = LEFT_OUT,
        packaged: Sequence[str] = (),
    ) -> None:
        self.source = folder / "source"
        self.root = folder / "root"
        listed = "".join(f"/{name}\n" for name in packaged)
        files = {**FILES, **more, "var/lib/dpkg/info/some.list": listed}
        for name, content in files.items():
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content.startswith("->"):
                path.symlink_to(content.removeprefix("->"))
            else:
                path.write_text(content)
        subprocess.run(["cp", "--archive", self.source, self.root], check=True)
        for name in left_out:
            path = self.root / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (self.root / "etc/passwd").write_text(_without(ACCOUNTS, "alice:"))
        (self.root / "etc/group").write_text(_without(GROUP, "alice:", "films:"))
        self.changes: list[tuple[str, str]] = []
        self.tree = Tree(self.root, clock=CLOCK, record=lambda *change: self.changes.append(change))
        self.gone = Gone(source=Tree(self.source), tree=self.tree, heir="live")

    def follow(self, *names: str) -> list[str]:
        """Apply rules, all that follow or those with these names; return what they tell."""
        rules = [rule for rule in RULES if (rule.name in names if names else rule.follow)]
        assert rules
        told = [each for rule in rules for each in rule.apply(self.tree, LIVE, self.gone)]
        return [each.message.format(**dict(each.values)) for each in told]

    def has(self, path: str) -> bool:
        """Whether the copy has an entry at `path`."""
        return os.path.lexists(self.root / path)

    def is_masked(self, path: str) -> bool:
        """Whether the copy has a mask at `path`."""
        place = self.root / path
        return place.is_symlink() and str(place.readlink()) == "/dev/null"

    def text(self, path: str) -> str:
        """Return a text of the copy."""
        return (self.root / path).read_text()


LIVE = LiveSettings(user="live")


def _without(text: str, *starts: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(starts))
