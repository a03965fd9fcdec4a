"""What a system's own programs can reach when the build runs them: their own tree, nothing else."""

import json
from pathlib import Path

import docker
import pytest

from builder.border.jobs import BUILD, Job, on_image
from builder.border.labels import new_run
from builder.border.requests import Nothing
from builder.formats.identities import ImageIdentity
from builder.host.engine import ContainerSpec
from builder.host.engine.container import container_options

pytestmark = pytest.mark.container

PROGRAM = (Path(__file__).parents[1] / "support/hostile_program.py").read_text()

# Runs in the builder's container: a tree made of the container's own programs, with a device node,
# staged in both ways.
DRIVER = r"""
import os, stat, sys
from contextlib import ExitStack
from pathlib import Path
from builder.inside.tree.overlay import Overlay
from builder.inside.system.real_system import RealSystem
from builder.inside.steps.initramfs import inhabited
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
        print(system.run(["python3", "/program.py"], root=root))
    system.run(["umount", str(root / "usr")])
"""


@pytest.fixture(scope="module", params=["copy", "overlay"])
def outcomes(
    request: pytest.FixtureRequest, client: docker.DockerClient, builder_image: ImageIdentity
) -> dict[str, str]:
    """What became of each attempt, with all that a build of a cache image may do."""
    row = on_image(BUILD)
    job = Job(
        name="hostile",
        request=Nothing,
        result=Nothing,
        sees=(),
        capabilities=row.capabilities,
        why="to try all that a build may do",
        limits=row.limits,
        loop_devices=row.loop_devices,
    )
    spec = ContainerSpec(image=builder_image.id, job=job, request=Nothing(), run=new_run())
    options = container_options(spec, security_options=["apparmor=unconfined"])
    container = client.containers.create(
        spec.image,
        [PROGRAM, request.param],
        entrypoint=["python3", "-c", DRIVER],
        volumes=["/work"],
        **options,
    )
    try:
        container.start()
        code = container.wait()["StatusCode"]
        output = container.logs().decode()
    finally:
        container.remove(force=True, v=True)
    assert code == 0, output
    found: dict[str, str] = json.loads(output.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    "attempt",
    [
        "make_a_device",
        "open_its_own_device",
        "mount",
        "show_what_is_below",
        "change_the_host_kernel",
        "change_the_host_kernel_from_a_user_namespace",
        "climb_out",
        "look_through_another_process",
        "open_by_handle",
    ],
)
def test_a_hostile_program_fails_to(outcomes: dict[str, str], attempt: str) -> None:
    assert outcomes[attempt], outcomes
