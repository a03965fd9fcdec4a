"""An initramfs of an earlier build is used again exactly when it would be made anew the same."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import SourceError
from builder.inside.blocks.kept_initramfs import KeptInitramfs
from builder.inside.blocks.store import BlockCache, prune, show
from builder.inside.layers import inhabited
from builder.inside.steps.initramfs import InitramfsStep
from builder.inside.tree.tree_digest import TreeDigest
from tests.support.machines import CLOCK, RecordingSystem, open_tree
from tests.support.stacks import make_bundle, make_initramfs_tools
from tests.support.trees import IMAGE

LISTING = "init\nscripts/live\nusr/bin/live-boot\n"
KERNELS = ("6.12-amd64", "6.1-amd64")
RUN = "0123456789abcdef"
OLD = 1_600_000_000


class Machine:
    """A source, builds of it, and the store that they share."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.store = BlockCache(folder=base / "store", counts=base / "counts")
        self.store.folder.mkdir()
        self.source = TreeDigest(digest="sha256:a", format=1, files=0, size=0, secret="")
        self.inputs: dict[str, object] = {"image": "sha256:i", "kernels": KERNELS}
        self.free = 0
        self.builds = 0

    def tree(self) -> Path:
        self.builds += 1
        root = self.base / f"build-{self.builds}/root"
        for name in ("boot", "etc", "usr/sbin", "proc", "sys", "dev", "tmp", "run"):
            (root / name).mkdir(parents=True)
        make_initramfs_tools(root)
        for kernel in KERNELS:
            (root / f"boot/vmlinuz-{kernel}").write_bytes(IMAGE)
        return root

    def kept(self) -> KeptInitramfs:
        return KeptInitramfs(
            store=self.store,
            run=RUN,
            inputs=[self.inputs],
            source=lambda: self.source,
            reserve=lambda: self.free,
        )

    def build(self, *, proven: bool = True) -> tuple[Path, RecordingSystem]:
        """Build, and return the folder of the images."""
        root = self.tree()

        def answer(argv: Sequence[str]) -> str:
            if argv[0] == "lsinitramfs":
                return LISTING
            image = root / argv[argv.index("-o") + 1].lstrip("/")
            image.write_bytes(f"cpio {self.source.digest} {argv[-1]}".encode())
            return ""

        system = RecordingSystem(answer)
        kept, target = self.kept(), root.with_name("initramfs")
        InitramfsStep(
            root=root,
            scratch=open_tree(root),
            stack=root.with_name("stack.json"),
            target=target,
            kernels=KERNELS,
            source_date_epoch=CLOCK,
            bundle=make_bundle(root.with_name("image")),
            kept=kept,
        ).run(system)
        kept.decide(None if proven else SourceError)
        return target, system

    def value(self) -> Path:
        (value,) = self.store.folder.glob("??/*")
        return value


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    # Devices need root; what they are is seen in the tests with the real tools.
    monkeypatch.setattr(inhabited, "_make_devices", lambda *_words: None)
    return Machine(tmp_path)


def facts(folder: Path) -> dict[str, tuple[int, bytes]]:
    """What is there."""
    return {each.name: (each.stat().st_mode, each.read_bytes()) for each in folder.iterdir()}


def made_anew(system: RecordingSystem) -> bool:
    return any(argv[0] == "mkinitramfs" for argv in system.commands)


def test_the_same_system_gets_it_again(machine: Machine) -> None:
    first, making = machine.build()
    second, using = machine.build()
    assert (made_anew(making), made_anew(using)) == (True, False)
    assert using.mounts == []
    assert "very same system" in using.notes[0]
    assert sorted(facts(first)) == sorted(KERNELS)
    assert facts(second) == facts(first)


def other_source(machine: Machine) -> None:
    machine.source = replace(machine.source, digest="sha256:b")


def other_definition_of_digests(machine: Machine) -> None:
    machine.source = replace(machine.source, format=2)


def other_settings(machine: Machine) -> None:
    machine.inputs["live"] = "other"


def other_image(machine: Machine) -> None:
    machine.inputs["image"] = "sha256:j"


@pytest.mark.parametrize(
    "change", [other_source, other_definition_of_digests, other_settings, other_image]
)
def test_whatever_decides_the_tree_makes_it_anew(
    machine: Machine, change: Callable[[Machine], None]
) -> None:
    machine.build()
    change(machine)
    root, system = machine.build()
    assert made_anew(system)
    assert machine.source.digest.encode() in (root / KERNELS[0]).read_bytes()
    _root, again = machine.build()
    assert not made_anew(again)


def test_a_build_that_fails_later_keeps_nothing(machine: Machine) -> None:
    machine.build(proven=False)
    assert list(machine.store.folder.glob("??/*")) == []
    _root, system = machine.build()
    assert made_anew(system)


def cut_short(value: Path) -> None:
    os.truncate(value, value.stat().st_size - 1)


def cut_in_the_header(value: Path) -> None:
    os.truncate(value, 20)


def emptied(value: Path) -> None:
    os.truncate(value, 0)


def lengthened(value: Path) -> None:
    value.write_bytes(value.read_bytes() + b"\0")


def flipped(value: Path) -> None:
    content = bytearray(value.read_bytes())
    content[-40] ^= 1
    value.write_bytes(content)


def flipped_in_the_header(value: Path) -> None:
    value.write_bytes(value.read_bytes().replace(b'"images": [', b'"images":[ '))


def with_a_huge_header(value: Path) -> None:
    value.write_bytes(b"dcinitr3" + b"\xff" * 100)


def no_json(value: Path) -> None:
    value.write_bytes(b"dcinitr3" + b"\x04\0\0\0" + b"{{{{" + bytes(40))


def another_value(value: Path) -> None:
    value.write_bytes(b"dcblock1" + bytes(100))


def a_folder(value: Path) -> None:
    value.unlink()
    value.mkdir()


@pytest.mark.parametrize(
    "damage",
    [cut_short, cut_in_the_header, emptied, lengthened, flipped, flipped_in_the_header,
     with_a_huge_header, no_json, another_value, a_folder],
)  # fmt: skip
def test_a_damaged_one_is_none_and_leaves_no_trace(
    machine: Machine, damage: Callable[[Path], None]
) -> None:
    whole, _system = machine.build()
    damage(machine.value())
    root, system = machine.build()
    assert made_anew(system)
    assert facts(root) == facts(whole)
    if damage is not a_folder:
        _root, again = machine.build()
        assert not made_anew(again)  # it was replaced


def test_a_store_that_may_not_be_written_is_read_only(machine: Machine) -> None:
    machine.build()
    used = machine.value().stat().st_mtime_ns
    machine.store = replace(machine.store, read_only=True)
    _root, system = machine.build()
    assert not made_anew(system)
    assert machine.value().stat().st_mtime_ns == used
    other_source(machine)
    machine.build()
    assert machine.value().stat().st_mtime_ns == used


def test_a_disk_that_the_build_needs_gets_none(machine: Machine) -> None:
    machine.free = 1 << 60
    _root, system = machine.build()
    assert made_anew(system)
    assert list(machine.store.folder.iterdir()) == []


def test_it_counts_and_goes_like_any_other_value(machine: Machine) -> None:
    machine.build()
    os.utime(machine.value(), (OLD, OLD))
    machine.build()
    assert machine.value().stat().st_mtime > OLD  # it was used
    size = machine.value().stat().st_size
    assert (show(machine.store.folder).values, show(machine.store.folder).size) == (1, size)
    assert prune(machine.store.folder, limit=size).removed == 0
    assert prune(machine.store.folder, limit=size - 1).removed == 1
    _root, system = machine.build()
    assert made_anew(system)
