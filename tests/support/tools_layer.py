"""Writes down which layer the locked tools of the builder image are.

`python -m tests.support.tools_layer --write` makes them with the engine, from nothing, and writes
`containers/tools-layer.json`: after a change of the lock, or of anything else that decides them.
"""

import json
import sys

from builder.host.engine import connect
from builder.host.image.builder_image import build_builder, tools_tag
from builder.host.image.resources import TOOLS_PIN, containers_folder, tools_context


def _text(layer: str, *, recipes: str) -> str:
    return json.dumps({"recipes": recipes, "layer": layer}, indent=2) + "\n"


def main() -> None:
    """Make the tools and write down their layer."""
    path = containers_folder() / TOOLS_PIN
    path.write_text(_text("", recipes="any, while they are made"), "ascii")
    engine = connect()
    build_builder(engine, locked=True, fresh=True, on_event=lambda _event: None)
    tools = engine.images.find(tools_tag(locked=True))
    assert tools is not None
    path.write_text(_text(tools.layers[0], recipes=tools_context().digest), "ascii")


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    main()
