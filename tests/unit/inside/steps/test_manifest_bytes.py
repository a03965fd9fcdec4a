"""Manifest and private file are formats: what a build writes is, byte for byte, what it was."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder import __version__
from builder.basics.codec import Place, to_data
from builder.basics.errors import VerificationError
from builder.formats.boot_chain import BootChain, Loader, LoaderOrigin, SignedKernel
from builder.formats.identities import ImageIdentity
from builder.formats.manifest import manifest_text
from builder.formats.package import Package
from builder.formats.private_record import private_text
from builder.formats.recipe import BootSettings, LiveSettings, Recipe
from builder.formats.snapshot import SnapshotKind
from builder.formats.system_facts import SystemFacts
from builder.host.config.compression_text import PRESETS
from builder.host.results.manifest_reader import read_manifest
from builder.host.results.private_reader import check_private, read_private
from builder.inside.medium import identity as medium
from builder.inside.steps.manifest import ManifestStep
from builder.inside.tree.tree_digest import TreeDigest
from tests.support.manifests import without
from tests.support.records import record
from tests.support.systems import RecordingSystem
from tests.unit.inside.steps.test_manifest import candidate

FIXTURES = Path(__file__).parents[4] / "fixtures"
EXPECTED = FIXTURES / "manifests/patterns.json"
PRIVATE = FIXTURES / "private/patterns.json"
BLOCK = 2048
PARTITION = bytes(range(256)) * 16
FILES = {"live/a b": b"a" * 100, medium.LIVE_UUID: b"0123456789abcdef" * 2 + b"\n"}
LAYOUT = """\
El Torito boot img :   1  BIOS  y   none  0x0000  0x00      4         135
El Torito boot img :   2  UEFI  y   none  0x0000  0x00   2880          16
System area summary: MBR grub2-mbr cyl-align-off GPT
MBR partition      :   1   0x80  0xcd            64         1000
GPT type GUID      :   2  28732ac11ff8d211ba4b00a0c93ec93b
GPT start and size :   2  64  8
"""
TOOLS = "ii \tlibzstd1:amd64\t1.5.7+dfsg-1\nii \txorriso\t1.5.6-1.2+b1\n"
STATUS = """\
Package: libstdc++6
Status: install ok installed
Architecture: amd64
Version: 1:14.2.0-19+b1

Package: adduser
Status: install ok installed
Architecture: all
Version: 3.152
"""
CHANGES = [
    {"path": "/etc/machine-id", "change": "changed", "rule": "machine-id"},
    {"path": "/etc/b\udcff", "change": "removed", "rule": "ssh-host-keys"},
    {"path": "/etc/live", "change": "added", "rule": "live-settings"},
    {"path": "/etc/c", "change": "removed", "rule": "ssh-host-keys"},
]
TIME = 1_750_170_600
RECORDS = [
    record("/etc/b\udcff", kind="l", mode="0777", value="c"),
    record("/etc/c", size="2", value="3" * 64),
    record("/etc/kept", size="2", value="4" * 64),
    record("/etc/linked", size="2", value="3" * 64, first="/etc/c"),
    record("/etc/machine-id", size="33", value="5" * 64),
    record("/etc/tomorrow", mtime=str(TIME + 1), size="2", value="4" * 64),
]
LEFT_OUT = [{"path": "/srv/acme", "rule": "data", "size": 7}]
FINDINGS = [{"path": "/opt/acme/key", "rule": "private-key", "where": "system", "allowed": "mine"}]
SYSTEM = SystemFacts(
    distro_id="debian",
    distro_name="Debian GNU/Linux",
    pretty_name='Debian "13" \N{SNOWMAN}',
    version="13",
    architecture="amd64",
    desktop="xfce",
    kernels=("6.12.118+deb13-amd64", "6.1.0-40-amd64"),
)
CHAIN = BootChain(
    vendor="Debian Secure Boot CA",
    origin=LoaderOrigin.IMAGE,
    packages=(Package(name="shim-signed", architecture="amd64", version="1.51~1"),),
    loaders=(
        Loader(
            path=medium.UEFI_LOADER,
            sha256="6" * 64,
            signers=("Microsoft UEFI CA 2023",),
            sbat={"sbat": 1, "shim": 4},
        ),
    ),
    kernels=(
        SignedKernel(
            version="6.12.118+deb13-amd64", signers=("Debian Secure Boot CA",), verified=True
        ),
        SignedKernel(version="6.1.0-40-amd64", signers=(), verified=False),
    ),
)
SECRET = "2" * 64
RECIPE = Recipe(
    compression=PRESETS["max"],
    live=LiveSettings(groups=("sudo",), locale="de_DE.UTF-8"),
    boot=BootSettings(serial_console="ttyS0,115200"),
    exclude=("/srv/*",),
    name="Tiny",
)


class Tools(RecordingSystem):
    """xorriso and dpkg-query, as they speak of the tiny ISO."""

    def run(self, argv: Any, **_options: object) -> str:
        if argv[0] == "dpkg-query":
            return TOOLS
        return self.listing if "-find" in argv else LAYOUT

    listing = ""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def tiny_iso(folder: Path) -> tuple[ManifestStep, Tools]:
    """Make something like an ISO with two files and their sums, and what it was made from."""
    tree, root, system = folder / "tree", folder / "root", Tools()
    sums = "".join(f"{sha256(content)}  ./{name}\n" for name, content in FILES.items()).encode()
    files = FILES | {medium.SHA256_SUMS: sums, medium.MD5_SUMS: b"md5\n"}
    image = bytearray(BLOCK * 18 - len(PARTITION)) + PARTITION
    for block, (name, content) in enumerate(files.items(), start=1):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
        image[block * BLOCK : block * BLOCK + len(content)] = content
        system.listing += f"File data lba:  0 , {block} , 1 , {len(content)} , '/{name}'\n"
    (folder / "Tiny.iso").write_bytes(image)
    (folder / "Tiny.cdx.json").write_bytes(b"{}\n")
    (folder / "efi.img").write_bytes(PARTITION)
    (folder / "changes.json").write_text(json.dumps(CHANGES, indent=1), encoding="ascii")
    (folder / "left_out.json").write_text(json.dumps(LEFT_OUT))
    (folder / "chain.json").write_text(json.dumps(to_data(CHAIN)))
    (folder / "records").write_bytes(b"".join(record.line for record in RECORDS))
    (folder / "findings.json").write_text(json.dumps(FINDINGS))
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(STATUS)
    tree_digest = TreeDigest(digest="sha256:" + "1" * 64, format=1, files=2, size=3, secret=SECRET)
    step = ManifestStep(
        root=root,
        layer=Path("/nowhere"),
        iso_tree=tree,
        partition=folder / "efi.img",
        chain=folder / "chain.json",
        iso=folder / "Tiny.iso",
        volume_id="TINY",
        candidate=replace(candidate("3", SnapshotKind.SNAPPER), system=SYSTEM),
        recipe=RECIPE,
        image=ImageIdentity(id="sha256:" + "0" * 64, locked=True),
        source_date_epoch=1_750_170_600,
        others=(folder / "Tiny.cdx.json",),
        changes=(folder / "changes.json",),
        packages_lock=None,
        live=folder / "live.json",
        stack=folder / "stack.json",
        records=folder / "records",
        left_out=folder / "left_out.json",
        findings=folder / "findings.json",
        source=lambda: tree_digest,
    )
    return step, system


def expected() -> str:
    text = EXPECTED.read_text(encoding="utf-8")
    assert '"builder": "0.1.0"' in text
    return text.replace('"builder": "0.1.0"', f'"builder": "{__version__}"')


def came_later() -> tuple[Place, ...]:
    """Return what the fixture lacks of today's fields."""
    return read_manifest(EXPECTED.read_bytes()).absent


def test_a_manifest_is_written_byte_for_byte_as_ever(tmp_path: Path) -> None:
    step, system = tiny_iso(tmp_path)
    step.run(system)
    text = step.target.read_text(encoding="ascii")
    assert manifest_text(read_manifest(text.encode()).said) == text
    assert json.loads(text)["boot_chain"] == to_data(CHAIN)
    assert without(text, came_later()) == expected()


def test_a_private_file_is_written_byte_for_byte_as_ever(tmp_path: Path) -> None:
    step, system = tiny_iso(tmp_path)
    step.run(system)
    content = step.private.read_bytes()
    assert private_text(read_private(content, name="x")).encode() == content
    assert content == PRIVATE.read_bytes()
    assert check_private(read_private(content, name="x"), read_manifest(step.target.read_bytes()))


@pytest.mark.parametrize("umask", [0, 0o022])
def test_nobody_else_can_read_the_private_file(tmp_path: Path, umask: int) -> None:
    step, system = tiny_iso(tmp_path)
    before = os.umask(umask)
    try:
        step.run(system)
    finally:
        os.umask(before)
    assert step.private.stat().st_mode & 0o777 == 0o600


def test_the_manifest_names_nothing_that_is_in_the_private_file(tmp_path: Path) -> None:
    step, system = tiny_iso(tmp_path)
    step.run(system)
    private, public = step.private.read_text(), step.target.read_text()
    words = ("/etc/machine-id", "/etc/b", "/etc/live", "/srv", "acme", "weekly", SECRET)
    assert [word for word in words if word not in private] == []
    assert [word for word in words if word in public] == []


def test_what_no_step_left_is_not_in_the_manifest(tmp_path: Path) -> None:
    step, system = tiny_iso(tmp_path)
    for each in (step.left_out, step.findings):
        each.unlink()
    step.run(system)
    data = json.loads(step.target.read_text("ascii"))
    assert data.keys() == json.loads(expected()).keys() - {"findings"} | {"boot_chain"}
    assert json.loads(step.private.read_text())["left_out"] == []


def test_what_was_left_out_and_what_the_snapshot_is_called_decide_no_published_byte(
    tmp_path: Path,
) -> None:
    step, system = tiny_iso(tmp_path)
    step.run(system)
    before = step.target.read_bytes()
    step.left_out.unlink()
    replace(step, candidate=replace(step.candidate, description="of another cache")).run(system)
    assert step.target.read_bytes() == before


def test_without_a_secret_no_digest_of_what_could_be_guessed_is_published(tmp_path: Path) -> None:
    step, system = tiny_iso(tmp_path)
    tree = replace(step.source(), secret="")
    replace(step, source=lambda: tree).run(system)
    assert json.loads(step.target.read_text())["private"] == {
        "digest": None,
        "settings": {"exclude": 1},
    }
    assert json.loads(step.private.read_text())["key"] == ""


def test_a_file_that_is_not_what_was_staged_fails_the_build(tmp_path: Path) -> None:
    step, system = tiny_iso(tmp_path)
    image = bytearray(step.iso.read_bytes())
    image[BLOCK] ^= 1
    step.iso.write_bytes(image)
    with pytest.raises(
        VerificationError, match="live/a b in the ISO differs from the file that was packed"
    ):
        step.run(system)
