"""Whole installations on btrfs, on xfs and on an encrypted disk: what is made, and what is said."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import StepError, UsageError
from builder.formats.answers import FileSystem
from builder.inside.installing.defaults import NAME, default_file_system, file_system_of
from builder.inside.installing.installation import Installation
from builder.inside.installing.volumes import Layout, needed_size
from builder.inside.tree.tree import Tree
from tests.support.installing import RecordingMachine
from tests.support.trees import KERNEL, put
from tests.unit.inside.installing.test_installation import (
    ANSWERS,
    GIB,
    LSBLK,
    OLDER,
    SUM,
    WRITING,
    installation,
)

OWN_GRUB = ("usr/sbin/grub-install", "usr/sbin/update-grub", "usr/lib/grub/i386-pc/modinfo.sh",
            "usr/lib/grub/x86_64-efi/modinfo.sh", "boot/grub/grub.cfg")  # fmt: skip
FOR_LUKS = (*OWN_GRUB, "usr/sbin/cryptsetup", "usr/share/initramfs-tools/hooks/cryptroot")
WORDS = "correct horse"
LOCKED = replace(ANSWERS, passphrase=WORDS)


def machine(
    *,
    failing: str = "",
    output: Sequence[str] = (),
    memory: bytes = b"MemTotal:  1000000 kB\n",
    effects: Mapping[str, Callable[[Sequence[str], Path | None], None]] | None = None,
) -> RecordingMachine:
    return RecordingMachine(
        {"lsblk": LSBLK, "du": f"{GIB}\t/clone\n", "sha256sum": f"{SUM}  it\n"},
        files={"meminfo": memory},
        failing=failing,
        output=output,
        effects=effects,
    )


def able(whole: Installation, *modules: str) -> Installation:
    """Give its kernels these modules, and its copy what mounts make."""
    for kernel in (KERNEL, OLDER):
        listed = whole.clone.root / f"usr/lib/modules/{kernel}/modules.dep"
        listed.write_text(
            listed.read_text() + "".join(f"kernel/{each}.ko.xz:\n" for each in modules)
        )
    (whole.clone.root / "home").mkdir(exist_ok=True)
    return whole


def unlocking(content: str) -> Callable[[Sequence[str], Path | None], None]:
    """Return what unpacks an initramfs with this crypttab; of Debian's, `main` is the second."""

    def unpack(argv: Sequence[str], root: Path | None) -> None:
        assert root is not None
        folder = root / argv[2].lstrip("/") / "main"
        put(folder, "cryptroot/crypttab", content)
        put(folder, "usr/sbin/cryptsetup")

    return unpack


def uuid_of(told: RecordingMachine, program: str) -> str:
    (made,) = [did for did in told.did if did.startswith(program)]
    found = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", made)
    assert found is not None
    return found[0]


def test_btrfs_has_the_root_and_the_homes_in_subvolumes_of_their_own(tmp_path: Path) -> None:
    told, target = machine(), tmp_path / "target"
    whole = able(installation(tmp_path), "fs/btrfs/btrfs")
    replace(whole, answers=replace(ANSWERS, file_system=FileSystem.BTRFS, swap_mib=512)).run(told)
    order = [
        "mkfs.btrfs --quiet --force --uuid",
        f"mount btrfs - /dev/sda3 {target}",
        f"btrfs subvolume create {target}/@",
        f"mount btrfs subvol=@ /dev/sda3 {target}",
        f"mount btrfs subvol=@home /dev/sda3 {target}/home",
        f"mount btrfs subvol=@swap /dev/sda3 {target}/swap",
        "unsquashfs",
        f"btrfs filesystem mkswapfile --size 512m {target}/swap/swapfile",
    ]
    found = [next(i for i, did in enumerate(told.did) if did.startswith(each)) for each in order]
    assert found == sorted(found)
    assert told.mounts == []
    uuid = uuid_of(told, "mkfs.btrfs")
    rows = [line.split() for line in (target / "etc/fstab").read_text().splitlines()[1:]]
    assert rows[:3] == [
        [f"UUID={uuid}", place, "btrfs", f"defaults,subvol={name}", "0", "0"]
        for place, name in (("/", "@"), ("/home", "@home"), ("/swap", "@swap"))
    ]
    assert rows[-1] == ["/swap/swapfile", "none", "swap", "sw", "0", "0"]
    menu = (target / "boot/grub/grub.cfg").read_text()
    assert "for kernel in /@/boot/vmlinuz-*" in menu
    assert f"root=UUID={uuid} ro quiet rootflags=subvol=@\n" in menu
    assert any("before btrfs-progs is installed" in line for line in told.said)


def test_on_btrfs_what_grub_reads_is_written_as_plain_files(tmp_path: Path) -> None:
    whole = able(installation(tmp_path), "fs/btrfs/btrfs")
    image = tmp_path / f"target/boot/initrd.img-{OLDER}"
    with image.open("wb") as stream:
        stream.write(b"start")
        stream.truncate(4 << 20)
    image.chmod(0o600)
    before = image.stat()
    replace(whole, answers=replace(ANSWERS, file_system=FileSystem.BTRFS)).run(machine())
    after = image.stat()
    assert before.st_blocks * 512 < after.st_size <= after.st_blocks * 512
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert image.read_bytes() == b"start".ljust(4 << 20, b"\0")
    assert not list(image.parent.glob("*.new"))


def test_homes_behind_a_link_get_no_subvolume(tmp_path: Path) -> None:
    told = machine()
    whole = able(installation(tmp_path), "fs/btrfs/btrfs")
    (whole.clone.root / "home").rmdir()
    (whole.clone.root / "home").symlink_to("srv")
    replace(whole, answers=replace(ANSWERS, file_system=FileSystem.BTRFS)).run(told)
    assert not any("@home" in did for did in told.did)


def test_xfs_is_what_older_kernels_and_grubs_read(tmp_path: Path) -> None:
    told, target = machine(), tmp_path / "target"
    whole = able(installation(tmp_path, "usr/sbin/xfs_repair"), "fs/xfs/xfs")
    replace(whole, answers=replace(ANSWERS, file_system=FileSystem.XFS, swap_mib=64)).run(told)
    uuid = uuid_of(told, "mkfs.xfs")
    assert f"mkfs.xfs -q -f -i nrext64=0 -m uuid={uuid} /dev/sda3" in told.did
    assert f"mount xfs - /dev/sda3 {target}" in told.did
    rows = (target / "etc/fstab").read_text().splitlines()
    assert rows[1].split() == [f"UUID={uuid}", "/", "xfs", "defaults", "0", "0"]
    assert rows[-1].split()[:3] == ["/swapfile", "none", "swap"]
    assert f"fallocate --length 64MiB {target}/swapfile" in told.did
    assert f"mkswap {target}/swapfile" in told.did
    assert not any("is installed in it" in line for line in told.said)


def test_without_an_answer_it_is_what_the_source_has(tmp_path: Path) -> None:
    told = machine()
    whole = able(installation(tmp_path), "fs/xfs/xfs")
    replace(whole, file_system=FileSystem.XFS).run(told)
    assert any(did.startswith("mkfs.xfs") for did in told.did)


def run_locked(tmp_path: Path, told: RecordingMachine, *, lacking: str = "") -> None:
    paths = [each for each in FOR_LUKS if each != lacking]
    replace(able(installation(tmp_path, *paths), "drivers/md/dm-crypt"), answers=LOCKED).run(told)


def test_an_encrypted_root_has_a_boot_partition_that_grub_can_read(tmp_path: Path) -> None:
    said: dict[str, str] = {}

    def remember(argv: Sequence[str], _root: Path | None) -> None:
        said["uuid"] = argv[argv.index("--uuid") + 1] if "--uuid" in argv else said["uuid"]

    def unpack(argv: Sequence[str], root: Path | None) -> None:
        unlocking(f"luks-{said['uuid']} UUID={said['uuid']} none luks")(argv, root)

    told = machine(effects={"cryptsetup": remember, "unmkinitramfs": unpack})
    run_locked(tmp_path, told)
    target, uuid = tmp_path / "target", said["uuid"]
    order = [
        "sfdisk",
        "wait for /dev/sda4",
        "mkfs.ext4 -q -F -O ^metadata_csum_seed,^orphan_file -U",
        (
            "cryptsetup luksFormat --type luks2 --batch-mode --key-file - --pbkdf argon2id "
            f"--pbkdf-memory 250000 --uuid {uuid} /dev/sda4"
        ),
        f"wait for /dev/disk/by-uuid/{uuid}",
        f"cryptsetup open --batch-mode --key-file - /dev/sda4 luks-{uuid}",
        f"wait for /dev/mapper/luks-{uuid}",
        f"mount ext4 - /dev/mapper/luks-{uuid} {target}",
        f"mount ext4 - /dev/sda3 {target}/boot",
        "unsquashfs",
        "in unmkinitramfs",
        "in /usr/sbin/update-grub",
        f"cryptsetup close luks-{uuid}",
    ]
    found = [next(i for i, did in enumerate(told.did) if did.startswith(each)) for each in order]
    assert found == sorted(found)
    assert told.did[-1] == f"cryptsetup close luks-{uuid}"
    assert told.mounts == []
    assert told.typed["sfdisk"].count("type=") == 4
    kept = (target / "etc/crypttab").read_text()
    assert kept == f"luks-{uuid} UUID={uuid} none luks,discard,initramfs\n"
    places = [line.split()[1:3] for line in (target / "etc/fstab").read_text().splitlines()[1:]]
    assert places == [["/", "ext4"], ["/boot", "ext4"], ["/boot/efi", "vfat"]]
    assert not list((target / "var").glob("initramfs-*"))


def test_the_passphrase_is_typed_and_never_on_a_command_line(tmp_path: Path) -> None:
    told = machine(failing="mkfs.fat")
    with pytest.raises(StepError, match=r"mkfs\.fat failed"):
        run_locked(tmp_path / "early", told)
    told = machine(failing="unsquashfs")
    with pytest.raises(StepError, match="unsquashfs failed"):
        run_locked(tmp_path / "late", told)
    assert [each for each in told.inputs if each[0].startswith("cryptsetup")] == [
        ("cryptsetup luksFormat", WORDS), ("cryptsetup open", WORDS), ("cryptsetup close", ""),
    ]  # fmt: skip
    assert told.did[-1].startswith("cryptsetup close")
    assert not any(WORDS in each for each in (*told.did, *told.said))


@pytest.mark.parametrize("content", ["", "other UUID=0 none luks"])
def test_an_initramfs_that_would_not_unlock_it_ends_it(content: str, tmp_path: Path) -> None:
    told = machine(effects={"unmkinitramfs": unlocking(content)})
    with pytest.raises(StepError, match="would not unlock the disk"):
        run_locked(tmp_path, told)
    assert told.did[-1].startswith("cryptsetup close")


@pytest.mark.parametrize(
    ("lacking", "package"),
    [
        ("usr/share/initramfs-tools/hooks/cryptroot", "cryptsetup-initramfs"),
        ("usr/sbin/cryptsetup", "cryptsetup-bin"),
        ("usr/sbin/update-grub", "grub-efi-amd64"),
    ],
)
def test_what_encryption_needs_is_asked_for_before_anything_is_written(
    lacking: str, package: str, tmp_path: Path
) -> None:
    told = machine()
    with pytest.raises(UsageError, match=f"cannot be encrypted: it lacks {package}") as caught:
        run_locked(tmp_path, told, lacking=lacking)
    assert f"--install {package}" in caught.value.advice
    assert not [did for did in told.did if did.startswith(WRITING)]


@pytest.mark.parametrize(
    ("answers", "modules", "reason"),
    [
        (replace(ANSWERS, file_system=FileSystem.BTRFS), (), "cannot open btrfs: it lacks btrfs"),
        (replace(ANSWERS, file_system=FileSystem.XFS), ("fs/btrfs/btrfs",), "cannot open xfs"),
        (LOCKED, (), "cannot open LUKS: it lacks dm_crypt"),
    ],
)
def test_a_kernel_that_could_not_open_it_is_named_first(
    answers: object, modules: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    told = machine()
    whole = able(installation(tmp_path, *FOR_LUKS), *modules)
    with pytest.raises(UsageError, match=reason):
        replace(whole, answers=answers).run(told)  # type: ignore[arg-type]
    assert not [did for did in told.did if did.startswith(WRITING)]


def test_a_linked_boot_folder_is_refused_first(tmp_path: Path) -> None:
    whole = installation(tmp_path)
    (whole.clone.root / "boot").rename(whole.clone.root / "srv")
    (whole.clone.root / "boot").symlink_to("srv")
    told = machine()
    with pytest.raises(UsageError, match="/boot of the system is a link"):
        whole.run(told)
    assert not [did for did in told.did if did.startswith(WRITING)]


def test_a_disk_that_is_full_too_early_is_said_to_be(tmp_path: Path) -> None:
    said = ("Write on output file failed because No space left on device",)
    told = machine(failing="unsquashfs", output=said)
    with pytest.raises(StepError, match=r"^/dev/sda was full before all of the system") as caught:
        installation(tmp_path).run(told)
    assert "larger disk" in caught.value.advice
    assert told.mounts == []


def test_swap_and_boot_partition_are_counted_before() -> None:
    plain = needed_size(GIB, Layout())
    assert needed_size(GIB, Layout(encrypted=True)) == plain + GIB
    assert needed_size(GIB, Layout(swap_mib=2048)) == plain + 2 * GIB


@pytest.mark.parametrize(
    ("memory", "allowed"),
    [(b"MemTotal: 64000 kB\n", 32768), (b"MemTotal: 64000000 kB\n", 1048576), (b"", 32768)],
)
def test_trying_a_passphrase_takes_a_share_of_the_memory(
    memory: bytes, allowed: int, tmp_path: Path
) -> None:
    told = machine(memory=memory, failing="unsquashfs")
    with pytest.raises(StepError, match="unsquashfs failed"):
        run_locked(tmp_path, told)
    (made,) = [did for did in told.did if "luksFormat" in did]
    assert f"--pbkdf-memory {allowed} " in made


@pytest.mark.parametrize(
    ("fstab", "found"),
    [
        ("# /dev/x / xfs\nUUID=1\t/home ext4\nUUID=2 / btrfs subvol=@ 0 0\n", FileSystem.BTRFS),
        ("/dev/sda1 / xfs defaults 0 0\n", FileSystem.XFS),
        ("#UUID=2 / btrfs defaults\n", None),
        ("rpool/ROOT / zfs defaults 0 0\n", None),
        ("", None),
    ],
)
def test_the_root_of_the_source_is_known_by_its_fstab(
    fstab: str, found: FileSystem | None, tmp_path: Path
) -> None:
    put(tmp_path, "etc/fstab", fstab)
    assert file_system_of(Tree(tmp_path)) is found


def test_without_any_fstab_it_is_ext4(tmp_path: Path) -> None:
    assert file_system_of(Tree(tmp_path)) is None
    assert default_file_system(tmp_path / NAME) is FileSystem.EXT4
