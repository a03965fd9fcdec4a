"""The machine and the versions that figures belong to."""

import os
import platform
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import Machine

if TYPE_CHECKING:
    import docker

_TOOLS = ("squashfs-tools", "liblzma5", "libzstd1", "xorriso", "rsync")


def this_machine(client: "docker.DockerClient", tools: Mapping[str, str]) -> Machine:
    """Describe the machine that we and the engine run on; `tools` are a manifest's."""
    facts = client.info()
    disk = dict(facts["DriverStatus"]).get("Backing Filesystem", "?")
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return Machine(
        processor=model[1] if model else platform.machine(),
        processors=os.cpu_count() or 1,
        memory=int(facts["MemTotal"]),
        kernel=platform.release(),
        engine=f"Docker {facts['ServerVersion']}",
        storage=f"{facts['Driver']} on {disk}",
        tools=tuple(f"{name} {tools[name]}" for name in _TOOLS if name in tools),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
    )
