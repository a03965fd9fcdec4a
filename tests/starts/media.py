"""Makes what is on the drives of start paths: ISOs by the program's own command, the rest of them.

Each is made once and kept in one folder, below `.demo`, until the program or what makes it changes.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import docker

from builder.formats.identities import ImageIdentity
from tests.boot import persistence
from tests.conftest import DEMO
from tests.starts.way import Content
from tests.support.command_line import COMMAND
from tests.support.containers import known_as
from tests.support.probing import run_module

_SETTINGS: Final[Mapping[Content, str]] = {
    Content.PLAIN: "",
    Content.OTHER: "live: {user: other}\n",
    Content.KEPT: "boot: {entries: [persistence, live], timeout_seconds: 1}\n",
    Content.GERMAN: "live: {locale: de_DE.UTF-8}\n",
    Content.UNSIGNED: "",
    Content.LARGE: "compression: fast\n",
}
_BY_COMMAND: Final[Mapping[Content, tuple[Content, tuple[str, ...]]]] = {
    Content.STICK: (Content.PLAIN, ()),
    Content.STICK_KEPT: (Content.KEPT, ("--persistence", "rest")),
}
_STICK_SIZE: Final = "2G"  # larger than the ISO, as sticks are
_STICKS: Final[Mapping[Content, str]] = {
    Content.GRUB_STICK: "grub",
    Content.COPIED_MBR: "mbr",
    Content.COPIED_GPT: "gpt",
}
_TREES: Final[Mapping[Content, str]] = {Content.UNSIGNED: "unsigned", Content.LARGE: "large"}
_SPOILED: Final = (Content.UNSIGNED_KERNEL, Content.CHANGED_KERNEL, Content.UNSIGNED_GRUB,
                   Content.DAMAGED)  # fmt: skip
_INSIDE: Final = Path(__file__).parent / "inside"
_TREE: Final = "tree"
_PREFIX: Final = "starts-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """The folder of the drives, and what makes them."""

    client: docker.DockerClient
    builder_image: ImageIdentity
    boot_test_image: str
    cache: Path  # the demo's
    folder: Path

    def made(self, content: Content) -> Path:
        """Return the file of a drive, made where it is missing."""
        target = self.folder / content
        if target.exists():
            return target
        sys.stderr.write(f"starts: making {content}\n")
        if content in _SETTINGS:
            self._build(content, target)
        elif content in _BY_COMMAND:
            self._write_stick(content, target)
        elif content in _STICKS:
            self._run_in_image("sticks", _STICKS[content], self.made(Content.PLAIN).name, content)
        elif content in _SPOILED:
            plain = self.made(Content.PLAIN).name
            words = ("tests.starts.inside.spoil", Path(content).stem, plain, content)
            run_module(self.client, self.boot_test_image, self.folder, *words, may_write=True)
        else:
            layer = self.folder / "layer"
            persistence.make_persistence(target, layer)
            shutil.rmtree(layer)
        return target

    def _build(self, content: Content, target: Path) -> None:
        source = ("--cache-image", os.fspath(self.cache))
        if content in _TREES:
            self._run_in_image("trees", _TREES[content], self.made(Content.PLAIN).name, _TREE)
            source = ("--tree", os.fspath(self.folder / _TREE))
        settings = target.with_suffix(".yaml")
        settings.write_text(f"version: 1\n{_SETTINGS[content]}", "utf-8")
        output = target.with_suffix(".folder")
        argv = [*COMMAND, "build", "--config", os.fspath(settings), *source, "--output",
                os.fspath(output), "--privacy", "warn"]  # fmt: skip
        try:
            subprocess.run(argv, check=True, stdout=sys.stderr)
            next(output.glob("*.iso")).rename(target)
        finally:
            for each in (output, self.folder / _TREE):
                if each.exists():
                    shutil.rmtree(each)

    def _write_stick(self, content: Content, target: Path) -> None:
        source, options = _BY_COMMAND[content]
        argv = [*COMMAND, "stick", os.fspath(self.made(source)), os.fspath(target), "--size",
                _STICK_SIZE, *options]  # fmt: skip
        subprocess.run(argv, check=True, stdout=sys.stderr)
        if options:
            persistence.plant_on_stick(target, self.folder / "mount")

    def _run_in_image(self, module: str, *words: str) -> None:
        image = known_as(self.client, self.builder_image)
        name = f"tests.starts.inside.{module}"
        run_module(self.client, image, self.folder, name, *words, may_write=True)


def media_folder(builder_image: ImageIdentity) -> Path:
    """Return the folder for what this image and this code make; that of any other is removed."""
    whole = hashlib.sha256(builder_image.id.encode())
    for source in (Path(__file__), Path(persistence.__file__), *sorted(_INSIDE.glob("*.py"))):
        whole.update(source.read_bytes())
    folder = DEMO / f"{_PREFIX}{whole.hexdigest()[:16]}"
    for old in DEMO.glob(f"{_PREFIX}*"):
        if old != folder:
            shutil.rmtree(old)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
