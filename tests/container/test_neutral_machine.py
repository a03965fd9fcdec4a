"""What a system's own programs see of the machine that builds: the same on every one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.types import Ulimit

from builder.border.jobs import BUILD
from builder.formats.identities import ImageIdentity
from tests.support.build_rights import output_of

pytestmark = pytest.mark.container

PROGRAM = (Path(__file__).parents[1] / "support/machine_view.py").read_text()

# Looks around beside the wall and behind it, in a tree with a system's settings for its firmware.
DRIVER = r"""
import sys
from pathlib import Path
from builder.inside.system.real_system import RealSystem
from builder.inside.layers.inhabited import inhabited
from builder.inside.tree.tree import Tree

root = Path("/work/root")
for name in ("usr", "etc/default", "proc", "sys", "dev", "tmp", "run", "mnt"):
    (root / name).mkdir(parents=True)
for name in ("bin", "lib", "lib64", "sbin"):
    (root / name).symlink_to(f"usr/{name}")
(root / "program.py").write_text(sys.argv[1])
(root / "etc/default/amd64-microcode").write_text("AMD64UCODE_INITRAMFS=auto\n")
(root / "etc/default/intel-microcode").symlink_to("/etc/nowhere")
system = RealSystem(lambda event: None)
system.run(["mount", "--bind", "/usr", str(root / "usr")])
print("beside", system.run(["python3", "program.py"], cwd=root), sep="\n")
with inhabited(Tree(root, clock=0), system):
    print("behind", system.run(["python3", "/program.py"], root=root), sep="\n")
    shown = ["cat", "/etc/default/amd64-microcode", "/proc/cpuinfo"]
    print("texts", system.run(shown, root=root), sep="\n")
print((root / "etc/default/amd64-microcode").read_text())
system.run(["umount", str(root / "usr")])
"""

# Two machines, as far as an engine can make one look like another.
MACHINES: Mapping[str, Mapping[str, Any]] = {
    "small": {"cpuset_cpus": "0", "hostname": "small", "environment": {"VENDOR": "Small"}},
    "large": {
        "hostname": "large",
        "ulimits": [Ulimit(name="nofile", soft=3000, hard=4000)],
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """What one machine looked like."""

    beside: Mapping[str, str]
    behind: Mapping[str, str]
    texts: str  # settings and processor as seen behind the wall, and the settings afterwards


def look(client: docker.DockerClient, image: ImageIdentity, machine: Mapping[str, Any]) -> Views:
    output = output_of(client, image, DRIVER, PROGRAM, row=BUILD, machine=machine)
    beside, output = output.removeprefix("beside\n").split("behind\n")
    behind, texts = output.split("texts\n")
    return Views(
        beside=dict(map(json.loads, beside.splitlines())),
        behind=dict(map(json.loads, behind.splitlines())),
        texts=texts.strip() + "\n",
    )


@pytest.fixture(scope="module")
def views(client: docker.DockerClient, builder_image: ImageIdentity) -> tuple[Views, Views]:
    """What both machines looked like."""
    one, other = (look(client, builder_image, machine) for machine in MACHINES.values())
    return one, other


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def test_two_machines_look_the_same_behind_the_wall(views: tuple[Views, Views]) -> None:
    one, other = views
    assert differing(one.behind, other.behind) == set()
    assert {"/proc/cpuinfo", "/proc/cmdline", "/proc/sys/kernel/random/boot_id"} <= set(one.behind)
    assert {name for name in one.behind if name.startswith("/sys/")} == {
        f"/sys/devices/system/cpu/{name}" for name in ("online", "possible", "present")
    }


def test_beside_the_wall_they_do_not(views: tuple[Views, Views]) -> None:
    one, other = views
    assert {
        "/proc/uptime", "/proc/stat", "/proc/sys/kernel/random/uuid", "processors", "host name",
        "RLIMIT_NOFILE",
    } <= differing(one.beside, other.beside)  # fmt: skip


def test_nothing_of_the_host_is_what_the_wall_shows(views: tuple[Views, Views]) -> None:
    one, _other = views
    for name in ("/proc/cpuinfo", "/proc/version", "/proc/meminfo", "/proc/filesystems"):
        assert one.behind[name] != one.beside[name], name


def test_the_firmware_of_both_makers_is_taken(views: tuple[Views, Views]) -> None:
    for each in views:
        assert "AMD64UCODE_INITRAMFS=early" in each.texts
        assert "GenuineIntel" in each.texts
        assert "AuthenticAMD" in each.texts
        assert each.texts.endswith("AMD64UCODE_INITRAMFS=auto\n"), "the tree stays as it was"
