"""Every kernel gets an initramfs that can go live, in a chroot that is left as it was."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.inside.layers import inhabited
from builder.inside.steps.initramfs import InitramfsStep
from tests.support.machines import CLOCK, RecordingSystem, open_tree
from tests.support.stacks import make_bundle, make_initramfs_tools
from tests.support.trees import IMAGE, put

STATUS = "Package: initramfs-tools-core\nStatus: install ok installed\nVersion: 1\n\n"
LISTING = "init\nscripts/live\nusr/bin/live-boot\n"
CONF = "etc/initramfs-tools/initramfs.conf"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Devices need root; what they are is seen in the tests with the real tools.
    monkeypatch.setattr(inhabited, "_make_devices", lambda *_words: None)
    top = tmp_path / "root"
    for name in ("boot", "etc/initramfs-tools/conf.d", "usr/sbin", "proc", "sys", "dev", "tmp"):
        (top / name).mkdir(parents=True)
    make_initramfs_tools(top)
    put(top, "usr/bin/gzip", "").chmod(0o755)
    put(top, "var/lib/dpkg/status", STATUS)
    return top


def making(
    root: Path, listing: str = LISTING, *, aside: Callable[[], None] = lambda: None
) -> RecordingSystem:
    def answer(argv: Sequence[str]) -> str:
        if argv[0] == "lsinitramfs":
            return listing
        assert "MODULES=most\n" in (root / CONF).read_text()
        (root / argv[argv.index("-o") + 1].lstrip("/")).write_bytes(b"cpio")
        aside()
        return ""

    return RecordingSystem(answer)


def step(root: Path, *kernels: str, made: int = CLOCK - 86400) -> InitramfsStep:
    for kernel in kernels:
        image = root / f"boot/vmlinuz-{kernel}"
        image.write_bytes(IMAGE)
        os.utime(image, (made, made))
    return InitramfsStep(
        root=root,
        scratch=open_tree(root),
        stack=root.with_name("stack.json"),
        target=root.with_name("initramfs"),
        kernels=kernels,
        source_date_epoch=CLOCK,
        bundle=make_bundle(root.with_name("image")),
    )


def test_what_is_made_is_taken_out_for_root_alone(root: Path) -> None:
    step(root, "6.12-amd64").run(making(root))
    image = root.with_name("initramfs") / "6.12-amd64"
    assert (image.read_bytes(), image.stat().st_mode & 0o777) == (b"cpio", 0o600)


def test_what_is_made_of_a_link_is_never_a_file_outside(root: Path) -> None:
    def hook() -> None:
        image = root / "boot/initrd.img-6.12-amd64"
        image.unlink()
        image.symlink_to("../../precious")

    (root.parent / "precious").write_text("precious")
    with pytest.raises(StepError, match="made no initramfs"):
        step(root, "6.12-amd64").run(making(root, aside=hook))


def test_each_kernel_gets_its_own_in_the_chroot(root: Path) -> None:
    system = making(root)
    step(root, "6.12-amd64", "6.1-amd64").run(system)
    made = [argv for argv in system.commands if argv[0] == "mkinitramfs"]
    assert [argv[-2:] for argv in made] == [
        ("/boot/initrd.img-6.12-amd64", "6.12-amd64"),
        ("/boot/initrd.img-6.1-amd64", "6.1-amd64"),
    ]
    assert set(system.roots) == {root}
    assert "gzip" in made[0]


def test_zstd_is_used_where_the_tree_has_it(root: Path) -> None:
    put(root, "usr/bin/zstd", "")
    system = making(root)
    step(root, "6.12").run(system)
    assert system.commands[0][:3] == ("mkinitramfs", "-c", "zstd")


def test_only_options_that_debian_12_has_too_are_used(root: Path) -> None:
    system = making(root)
    step(root, "6.1").run(system)
    options = {word for word in system.commands[0] if word.startswith("-")}
    assert options <= {"-c", "-d", "-k", "-l", "-o", "-r", "-v"}  # mkinitramfs 0.142


@pytest.mark.parametrize(
    ("made", "date"),
    [(CLOCK - 86400, CLOCK - 86400), (CLOCK, CLOCK), (CLOCK + 1, CLOCK), (-1, 0)],
)
def test_its_date_is_the_kernels_own_but_never_after_that_of_the_iso(
    root: Path, made: int, date: int
) -> None:
    system = making(root)
    step(root, "6.12", made=made).run(system)
    assert system.environments[0]["SOURCE_DATE_EPOCH"] == str(date)


@pytest.mark.parametrize(
    ("places", "is_in_memory"),
    [
        ((), True),
        (("usr/lib/modules/6.12",), True),
        (("usr/lib/modules/6.12", "usr/lib/firmware"), False),
        (("usr/lib/modules/6.1", "usr/lib/firmware"), True),
    ],
)
def test_what_it_writes_meanwhile_stays_in_memory_when_it_cannot_be_much(
    root: Path, places: tuple[str, ...], *, is_in_memory: bool
) -> None:
    (root / "lib").symlink_to("usr/lib")
    for place in places:
        (root / place).mkdir(parents=True)
        with (root / place / "large").open("wb") as stream:
            stream.truncate(300 << 20)
    system = making(root)
    step(root, "6.12").run(system)
    assert ("TMPDIR" in system.environments[0]) == is_in_memory


@pytest.mark.parametrize("suffix", ["xz", "zst", "gz"])
@pytest.mark.parametrize(("mebibytes", "is_in_memory"), [(93, True), (94, False)])
def test_what_it_may_unpack_counts_as_unpacked(
    root: Path, suffix: str, mebibytes: int, *, is_in_memory: bool
) -> None:
    folder = root / "lib/modules/6.12/kernel"
    folder.mkdir(parents=True)
    with (folder / f"module.ko.{suffix}").open("wb") as stream:
        stream.truncate(mebibytes << 20)
    system = making(root)
    step(root, "6.12").run(system)
    assert ("TMPDIR" in system.environments[0]) == is_in_memory


def test_the_chroot_is_left_without_mounts(root: Path) -> None:
    system = making(root)
    step(root, "6.12").run(system)
    assert {kind for kind, _ in system.mounts} == {"proc", "tmpfs"}
    assert all(target.is_relative_to(root) for _, target in system.mounts)
    assert system.mounted_now == []


@pytest.mark.parametrize("missing", ["scripts/live", "usr/bin/live-boot"])
def test_one_that_cannot_go_live_is_refused(root: Path, missing: str) -> None:
    system = making(root, LISTING.replace(missing, "other"))
    with pytest.raises(StepError, match=missing):
        step(root, "6.12").run(system)
    assert system.mounted_now == []


def test_one_that_was_not_made_is_told_even_if_an_old_one_lies_there(root: Path) -> None:
    (root / "boot/initrd.img-6.12").write_text("old")
    with pytest.raises(StepError, match="made no initramfs"):
        step(root, "6.12").run(RecordingSystem())


def test_a_tree_without_initramfs_tools_gets_them(root: Path) -> None:
    (root / "usr/sbin/mkinitramfs").unlink()
    step(root, "6.12").run(making(root))
    assert (root / "usr/sbin/mkinitramfs").read_text() == "pinned initramfs-tools-core\n"


def test_what_the_image_brought_is_listed(root: Path) -> None:
    step(root, "6.12").run(making(root))
    listed = json.loads((root.parent / "stack.json").read_text())
    assert [each["name"] for each in listed] == ["live-boot", "live-boot-initramfs-tools"]
    assert set(listed[0]) == {"name", "version", "architecture"}


def test_the_live_boot_is_that_of_the_image(root: Path) -> None:
    put(root, "usr/share/initramfs-tools/scripts/live", "own\n")
    step(root, "6.12").run(making(root))
    script = root / "usr/share/initramfs-tools/scripts/live"
    assert script.read_text() == "pinned live-boot-initramfs-tools\n"


def test_what_modprobe_may_not_load_in_a_live_system_is_told_by_the_live_layer(root: Path) -> None:
    rules = put(root, "etc/modprobe.d/CIS.conf", "install squashfs /bin/false\ninstall x y\n")
    step(root, "6.12").run(making(root))
    assert rules.read_text() == "install x y\n"


@pytest.mark.parametrize("name", ["dev", "proc", "tmp", "run"])
def test_nothing_is_mounted_over_what_a_link_leads_to(root: Path, name: str) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    if (root / name).exists():
        (root / name).rmdir()
    (root / name).symlink_to(outside)
    system = making(root)
    step(root, "6.12").run(system)
    assert (root / name).is_dir()
    assert not (root / name).is_symlink()
    assert outside not in [target.resolve() for _, target in system.mounts]
