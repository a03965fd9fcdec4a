"""A real ISO and its manifest, read back with other tools than those that wrote them."""

import dataclasses
import hashlib
import json
import os
import re
import struct
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from builder.basics.errors import StepError, VerificationError
from builder.border.events import Event, StepProgress, ToolOutput
from builder.inside.iso.iso_report import check_layout, files_argv, layout_argv, parse_files
from builder.inside.medium import identity as medium
from builder.inside.medium.sums import read_known, write_sums
from builder.inside.output.results import Results
from builder.inside.steps.iso import iso_progress
from tests.support.media import (
    EPOCH,
    FILES,
    INITRAMFS,
    KERNELS,
    Work,
    boot_step,
    build,
    iso_step,
    make_root,
    manifest_step,
    provenance_step,
    real_system,
    sbom_step,
    squashfs_step,
)

pytestmark = pytest.mark.tools


def extract(iso: Path, name: str, target: Path) -> Path:
    argv = ["osirrox", "-indev", os.fspath(iso), "-extract", name, os.fspath(target)]
    subprocess.run(argv, check=True, capture_output=True)
    return target


@pytest.fixture(scope="module")
def extracted(built: Work, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extract(built.iso, "/", tmp_path_factory.mktemp("extracted") / "iso")


def test_the_sums_inside_verify_as_live_boot_would_do_it(extracted: Path) -> None:
    for tool, sums in (("sha256sum", "sha256sum.txt"), ("md5sum", "md5sum.txt")):
        subprocess.run([tool, "--strict", "-c", sums], cwd=extracted, check=True)
        listed = {line.split("  ./")[1] for line in (extracted / sums).read_text().splitlines()}
        present = {
            path.relative_to(extracted).as_posix()
            for path in extracted.rglob("*")
            if path.is_file()
        }
        patched = {"boot/grub/eltorito.img", "boot/grub/boot.cat"}
        assert present - listed == patched | {"sha256sum.txt", "md5sum.txt"}


def test_both_kernels_are_on_the_medium_and_an_absolute_link_led_inside_the_tree(
    extracted: Path,
) -> None:
    newest, older = KERNELS
    assert (extracted / f"live/vmlinuz-{newest}").read_bytes() == FILES["usr/lib/kernel/newest"]
    assert (extracted / f"live/vmlinuz-{older}").read_bytes() == FILES[f"boot/vmlinuz-{older}"]


def test_each_initrd_is_what_was_made_followed_by_the_id(extracted: Path, tmp_path: Path) -> None:
    identity = (extracted / ".disk/live-uuid").read_text()
    for version in KERNELS:
        initrd = (extracted / f"live/initrd.img-{version}").read_bytes()
        original = INITRAMFS[version]
        assert initrd.startswith(original)
        start = initrd.index(b"070701", len(original))
        assert start % 4 == 0
        assert initrd[len(original) : start].strip(b"\0") == b""
        archive = tmp_path / f"{version}.cpio"
        archive.write_bytes(initrd[start:])
        folder = tmp_path / version
        folder.mkdir()
        subprocess.run(["python3", "-c", CPIO, os.fspath(archive), os.fspath(folder)], check=True)
        assert (folder / "conf/uuid.conf").read_text() == identity


# GNU cpio is not in the image; bsdtar neither. Reading newc takes a few lines.
CPIO = """
import pathlib, sys
data, base, place = pathlib.Path(sys.argv[1]).read_bytes(), pathlib.Path(sys.argv[2]), 0
while True:
    mode, size, length = (int(data[place + at:place + at + 8], 16) for at in (14, 54, 94))
    name = data[place + 110:place + 109 + length].decode()
    start = place + 110 + length + -(110 + length) % 4
    if name == "TRAILER!!!":
        break
    if mode >> 12 == 4:
        (base / name).mkdir()
    else:
        (base / name).write_bytes(data[start:start + size])
    place = start + size + -size % 4
"""


def test_the_system_partition_holds_a_loader_for_each_width_and_nothing_else(
    built: Work, extracted: Path, tmp_path: Path
) -> None:
    esp = tmp_path / "esp.img"
    place = check_layout(real_system().run(layout_argv(built.iso)))
    esp.write_bytes(built.iso.read_bytes()[place.start : place.start + place.size])
    assert esp.read_bytes() == built.partition.read_bytes()
    listing = mtools("mdir", "-/", "-b", "-i", os.fspath(esp), "::")
    machines = {medium.UEFI32_LOADER: 0x014C, medium.UEFI_LOADER: 0x8664}
    places = [f"::/{name}" for name in machines]
    assert listing.decode().split() == ["::/EFI/", "::/EFI/BOOT/", *places]
    for name, machine in machines.items():
        loader = mtools("mtype", "-i", os.fspath(esp), f"::/{name}")
        assert loader == (extracted / name).read_bytes()
        assert loader[:2] == b"MZ"
        (header,) = struct.unpack_from("<I", loader, 0x3C)
        assert struct.unpack_from("<4sH", loader, header) == (b"PE\0\0", machine)
    identity = medium.read_medium_id(built.iso_tree)
    label = mtools("mlabel", "-s", "-i", os.fspath(esp), "::").decode()
    assert "DCB_ESP" in label
    assert int(identity.fat_serial, 16) == struct.unpack_from("<I", esp.read_bytes(), 39)[0]


def mtools(*argv: str) -> bytes:
    return subprocess.run(
        argv, check=True, capture_output=True, env={**os.environ, "TZ": "UTC"}
    ).stdout


def test_mbr_and_gpt_say_the_same_as_the_firmware_will_read_them(built: Work) -> None:
    data = built.iso.read_bytes()
    assert data[510:512] == b"\x55\xaa"
    entries = [data[446 + 16 * index :][:16] for index in range(4)]
    assert 0xEE in {entry[4] for entry in entries}
    assert 0x80 in {entry[0] for entry in entries}
    header = data[512:604]
    assert header[:8] == b"EFI PART"
    identity = medium.read_medium_id(built.iso_tree)
    assert str(uuid.UUID(bytes_le=header[56:72])) == identity.guid
    first, count, size = (
        *struct.unpack_from("<Q", header, 72),
        *struct.unpack_from("<II", header, 80),
    )
    partitions = [data[first * 512 + index * size :][:size] for index in range(count)]
    kinds = {
        str(uuid.UUID(bytes_le=entry[:16])).upper(): struct.unpack_from("<QQ", entry, 32)
        for entry in partitions
        if any(entry[:16])
    }
    esp = kinds["C12A7328-F81F-11D2-BA4B-00A0C93EC93B"]
    place = check_layout(real_system().run(layout_argv(built.iso)))
    assert (esp[0] * 512, (esp[1] - esp[0] + 1) * 512) == (place.start, place.size)
    assert kinds.keys() == {
        "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
        "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
    }


def test_the_volume_has_its_name_its_own_date_and_our_preparer(built: Work) -> None:
    sector = built.iso.read_bytes()[16 * 2048 : 17 * 2048]
    identity = medium.read_medium_id(built.iso_tree)
    assert sector[40:72].decode().rstrip() == "TINY_13"
    assert sector[446:574].decode().rstrip().lower() == "distroclone-builder 0.1.0"
    assert sector[813:829].decode() == identity.volume_date(EPOCH)
    assert sector[830:846].decode() == identity.volume_date(EPOCH)


def test_the_memory_test_is_there_for_every_firmware(built: Work) -> None:
    for_bios = (built.iso_tree / medium.MEMTEST_BIOS).read_bytes()
    assert for_bios[0x202:0x206] == b"HdrS"  # Linux's boot protocol
    for name in (medium.MEMTEST_UEFI, medium.MEMTEST_UEFI32):
        for_uefi = (built.iso_tree / name).read_bytes()
        assert for_uefi.startswith(b"MZ")  # a program of UEFI
        assert for_uefi[0x202:0x206] == b"HdrS"


@pytest.mark.parametrize("name", [medium.GRUB_CONFIG, medium.LOOPBACK_CONFIG])
def test_grub_itself_finds_no_fault_in_the_menu(built: Work, name: str) -> None:
    menu = built.iso_tree / name
    subprocess.run(["grub-script-check", "-v", os.fspath(menu)], check=True)


def test_the_manifest_and_the_sums_describe_what_is_there(built: Work, extracted: Path) -> None:
    subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=built.iso.parent, check=True)
    text = (built.iso.parent / "Tiny-13-console.manifest.json").read_text()
    manifest = json.loads(text)
    assert text == json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    names = ("Tiny-13-console.iso", "Tiny-13-console.cdx.json", "Tiny-13-console.spdx.json")
    assert manifest["artefacts"] == [row(built.iso.with_name(name), name) for name in names]
    contents = {entry["path"]: entry for entry in manifest["contents"]}
    esp = contents.pop("EFI system partition")
    assert esp == row(built.partition, "EFI system partition")
    catalog = "boot/grub/boot.cat"
    assert contents.keys() - {catalog} == {
        path.relative_to(extracted).as_posix() for path in extracted.rglob("*") if path.is_file()
    } - {catalog}
    for name in contents.keys() - {catalog}:
        assert contents[name] == row(extracted / name, name)
    assert manifest["tools"]["squashfs-tools"].startswith("1:4.6.1")
    assert {"xorriso", "grub-common", "mtools", "dosfstools", "libzstd1"} <= manifest[
        "tools"
    ].keys()
    assert manifest["packages"] == [
        {"architecture": "all", "name": "adduser", "version": "3.152"},
        {"architecture": "amd64", "name": "base-files", "version": "13.8"},
    ]
    assert (manifest["changes"], "findings" in manifest) == ([], False)


@pytest.mark.parametrize(
    "private", ["5d3c0f4e-0000", ".rootfs_cache", "/work", "/tmp", os.uname().nodename]
)
def test_no_description_names_a_machine_or_a_place(built: Work, private: str) -> None:
    descriptions = sorted(built.iso.parent.glob("*.json"))
    assert len(descriptions) == 5
    for path in descriptions:
        assert private not in path.read_text(), path


def row(path: Path, name: str) -> dict[str, object]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"path": name, "sha256": digest, "size": path.stat().st_size}


def test_changes_of_the_configuration_go_into_the_manifest(built: Work, tmp_path: Path) -> None:
    journal = tmp_path / "changes.json"
    journal.write_text('[{"path": "/etc/machine-id", "change": "changed", "rule": "identity"}]')
    copy = tmp_path / "x.iso"
    copy.write_bytes(built.iso.read_bytes())
    step = dataclasses.replace(manifest_step(built, changes=journal), iso=copy)
    step.run(real_system())
    manifest = json.loads((tmp_path / "x.manifest.json").read_text())
    assert manifest["changes"] == [{"rule": "identity", "change": "changed", "count": 1}]
    private = json.loads((tmp_path / "x.private.json").read_text())
    assert private["record"]["changes"] == json.loads(journal.read_text())


@pytest.mark.parametrize("name", ["live/filesystem.squashfs", "EFI system partition"])
def test_an_iso_damaged_after_it_was_written_fails_the_build(
    built: Work, tmp_path: Path, name: str
) -> None:
    system = real_system()
    extents = {extent.path: extent for extent in parse_files(system.run(files_argv(built.iso)))}
    esp = check_layout(system.run(layout_argv(built.iso)))
    place = extents[name].start if name in extents else esp.start + esp.size // 2
    damaged = tmp_path / "x.iso"
    data = bytearray(built.iso.read_bytes())
    data[place + 100] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(VerificationError, match=name):
        dataclasses.replace(manifest_step(built), iso=damaged).run(system)
    assert not (tmp_path / "x.manifest.json").exists()


def test_two_builds_elsewhere_and_later_are_the_same_to_the_last_byte(
    built: Work, tmp_path: Path
) -> None:
    other = Work(base=tmp_path / "a folder of another name")
    before = os.umask(0o077)
    try:
        make_root(other, seed=7)
        time.sleep(1.1)  # another second on the clock
        build(other)
    finally:
        os.umask(before)
    assert other.iso.read_bytes() == built.iso.read_bytes()
    names = sorted(path.name for path in built.iso.parent.iterdir())
    assert len(names) == 7
    for name in names:
        assert (other.iso.parent / name).read_bytes() == (built.iso.parent / name).read_bytes()


def test_a_changed_system_gives_another_medium(built: Work, tmp_path: Path) -> None:
    other = Work(base=tmp_path)
    make_root(other)
    (other.root / "etc/os-release").write_text("ID=other\n")
    build(other)
    mine, theirs = (medium.read_medium_id(work.iso_tree) for work in (built, other))
    assert mine != theirs
    assert mine.volume_date(EPOCH) != theirs.volume_date(EPOCH)
    loaders = {
        (work.iso_tree / name).read_bytes()
        for work in (built, other)
        for name in (medium.BIOS_IMAGE, medium.UEFI_LOADER, medium.UEFI32_LOADER)
    }
    assert len(loaders) == 6


def test_a_file_over_four_gib_is_whole_in_the_iso(tmp_path: Path) -> None:
    work = Work(base=tmp_path)
    make_root(work)
    system = real_system()
    squashfs_step(work).run(system)
    boot_step(work).run(system)
    big = work.iso_tree / "live/filesystem.squashfs"
    size = (4 << 30) + 12345
    with big.open("r+b") as stream:
        stream.truncate(size - 4)
        stream.seek(0, os.SEEK_END)
        stream.write(b"last")
    events: list[Event] = []
    work.iso.parent.mkdir()
    argv = iso_step(work).argv(medium.read_medium_id(work.iso_tree))
    real_system(events).run(argv, progress=iso_progress)
    check_layout(system.run(layout_argv(work.iso)))
    extents = [
        extent
        for extent in parse_files(system.run(files_argv(work.iso)))
        if extent.path == "live/filesystem.squashfs"
    ]
    assert len(extents) > 1
    assert sum(extent.size for extent in extents) == size
    with work.iso.open("rb") as stream:
        stream.seek(extents[-1].start + extents[-1].size - 4)
        assert stream.read(4) == b"last"
    work.iso.unlink()  # it is not sparse
    fractions = [event.fraction for event in events if isinstance(event, StepProgress)]
    assert len(fractions) > 1
    assert fractions == sorted(fractions)


def test_a_missing_kernel_is_named(tmp_path: Path) -> None:
    work = Work(base=tmp_path)
    make_root(work)
    squashfs_step(work).run(real_system())
    (work.root / f"boot/vmlinuz-{KERNELS[1]}").unlink()
    with pytest.raises(StepError, match=f"{re.escape(KERNELS[1])} has no usable image"):
        boot_step(work).run(real_system())


def test_a_boot_folder_that_leads_outside_gives_nothing_of_this_machine(tmp_path: Path) -> None:
    work = Work(base=tmp_path)
    make_root(work)
    outside = tmp_path / "outside"
    (work.root / "boot").rename(outside)
    (work.root / "boot").symlink_to(outside)
    squashfs_step(work).run(real_system())
    with pytest.raises(StepError, match="has no usable image in the configured system"):
        boot_step(work).run(real_system())


def test_too_little_room_for_the_iso_is_said_so(built: Work, small_disk: Path) -> None:
    events: list[Event] = []
    step = dataclasses.replace(iso_step(built), target=small_disk / "x.iso")
    with pytest.raises(StepError, match="does not fit on the disk") as caught:
        step.run(real_system(events))
    assert caught.value.command[0] == "xorriso"
    assert not (small_disk / "x.iso").exists() or (small_disk / "x.iso").stat().st_size < 1 << 20
    assert any(isinstance(event, ToolOutput) for event in events)


def test_writing_the_sums_again_changes_nothing(built: Work) -> None:
    before = (built.iso_tree / medium.SHA256_SUMS).read_bytes()
    write_sums(built.iso_tree, known=read_known(built.sums))
    assert (built.iso_tree / medium.SHA256_SUMS).read_bytes() == before
    write_sums(built.iso_tree, known={})
    assert (built.iso_tree / medium.SHA256_SUMS).read_bytes() == before


def test_no_image_is_read_more_often_than_it_must_be(tmp_path: Path) -> None:
    work = Work(base=tmp_path)
    make_root(work)
    (work.root / "random").write_bytes(os.urandom(48 << 20))
    squashfs_step(work).run(real_system())
    before = bytes_read()
    steps = (boot_step, iso_step, sbom_step, manifest_step, provenance_step)
    for step in steps:
        step(work).run(real_system())
    Results(folder=work.iso.parent).settled()
    read = bytes_read() - before
    squashfs, iso = (work.iso_tree / medium.SQUASHFS).stat().st_size, work.iso.stat().st_size
    needed = 2 * squashfs + iso  # to name and to pack the one, to describe the other
    assert needed < read < needed + (32 << 20)  # boot images, programs


def bytes_read() -> int:
    """Return what this process and its ended children have read (proc_pid_io(5))."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])
