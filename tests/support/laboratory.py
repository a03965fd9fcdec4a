"""The places that varied builds need, made when they are first asked for, and the builds."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import docker

from builder.host.image.resources import BuildContext
from tests.support.caches import ROOTFS, command, frozen, made_place, mounted_ext4
from tests.support.command_line import PROJECT, Ended, Running, running
from tests.support.containers import SOCKET
from tests.support.leftovers import container_of, left_by
from tests.support.seen import seen
from tests.support.shuffled_copy import shuffled_copy
from tests.support.variations import EARLIER, LATER, USER
from tests.support.varied_build import Build, Trace

LAUNCHER = Path(__file__).with_name("varied_command.py")
CLOCK = PROJECT / "tests/container/clock"
_CHECKED_OUT = ("builder", "containers")
_OWN = ("HOME", "TMPDIR")  # folders in the environment that a user must own


class Laboratory:
    """Implements `Places`; what it makes is gone when `undo` is closed."""

    def __init__(
        self,
        undo: ExitStack,
        *,
        client: docker.DockerClient,
        image: Path,
        btrfs: Path,
        base_image: str,
    ) -> None:
        self.btrfs = btrfs
        self.engine_group = SOCKET.stat().st_gid
        self._undo, self._client, self._image, self._base = undo, client, image, base_image
        self._top = undo.enter_context(made_place())
        self._blocks: Path | None = None

    def reference(self) -> Build:
        """Return a build without any variation."""
        return Build(source=("--cache-image", self._image), output=self.folder("output") / "iso")

    def folder(self, name: str) -> Path:
        """Make a new folder that every user may enter."""
        place = self._top / f"{len(list(self._top.iterdir()))}"
        place.mkdir(mode=0o755)
        folder = place / name
        folder.mkdir(mode=0o755)
        return folder

    @cached_property
    def moved_image(self) -> Path:
        """A copy of the cache image, in another place under another name."""
        image = self.folder("Sicherung für später") / "mein Rückhalt.btrfs"
        command("cp", "--sparse=always", self._image, image)
        return image

    @cached_property
    def ext4(self) -> Path:
        """The base of a cache on ext4, written in another order than the one it came from."""
        base = self._undo.enter_context(mounted_ext4()) / "Backup"
        base.mkdir()
        shuffled_copy(self.btrfs / ROOTFS, base / ROOTFS)
        shutil.copy2(self.btrfs / ".backup_meta", base)
        return base

    @cached_property
    def checkout(self) -> Path:
        """What a user's own checkout may look like: group-writable, and dated now."""
        folder = self.folder("project, another one")
        for name in _CHECKED_OUT:
            for source in sorted((PROJECT / name).rglob("*"), reverse=True):
                target = folder / source.relative_to(PROJECT)
                if source.is_file() and source.suffix != ".pyc":
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source, target)
                    target.chmod(0o664)
        return folder

    def cold_blocks(self) -> Path:
        """Make an empty block cache."""
        self._blocks = self.folder("blocks")
        return self._blocks

    @property
    def warm_blocks(self) -> Path:
        """A block cache that a build has filled, which may be the last cold one."""
        if self._blocks is None or not any(self._blocks.iterdir()):
            build = replace(self.reference(), blocks=("--block-cache", self.cold_blocks()))
            ended = self.attempt(build)
            assert ended.code == 0, ended.errors
        assert self._blocks is not None
        return self._blocks

    def clock(self, offset: int) -> Path:
        """Return a library that shifts the clock by so many seconds."""
        return self._clocks[offset]

    @cached_property
    def _clocks(self) -> dict[int, Path]:
        """Compiled in a container of Debian's, like everything that runs in one."""
        files = {path.name: path.read_bytes() for path in CLOCK.iterdir()}
        image, _lines = self._client.images.build(
            fileobj=BuildContext(files=files).archive(),
            custom_context=True,
            tag="distroclone-builder-clock:test",
            buildargs={"BASE": self._base, "OFFSETS": f"{EARLIER} {LATER}"},
            rm=True,
        )
        folder = self.folder("clocks")
        container = self._client.containers.create(str(image.id))
        try:
            chunks, _facts = container.get_archive("/clocks")
            unpacking = ["tar", "--extract", "--directory", os.fspath(folder)]
            subprocess.run(unpacking, input=b"".join(chunks), check=True)
        finally:
            container.remove()
        return {offset: folder / f"clocks/{offset}.so" for offset in (EARLIER, LATER)}

    def run(self, build: Build) -> Trace:
        """Run a build to its end, after a crash if it is one of those."""
        if str(USER) in " ".join(build.prefix):
            own = [Path(build.environment[name]) for name in _OWN if name in build.environment]
            for folder in (*own, build.output.parent, *build.output.parent.glob("*")):
                os.chown(folder, USER, USER)
        left = self._crash(build) if build.crashes_before else ()
        record = self.folder("record") / "programs"
        record.touch()
        record.chmod(0o666)
        with self._started(build, "build", *_words(build), record=record) as started:
            started.wait_for_step("configure")  # the tree is staged, and seconds are to come
            container = container_of(self._client, started.process.pid, "build")
            assert container is not None
            facts = container.attrs
            command, inside = seen(started.process.pid), seen(facts["State"]["Pid"])
            ended = started.end()
        assert ended.code == 0, ended.errors
        (log,) = build.output.glob("*.log")
        return Trace(
            build=build,
            ended=ended,
            container=facts,
            command=command,
            inside=inside,
            left_by_crash=left,
            log=log.read_text("utf-8"),
            programs=frozenset(record.read_text("utf-8").split()),
        )

    def attempt(self, build: Build) -> Ended:
        """Run a build that may fail."""
        return self._run(build, "build", *_words(build))

    def _crash(self, build: Build) -> tuple[str, ...]:
        """Kill a build midway, remove what it left, and return what the engine said that was."""
        with self._started(build, "build", *_words(build)) as started:
            started.wait_for_step("initramfs")
            started.send(signal.SIGKILL)
            process = started.end().process
        left = left_by(self._client, process)
        ended = self._run(build, "builds", "cancel")  # else it would go on
        assert ended.code == 0, ended.errors
        assert left_by(self._client, process) == []
        assert frozen(self.btrfs) == []
        return tuple(left)

    def _run(self, build: Build, *words: object) -> Ended:
        with self._started(build, *words) as started:
            return started.end()

    @contextmanager
    def _started(
        self, build: Build, *words: object, record: Path | None = None
    ) -> Iterator[Running]:
        environment = {**build.environment, "PYTHONPATH": str(build.project)}
        containers = dict(build.containers)
        if build.clock is not None:
            environment["LD_PRELOAD"] = str(build.clock)
            preload = self.folder("preload") / "ld.so.preload"
            preload.write_text("/usr/lib/shifted-clock.so\n")
            # Part of the image, not mounted: of what is mounted, a tool sees only what it works on.
            containers["files"] = [
                (str(build.clock), "/usr/lib/shifted-clock.so"),
                (str(preload), "/etc/ld.so.preload"),
            ]
            if record is not None:
                containers["mounts"] = [(str(record), "/run/shifted-clock")]
        launcher = (sys.executable, "-P", str(LAUNCHER), json.dumps(containers))
        with running(
            *words, environment=environment, prefix=build.prefix, command=launcher
        ) as started:
            yield started


def _words(build: Build) -> tuple[object, ...]:
    return (
        "cache", *build.source, "--output", build.alias or build.output, "--compression", "fast",
        *build.blocks, *build.flags,
    )  # fmt: skip
