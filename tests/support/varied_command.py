"""The command, whose containers get what its first argument says: `varied_command.py JSON WORD…`.

What a run of the command cannot be asked for (fewer processors, another clock) is added at the
engine's SDK, so that the program itself is the one that users have. `mounts` are pairs of a path
here and one in the container; everything else are options of the SDK's `containers.create`.
Each container gets a label with the place of the code that asked for it.
"""

import json
import sys
from typing import Any
from unittest import mock

from docker.models.containers import Container, ContainerCollection
from docker.types import Mount

from builder.host.cli import main as program

LABEL = "distroclone-builder-tests.code"


def varied(changes: dict[str, Any]) -> Any:
    """Return a `containers.create` that makes the changes to whatever it is asked for."""
    create = ContainerCollection.create
    mounts = [Mount(target, source, type="bind") for source, target in changes.pop("mounts", [])]
    environment = changes.pop("environment", {})

    def made(self: ContainerCollection, image: str, command: Any = None, **asked: Any) -> Container:
        asked["mounts"] = [*asked.get("mounts", []), *mounts]
        asked["environment"] = {**asked.get("environment", {}), **environment}
        asked["labels"] = {**asked.get("labels", {}), LABEL: program.__file__}
        return create(self, image, command, **{**asked, **changes})

    return made


if __name__ == "__main__":
    with mock.patch.object(ContainerCollection, "create", varied(json.loads(sys.argv.pop(1)))):
        program.main()
