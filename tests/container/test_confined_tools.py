"""What our own tools can reach while they work on a stranger's files: their work, nothing else."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import docker
import pytest

from builder.border.jobs import BUILD
from builder.formats.identities import ImageIdentity
from tests.support.build_rights import output_of

pytestmark = pytest.mark.container
Outcome = Mapping[str, Any]

# What somebody does who took over one of our tools.
PROGRAM = r"""
import ctypes, errno, json, os, socket
libc = ctypes.CDLL(None, use_errno=True)

def attempt(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return ""

def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")

def read(path):
    with open(path) as file:
        if not file.read():
            raise OSError(errno.ENODATA, "empty")

def write(path):
    with open(path, "w") as file:
        file.write("x")

def reach_a_process():
    if not any(os.path.exists(f"/proc/{pid}/root/work/secret") for pid in range(1, 500)):
        raise OSError(errno.ENOENT, "")

print(json.dumps({
    "read its input": attempt(lambda: read("/work/tree/input")),
    "write its result": attempt(lambda: write("/work/out/result")),
    "change its input": attempt(lambda: write("/work/tree/input")),
    "read what lies beside": attempt(lambda: read("/work/secret")),
    "read the source": attempt(lambda: read("/delivery/thesis")),
    "read the request": attempt(lambda: read("/request.json")),
    "change our own code": attempt(lambda: write("/usr/bin/mksquashfs")),
    "mount": attempt(lambda: call(165, b"none", b"/tmp", b"tmpfs", 0, None)),
    "make a namespace": attempt(lambda: call(272, 0x10000000)),
    "see another process": attempt(reach_a_process),
    "make a device": attempt(lambda: os.mknod("/work/out/disk", 0o60600, os.makedev(7, 0))),
    "environment": os.environ.get("FOR_THE_TOOL", ""),
    "interfaces": sorted(name for _number, name in socket.if_nameindex()),
}))
"""

DRIVER = r"""
import sys, time
from pathlib import Path
from builder.inside.system.real_system import RealSystem
from builder.inside.system.system import Sight

# What runs in the background does so until it is asked to end, and then finishes its work.
BESIDE = '''
import signal, sys, time
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
'''
WAITING = '''
sys.stdout.flush()
open("/work/out/waits", "w").close()
while not asked:
    time.sleep(0.05)
print("finished")
'''
for name in ("tree", "out"):
    (Path("/work") / name).mkdir()
for name in ("tree/input", "secret"):
    (Path("/work") / name).write_text("text")
Path("/delivery/thesis").write_text("text")
Path("/request.json").write_text("{}")
sight = Sight(reads=(Path("/work/tree"),), writes=(Path("/work/out"),))
argv = ["python3", "-c", sys.argv[1]]
for confines in (True, False):
    printed = []
    system = RealSystem(lambda event: printed.append(event.text), confines=confines)
    print(system.run(argv, sight=sight, env={"FOR_THE_TOOL": "yes"}))
    beside = [*argv[:-1], BESIDE + argv[-1] + WAITING]
    with system.meanwhile(beside, sight=sight, env={"FOR_THE_TOOL": "yes"}):
        while not Path("/work/out/waits").exists():
            time.sleep(0.02)
        Path("/work/out/waits").unlink()
    print(printed[-2])
    print(printed[-1])
"""
EXPECTED: Mapping[str, Any] = {
    "read its input": "",
    "write its result": "",
    "change its input": "EROFS",
    "read what lies beside": "ENOENT",
    "read the source": "ENOENT",
    "read the request": "ENODATA",
    "change our own code": "EROFS",
    "mount": "EPERM",
    "make a namespace": "EPERM",
    "see another process": "ENOENT",
    "make a device": "EPERM",
    "environment": "yes",
    "interfaces": ["lo"],
}
STOPPED = tuple(name for name, outcome in EXPECTED.items() if str(outcome).startswith("E"))
CLOSED_BY_ENGINES = {"make a device"}  # no such device is allowed in the container


@pytest.fixture(scope="module")
def outcomes(client: docker.DockerClient, builder_image: ImageIdentity) -> Sequence[Outcome]:
    """What became of each attempt: of a tool with its sight, and of one without.

    Of each, first while it is waited for, then in the background.
    """
    output = output_of(
        client, builder_image, DRIVER, PROGRAM, row=BUILD, volumes=("/work", "/delivery")
    )
    confined, confined_beside, ending, free, free_beside, free_ending = output.splitlines()
    assert (ending, free_ending) == ("finished", "finished")
    return [*map(json.loads, (confined, confined_beside, free, free_beside))]


@pytest.mark.parametrize("how", [0, 1], ids=["waited-for", "background"])
def test_a_confined_tool_can_do_its_work_and_nothing_else(
    outcomes: Sequence[Outcome], how: int
) -> None:
    assert outcomes[how] == EXPECTED


@pytest.mark.parametrize("how", [2, 3], ids=["waited-for", "background"])
@pytest.mark.parametrize("attempt", sorted(set(STOPPED) - CLOSED_BY_ENGINES))
def test_without_its_sight_it_gets_further(
    outcomes: Sequence[Outcome], attempt: str, how: int
) -> None:
    assert outcomes[how][attempt] != EXPECTED[attempt], outcomes
