"""The annotated build.yaml: every key with its default."""

import textwrap
from collections.abc import Iterator
from typing import Any, Final

import yaml

from builder.host.config import settings
from builder.host.config.setting import Setting
from builder.host.config.words import plain

_WIDTH: Final = 98  # columns
_TOP: Final = """\
# yaml-language-server: $schema=../builder/data/build.schema.json
#
# Every key of build.yaml, each with its default unless the comment says otherwise.
#
#   distroclone-builder build --config build.yaml
#
# Only "version" is needed. A key that is left out, or has no value (null), keeps its default.
# A flag on the command line wins over the file. A relative path starts at this file's folder.
# Plain YAML 1.2: no anchors, aliases, merge keys or tags; "no" and "yes" are words, not booleans.
"""


def annotated_example() -> str:
    """Return the file."""
    lines = []
    section = ""
    for setting in settings.KEYS.values():
        lines.append("")
        if setting.section not in ("", section):
            lines += [f"# {settings.SECTIONS[setting.section]}", f"{setting.section}:"]
        section = setting.section
        lines += textwrap.indent("\n".join(_setting(setting)), "  " if section else "").split("\n")
    return _TOP + "\n".join(lines) + "\n"


def _setting(setting: Setting[Any]) -> Iterator[str]:
    yield from (f"# {line}" for line in textwrap.wrap(setting.about, _WIDTH - 4))
    yield from (f"# {line}" for line in setting.notes.splitlines())
    if setting.otherwise:
        yield f"# Default: {setting.otherwise}."
    if setting.flag:
        kind = "Argument" if setting.flag.is_argument else "Flag"
        yield f"# {kind}: {setting.flag.name}"
    hint = f" # e.g. {setting.example}" if setting.example else ""
    yield yaml.dump({setting.name: plain(setting.default)}, Dumper=_Dumper).rstrip() + hint


class _Dumper(yaml.SafeDumper):
    """Indents lists, as most people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)
