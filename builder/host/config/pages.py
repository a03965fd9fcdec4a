"""The files that are generated from the settings, or get new settings from there.

A test fails when one is stale; this writes them:

.venv/bin/python -m builder.host.config.pages
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from builder.host.config import settings
from builder.host.config.example import annotated_example
from builder.host.config.manifest_pages import page_with_settings, schema_with_settings
from builder.host.config.schema import json_schema
from builder.host.config.words import default_text

SCHEMA: Final = Path("builder/data/build.schema.json")
EXAMPLE: Final = Path("docs/build.yaml")
MANUAL: Final = Path("docs/cli.md")
MANIFEST_SCHEMA: Final = Path("builder/data/manifest.schema.json")
MANIFEST_PAGE: Final = Path("docs/manifest.md")

_BEGIN: Final = "<!-- from builder/host/config/settings.py -->\n"
_END: Final = "<!-- end -->\n"


def pages(project: Path) -> Mapping[Path, str]:
    """Return the content of each file; in the manual, one table is generated."""
    before, _, rest = (project / MANUAL).read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    table = "\n".join(option_table())
    return {
        SCHEMA: json.dumps(json_schema(), indent=2) + "\n",
        EXAMPLE: annotated_example(),
        MANUAL: f"{before}{_BEGIN}\n{table}\n\n{_END}{after}",
        MANIFEST_SCHEMA: schema_with_settings((project / MANIFEST_SCHEMA).read_text("utf-8")),
        MANIFEST_PAGE: page_with_settings((project / MANIFEST_PAGE).read_text("utf-8")),
    }


def option_table() -> Iterator[str]:
    """Yield the rows that docs/cli.md has for the options of `build`."""
    yield "| option | key in build.yaml | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for setting in settings.FLAGS.values():
        assert setting.flag is not None
        option = f"{setting.flag.name} {setting.flag.metavar}".rstrip()
        key = f"`{setting.key}`" if setting.key else ""
        meaning = setting.flag.manual or setting.about
        yield f"| `{option}` | {key} | {default_text(setting)} | {meaning} |"


def write(project: Path) -> None:
    """Write the files again."""
    for path, text in pages(project).items():
        (project / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
