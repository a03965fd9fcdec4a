"""A tiny system that can be packed into an ISO, and the steps that do it."""

import os
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.border import paths
from builder.border.cache_report import Candidate
from builder.border.events import Event
from builder.formats.identities import ImageIdentity
from builder.formats.recipe import BootSettings, Recipe
from builder.formats.snapshot import SnapshotKind
from builder.formats.system_facts import SystemFacts
from builder.host.config.compression_text import PRESETS
from builder.inside.blocks.mksquashfs import mksquashfs_argv
from builder.inside.medium import identity as medium
from builder.inside.steps.boot import BootStep
from builder.inside.steps.iso import IsoStep
from builder.inside.steps.manifest import ManifestStep
from builder.inside.steps.provenance import ProvenanceStep
from builder.inside.steps.sbom import SbomStep
from builder.inside.steps.squashfs import SquashfsStep
from builder.inside.system.real_system import RealSystem
from builder.inside.tree.tree_digest import TreeDigest
from tests.support.trees import IMAGE

EPOCH = 1_750_170_600  # 2025-06-17 14:30 UTC
KERNELS = ("6.12.48+deb13-amd64", "6.1.0-40-amd64")
RECIPE = Recipe(
    compression=PRESETS["fast"],
    boot=BootSettings(serial_console="ttyS0,115200", timeout_seconds=2),
)
FACTS = SystemFacts(
    distro_id="debian",
    distro_name="Debian GNU/Linux",
    pretty_name="Debian 'quoted' $root \"13\" {x} \\",
    version="13",
    architecture="amd64",
    desktop="console",
    kernels=KERNELS,
)
CANDIDATE = Candidate(
    selector="3",
    kind=SnapshotKind.SNAPPER,
    path=".rootfs_cache/.snapshots/3/snapshot",
    taken=EPOCH,
    description="weekly",
    size="8.2G",
    read_only=True,
    subvolume=True,
    uuid="5d3c0f4e-0000-4000-8000-000000000000",
    system=FACTS,
)
STATUS = """\
Package: base-files
Status: install ok installed
Architecture: amd64
Version: 13.8

Package: adduser
Status: install ok installed
Architecture: all
Version: 3.152
"""
FILES = {
    "bin/ping": b"\x7fELF" + b"p" * 5000,
    "etc/os-release": b"ID=debian\n",
    "usr/share/big": b"0123456789abcdef" * 100_000,
    "var/lib/dpkg/status": STATUS.encode(),
    "boot/vmlinuz-6.1.0-40-amd64": IMAGE + b"kernel one" * 1000,
    "usr/lib/kernel/newest": IMAGE + b"kernel two" * 1000,
}
INITRAMFS = {
    "6.1.0-40-amd64": b"initrd one" * 1001,
    "6.12.48+deb13-amd64": b"initrd two" * 1003,
}


TREE = TreeDigest(digest="sha256:" + "1" * 64, format=1, files=2, size=3, secret="2" * 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The folders of one build."""

    base: Path

    @property
    def root(self) -> Path:
        return self.base / "root"

    @property
    def layer(self) -> Path:
        return self.base / "layer"

    @property
    def initramfs(self) -> Path:
        return self.base / "initramfs"

    @property
    def iso_tree(self) -> Path:
        return self.base / "iso"

    @property
    def partition(self) -> Path:
        return self.base / "boot" / "esp.img"

    @property
    def sums(self) -> Path:
        return self.base / "boot" / "sums.json"

    @property
    def chain(self) -> Path:
        return self.base / "boot" / "chain.json"

    @property
    def records(self) -> Path:
        return self.base / "records"

    @property
    def iso(self) -> Path:
        return self.base / "out" / "Tiny-13-console.iso"


def real_system(events: list[Event] | None = None) -> RealSystem:
    """Return a system that runs real tools."""
    kept: list[Event] = [] if events is None else events
    return RealSystem(kept.append, source_date_epoch=EPOCH)


def make_root(work: Work, *, seed: int = 0) -> None:
    """Make the tree; `seed` shuffles the order of creation."""
    work.base.mkdir(parents=True, exist_ok=True)
    work.records.write_bytes(b"")
    names = sorted(FILES)
    random.Random(seed).shuffle(names)  # noqa: S311
    for name in names:
        path = work.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES[name])
        path.chmod(0o755 if name.startswith("bin/") else 0o644)
    for name, content in INITRAMFS.items():
        work.initramfs.mkdir(exist_ok=True)
        (work.initramfs / name).write_bytes(content)
    # A symlink that is absolute must lead to the tree's own file.
    link = work.root / "boot/vmlinuz-6.12.48+deb13-amd64"
    link.symlink_to("/usr/lib/kernel/newest")
    os.utime(work.root / "etc/os-release", (EPOCH - 1000, EPOCH - 1000))
    for folder, _folders, _files in os.walk(work.root):
        Path(folder).chmod(0o755)


def squashfs_step(work: Work) -> SquashfsStep:
    """The step, for a tree that the step before it has dated."""
    os.utime(work.root, (EPOCH, EPOCH))
    return SquashfsStep(
        root=work.root,
        target=work.iso_tree / medium.SQUASHFS,
        packages=work.iso_tree / medium.PACKAGES,
        groups=work.base / "groups",
        compression=RECIPE.compression,
        size=lambda: 1 << 20,
    )


def pack_layer(work: Work, files: Mapping[str, str], *, hides: Iterable[str] = ()) -> None:
    """Pack a live layer of text files ("etc/hostname") and whiteouts, whose folders have a file."""
    for name, text in files.items():
        path = work.layer / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in (work.layer, *work.layer.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH, EPOCH))
    target = work.iso_tree / medium.LIVE_SQUASHFS
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not every filesystem can hold a whiteout, but mksquashfs can make one.
    whiteouts = (word for name in hides for word in ("-p", f"{name} c 0 0 0 0 0"))
    real_system().run([*mksquashfs_argv(work.layer, target, RECIPE.compression), *whiteouts])


def boot_step(work: Work) -> BootStep:
    """The step, for a tree to which another step has added the live layer, or a stand-in."""
    layer = work.iso_tree / medium.LIVE_SQUASHFS
    layer.parent.mkdir(parents=True, exist_ok=True)
    if not layer.exists():
        layer.write_bytes(b"hsqs, and the live layer")
    return BootStep(
        root=work.root,
        layer=work.layer,
        initramfs=work.initramfs,
        iso_tree=work.iso_tree,
        parts=work.base / "boot",
        partition=work.partition,
        sums=work.sums,
        chain=work.chain,
        signed=paths.SIGNED,
        lock=paths.LOCK,
        system=FACTS,
        recipe=RECIPE,
        source_date_epoch=EPOCH,
    )


def iso_step(work: Work) -> IsoStep:
    return IsoStep(
        iso_tree=work.iso_tree,
        partition=work.partition,
        sums=work.sums,
        target=work.iso,
        pretty_name=FACTS.pretty_name,
        volume_id="TINY_13",
        source_date_epoch=EPOCH,
    )


def manifest_step(work: Work, *, changes: Path | None = None) -> ManifestStep:
    return ManifestStep(
        root=work.root,
        layer=Path("/nowhere"),
        iso_tree=work.iso_tree,
        partition=work.partition,
        chain=work.chain,
        iso=work.iso,
        volume_id="TINY_13",
        candidate=CANDIDATE,
        recipe=RECIPE,
        image=ImageIdentity(id="sha256:" + "0" * 64, locked=True),
        source_date_epoch=EPOCH,
        others=sbom_step(work).targets,
        changes=(changes or work.base / "changes.json",),
        packages_lock=None,
        live=work.base / "live.json",
        stack=work.base / "stack.json",
        records=work.records,
        left_out=work.base / "left_out.json",
        findings=work.base / "findings.json",
        source=lambda: TREE,
    )


def sbom_step(work: Work) -> SbomStep:
    return SbomStep(
        root=work.root,
        layer=Path("/nowhere"),
        stack=work.base / "stack.json",
        iso_tree=work.iso_tree,
        iso=work.iso,
        facts=FACTS,
        source_date_epoch=EPOCH,
    )


def provenance_step(work: Work) -> ProvenanceStep:
    return ProvenanceStep(iso=work.iso, manifest=manifest_step(work).target, lock=paths.LOCK)


def build(work: Work, events: list[Event] | None = None) -> None:
    """Run all steps that make results of the tree."""
    system = real_system(events)
    for step in (
        squashfs_step(work),
        boot_step(work),
        iso_step(work),
        sbom_step(work),
        manifest_step(work),
        provenance_step(work),
    ):
        step.run(system)
