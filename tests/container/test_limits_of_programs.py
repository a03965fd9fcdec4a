"""A program that takes without end is ended, and the error says of what and what to do.

Each program ends well by itself: beside the wall, with a limit that is out of its way, it succeeds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import docker
import pytest

from builder.border.jobs import BUILD
from builder.formats.identities import ImageIdentity
from tests.support.build_rights import output_of

pytestmark = pytest.mark.container

_MIB: Final = 1 << 20

# What a hook may do, by the limit that it meets. All are run in the tree, and hide their failures:
# so nothing but the limit itself can be the reason why a run fails.
_QUIETLY = """
import os, sys, threading, time
def quietly(act):
    try:
        return act()
    except BaseException:
        return None
"""
PROGRAMS: Final[Mapping[str, str]] = {
    "processes": """
for _ in range(1300):
    if quietly(os.fork) == 0:
        time.sleep(4)
        os._exit(0)
time.sleep(5)
""",
    "threads": """
threading.stack_size(1 << 16)
for _ in range(3000):
    quietly(lambda: threading.Thread(target=time.sleep, args=(4,)).start())
time.sleep(5)
""",
    "memory": """
if os.fork() == 0:  # the parent hides it
    held = quietly(lambda: b"x" * (1800 << 20))
    os._exit(0)
os.wait()
""",
    "memory-tmp": """
for folder in ("tmp", "run", "dev"):
    for number in range(18):
        quietly(lambda: open(f"{folder}/{number}", "wb").write(bytes(100 << 20)))
""",
    "disk": """
for number in range(24):
    quietly(lambda: open(f"etc/{number}", "wb").write(bytes(10 << 20)))
    quietly(lambda: os.unlink(f"etc/{number - 1}"))
    time.sleep(0.1)
""",
    "lines": """
for number in range(40):
    os.write(1, b"x\\n" * 10_000)
""",
    "output": """
for number in range(90):
    os.write(1, b"x" * 1_000_000)
""",
    "silence": "time.sleep(9)",
    "time": """
for number in range(45):
    print(number, flush=True)
    time.sleep(0.2)
""",
}

DRIVER = r"""
import json, os, resource, subprocess, sys, threading, time
from pathlib import Path
from builder.basics.errors import BuilderError
from builder.inside.layers.inhabited import inhabited
from builder.inside.system.real_system import RealSystem
from builder.inside.system.system import Sight
from builder.inside.system.tool_limits import FOREIGN_CODE
from builder.inside.tree.tree import Tree
from dataclasses import replace

programs, where, limits = json.loads(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
root = Path("/work/root")
for name in ("usr", "etc", "proc", "sys", "dev", "tmp", "run", "mnt"):
    (root / name).mkdir(parents=True)
for name in ("bin", "lib", "lib64", "sbin"):
    (root / name).symlink_to(f"usr/{name}")

def run(name):
    changed = replace(FOREIGN_CODE, **limits.get(name, {}))
    system = RealSystem(
        lambda event: None, foreign_limits=changed, own_limits=changed, confines=True
    )
    with inhabited(Tree(root, clock=0), system):
        began = time.monotonic()
        argv = ["python3", "-c", programs[name]]
        try:
            if where == "beside":
                subprocess.run(argv, cwd=root, check=True, stdout=subprocess.DEVNULL)
            elif where == "tool":
                system.run(argv, sight=Sight(writes=(root,)), cwd=root)
            else:
                system.run(argv, root=root)
        except BuilderError as error:
            told = {"said": str(error), "advice": error.advice}
        else:
            told = {"said": "", "advice": ""}
        left = sum(each.isdigit() for each in os.listdir("/proc"))
        return told | {"seconds": time.monotonic() - began, "left": left}

system = RealSystem(lambda event: None)
system.run(["mount", "--bind", "/usr", str(root / "usr")])
print(json.dumps({name: run(name) for name in programs}))
"""

# Smaller than those of a build where a test would take too long.
LIMITS: Final[Mapping[str, Mapping[str, Any]]] = {
    "disk": {"written": 100 * _MIB},
    "silence": {"quiet": 3},
    "time": {"seconds": 3},
}
TOLD: Final[Mapping[str, tuple[str, str]]] = {
    "processes": ("python3 was ended: it ran more than 1000 processes at once", "starts others"),
    "threads": ("python3 was ended: it ran more than 1000 processes at once", "starts others"),
    "memory": ("python3 was ended: the memory of its container was used up", "1.5 GiB"),
    "memory-tmp": ("", ""),
    "disk": ("python3 was ended: it wrote more than 100 MiB", "writes without end"),
    "lines": ("python3 was ended: it printed more than 100000 lines or 8 MiB", "last lines"),
    "output": ("python3 was ended: it printed more than 100000 lines or 8 MiB", "last lines"),
    "silence": ("python3 was ended: it printed nothing for 0.05 minutes", "hangs"),
    "time": ("python3 was ended: it did not finish within", "load"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a build says of a program: nothing if it ended well."""

    said: str
    advice: str
    seconds: float
    left: int  # processes in the container afterwards


def outcomes(
    client: docker.DockerClient,
    image: ImageIdentity,
    where: str,
    machine: Mapping[str, Any] | None = None,
) -> Mapping[str, Outcome]:
    programs = {name: f"{_QUIETLY}\n{text}" for name, text in PROGRAMS.items()}
    arguments = (json.dumps(programs), where, json.dumps(LIMITS))
    output = output_of(client, image, DRIVER, *arguments, row=BUILD, machine=machine)
    return {name: Outcome(**told) for name, told in json.loads(output).items()}


@pytest.fixture(scope="module", params=["program", "tool"])
def behind(
    request: pytest.FixtureRequest, client: docker.DockerClient, builder_image: ImageIdentity
) -> Mapping[str, Outcome]:
    """What became of each, as a program of the system and as a tool of ours, in a build's place."""
    return outcomes(client, builder_image, request.param)


@pytest.fixture(scope="module")
def beside(client: docker.DockerClient, builder_image: ImageIdentity) -> Mapping[str, Outcome]:
    """What became of each beside the wall, in a container with much of everything."""
    much = {"mem_limit": 6 << 30, "memswap_limit": 6 << 30, "pids_limit": 9000}
    return outcomes(client, builder_image, "beside", much)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_error_names_the_limit_and_what_to_do(
    behind: Mapping[str, Outcome], program: str
) -> None:
    outcome = behind[program]
    message, advice = TOLD[program]
    assert message in outcome.said
    assert bool(message) == bool(outcome.said)
    assert advice in outcome.advice


@pytest.mark.parametrize("program", PROGRAMS)
def test_nobody_is_left_and_the_build_goes_on(behind: Mapping[str, Outcome], program: str) -> None:
    assert behind[program].left <= 3, behind
    assert behind[program].seconds < 30


@pytest.mark.full
@pytest.mark.parametrize("program", PROGRAMS)
def test_without_the_wall_it_succeeds(beside: Mapping[str, Outcome], program: str) -> None:
    assert beside[program].said == ""
