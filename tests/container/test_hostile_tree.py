"""What a system's own programs can reach when the build runs them: their own tree, nothing else."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from builder.border.jobs import BUILD, on_image
from builder.formats.identities import ImageIdentity
from builder.host.engine import Product
from tests.conftest import unable
from tests.support.build_rights import output_of

pytestmark = pytest.mark.container

PROGRAM = (Path(__file__).parents[1] / "support/hostile_program.py").read_text()

# Runs in the builder's container: a tree made of the container's own programs, with a device node,
# staged in both ways. The program runs behind the wall, and then beside it.
DRIVER = r"""
import errno, os, stat, subprocess, sys, time
from contextlib import ExitStack
from pathlib import Path
from builder.inside.tree.overlay import Overlay
from builder.inside.tree.sealed import seal
from builder.inside.system.real_system import RealSystem
from builder.inside.layers.inhabited import inhabited
from builder.inside.tree.survey import SourceTree, survey_tree
from builder.inside.tree.tree import Tree

Path("/request.json").write_text("{}")
root = Path("/work/source")
for name in ("usr", "etc", "proc", "sys", "dev", "tmp", "run", "mnt"):
    (root / name).mkdir(parents=True)
for name in ("bin", "lib", "lib64", "sbin"):
    (root / name).symlink_to(f"usr/{name}")
os.mknod(root / "node", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
(root / "program.py").write_text(sys.argv[1])
system = RealSystem(lambda event: None)

# Swaps a file in the tree for a link to one that was left out, as a survivor of a hook would: with
# the tree mounted writable in a namespace of its own, and with a folder opened in time.
SWAP = '''
import errno, os, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
print("ready", flush=True)
for line in sys.stdin:
    try:
        os.unlink("innocent", dir_fd=folder)
        os.symlink("/source/home/key", "innocent", dir_fd=folder)
        print("swapped", flush=True)
    except OSError as error:
        print(errno.errorcode[error.errno], flush=True)
'''

def survivor(*prefix):
    argv = [*prefix, "python3", "-c", SWAP, str(root)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    def swap():
        process.stdin.write("now\n")
        process.stdin.flush()
        return process.stdout.readline().strip()
    return process, swap

def swap_here():
    try:
        (root / "innocent").unlink()
        (root / "innocent").symlink_to("/source/home/key")
    except OSError as error:
        return errno.errorcode[error.errno]
    return "swapped"

with ExitStack() as mounts:
    if sys.argv[2] == "overlay":
        tree = SourceTree(root=root)
        root = Path("/work/root")
        root.mkdir()
        overlay = Overlay(
            tree=tree, survey=survey_tree(tree), target=root, layer=Path("/work/layer")
        )
        mounts.enter_context(overlay.mounted(system))
    system.run(["mount", "--bind", "/usr", str(root / "usr")])
    with inhabited(Tree(root, clock=0), system):
        began = time.monotonic()
        print(system.run(["python3", "/program.py"], root=root))
        took = time.monotonic() - began
        time.sleep(1.5)
        late = (root / "tmp/late").exists()
    print(system.run(["python3", "program.py"], cwd=root))
    time.sleep(1.5)
    late_beside = (root / "tmp/late").exists()
    system.run(["umount", str(root / "usr")])
    (root / "innocent").write_text("innocent")
    process, swap = survivor("unshare", "--mount")
    before = swap_here(), swap()
    with seal(root, system, clock=0):
        after = swap_here(), swap()
    process.communicate()
    print(late, late_beside, took < 1, *before, *after)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """The errno of each attempt, behind the wall and beside it, and who outlived the program."""

    behind: Mapping[str, str]
    beside: Mapping[str, str]
    late: bool
    late_beside: bool
    at_once: bool  # the run ended with the program, not with the last of its children
    swaps: tuple[str, ...]  # by us and by a survivor: before the tree is sealed, and after
    staging: str


@pytest.fixture(scope="module", params=["copy", "overlay"])
def outcomes(
    request: pytest.FixtureRequest, client: docker.DockerClient, builder_image: ImageIdentity
) -> Outcomes:
    """What became of each attempt, with all that a build of a cache image may do."""
    arguments = (PROGRAM, request.param)
    output = output_of(client, builder_image, DRIVER, *arguments, row=on_image(BUILD))
    behind, beside, endings = output.splitlines()[-3:]
    late, late_beside, at_once = (word == "True" for word in endings.split()[:3])
    return Outcomes(
        behind=json.loads(behind),
        beside=json.loads(beside),
        late=late,
        late_beside=late_beside,
        at_once=at_once,
        swaps=tuple(endings.split()[3:]),
        staging=request.param,
    )


# What stops each attempt behind the wall.
STOPPED = {
    "make_a_device": "EPERM",
    "open_its_own_device": "EACCES",
    "mount": "EPERM",
    "mount_by_the_new_calls": "EPERM",
    "open_a_detached_tree": "EPERM",
    "make_a_user_namespace": "EPERM",
    "make_a_network_by_clone": "EPERM",
    "hide_flags_in_clone3": "ENOSYS",
    "enter_a_namespace": "EPERM",
    "climb_out": "ENOENT",
    "look_through_another_process": "ENOENT",
    "signal_the_builder": "ESRCH",
    "trace": "EPERM",
    "open_by_handle": "EPERM",
    "load_a_program_into_the_kernel": "EPERM",
    "queue_calls_past_the_filter": "EPERM",
    "stop_the_kernel_at_a_page": "EPERM",
    "read_keys": "EPERM",
    "change_the_host_kernel": "EROFS",
    "uncover_the_hosts_processor": "EPERM",
    "change_the_machine_for_others": "EROFS",
    "outlive_the_build_when_memory_ends": "EROFS",
}
# Where some engines stop it as well, so that the control shows nothing there.
CLOSED_BY_SOME_ENGINES = {
    "queue_calls_past_the_filter", "stop_the_kernel_at_a_page", "read_keys",
    "change_the_host_kernel", "open_by_handle", "hide_flags_in_clone3",
}  # fmt: skip


@pytest.mark.parametrize("attempt", STOPPED)
def test_a_hostile_program_fails_to(outcomes: Outcomes, attempt: str) -> None:
    assert outcomes.behind[attempt] == STOPPED[attempt], outcomes


@pytest.mark.parametrize("attempt", sorted(STOPPED.keys() - CLOSED_BY_SOME_ENGINES))
def test_beside_the_wall_it_gets_further(
    outcomes: Outcomes, product: Product, attempt: str
) -> None:
    if product is Product.PODMAN and (attempt, outcomes.staging) == ("open_its_own_device", "copy"):
        unable("device nodes on volumes, which Podman mounts with nodev: they open nowhere anyway")
        return
    assert outcomes.beside[attempt] != STOPPED[attempt], outcomes


def test_every_attempt_is_judged(outcomes: Outcomes) -> None:
    assert outcomes.behind.keys() == outcomes.beside.keys() == STOPPED.keys()


def test_nobody_outlives_the_program_that_started_him(outcomes: Outcomes) -> None:
    assert outcomes.late_beside
    assert not outcomes.late
    assert outcomes.at_once


def test_nothing_can_be_swapped_in_a_sealed_tree(outcomes: Outcomes) -> None:
    """Not even by somebody who outlived his program; a copy relies on there being nobody."""
    here, by_survivor = outcomes.swaps[2:]
    assert outcomes.swaps[:2] == ("swapped", "swapped")
    assert here == "EROFS"
    assert by_survivor == ("EROFS" if outcomes.staging == "overlay" else "swapped")
