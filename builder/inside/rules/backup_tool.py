"""DistroClone Backup's own traces: in a live system it would try to back up a missing disk.

Its line in root's crontab is removed with all crontabs; its cache and snapshots are never copied.
"""

import re
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, lines_of, put_lines
from builder.inside.tree.tree import Tree

_CONFIGS: Final = "/etc/snapper/configs"
# Where snapper lists its configurations is a compile-time option: Debian, SUSE, Arch.
_LISTS: Final = ("/etc/default/snapper", "/etc/sysconfig/snapper", "/etc/conf.d/snapper")
_ASSIGNMENT: Final = re.compile(
    r"""^(?P<start>\s*SNAPPER_CONFIGS=)(?P<quote>["']?)(?P<names>[^"'#\r\n]*)(?P=quote)"""
)


def _forget_snapper_configs(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    """Snapper fails on a listed name without its file, and on a file that is not listed."""
    there = set(tree.listdir(_CONFIGS))
    for path in _LISTS:
        lines = lines_of(tree, path)
        if lines is not None:
            put_lines(tree, path, [_listed(line, there) for line in lines])
    return ()


def _listed(line: str, there: set[str]) -> str:
    match = _ASSIGNMENT.match(line)
    if match is None:
        return line
    kept = " ".join(name for name in match["names"].split() if name in there)
    return f'{match["start"]}"{kept}"{line[match.end() :]}'


RULES: Final = (
    Rule(
        name="distroclone-backup",
        reason="the settings and the password-less sudo rules of the backup program",
        removes=("/etc/sudoers.d/distroclone-backup", "/etc/distroclone-backup",
                 "/etc/cron.d/*distroclone-backup*", "/etc/cron.d/*distroClone-backup*",
                 "/var/log/distroclone-backup.log*"),
    ),
    Rule(
        name="snapper-configs",
        reason="configurations for subvolumes of the source; apt and timers would fail on them",
        removes=(f"{_CONFIGS}/*",),
        edits=_LISTS,
        edit=_forget_snapper_configs,
    ),
)  # fmt: skip
