"""The cache images of the benchmark, made by `bench/recipe/` in the demo cache's container image.

They stay on the engine's machine, since builds mount them there; each is made again only when
its recipe changed. The desktop takes some eight minutes and the network.
"""

import hashlib
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from docker.types import Mount

from builder.basics.errors import StepError
from fixtures.demo_cache import (
    CAPABILITIES,
    LABEL,
    LOOP_CONTROL,
    LOOP_DEVICES,
    RECIPE,
    build_demo_image,
)

if TYPE_CHECKING:
    import docker

_OURS: Final = Path(__file__).parent / "recipe"
_USED: Final = ("backup.py", "debian.py", "shell.py", "Dockerfile")


def ensure_cache(
    client: "docker.DockerClient", *, base_image: str, folder: Path, kind: str
) -> Path:
    """Return the cache image of a kind of tree; made where it is missing or outdated."""
    target = folder / f"{kind}.img"
    record = folder / f"{kind}.recipe"
    recipe = recipe_hash()
    if target.is_file() and record.is_file() and record.read_text() == recipe:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    record.unlink(missing_ok=True)
    image = build_demo_image(client, base_image=base_image)
    with ExitStack() as stack:
        container = client.containers.create(
            image,
            ["-u", "/bench/make_trees.py", "/work", kind],
            entrypoint="python3",
            labels={LABEL: "1"},
            init=True,
            cap_drop=["ALL"],
            cap_add=list(CAPABILITIES),
            security_opt=["apparmor=unconfined"],  # its default profile forbids every mount
            devices=[LOOP_CONTROL],
            device_cgroup_rules=[LOOP_DEVICES],
            mounts=[
                Mount("/work", str(folder.absolute()), type="bind"),
                Mount("/bench", str(_OURS), type="bind", read_only=True),
            ],
        )
        stack.callback(container.remove, force=True)
        container.start()
        for part in container.logs(stream=True, follow=True):
            sys.stderr.write(part.decode(errors="replace"))
        if container.wait()["StatusCode"] != 0:
            raise StepError(
                "The trees could not be made",
                hint="The lines above say why; Debian's archive is needed.",
            )
    record.write_text(recipe)
    return target


def recipe_hash() -> str:
    """Return what names the recipe: SHA-256 over its files and those of the demo that it uses."""
    digest = hashlib.sha256()
    for path in (*sorted(_OURS.glob("*.py")), *(RECIPE / name for name in _USED)):
        digest.update(f"\n{path.name} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
