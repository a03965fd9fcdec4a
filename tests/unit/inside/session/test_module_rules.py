"""What modprobe.d forbids, and a live system has to do all the same."""

from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from builder.inside.session.module_rules import RULES, is_in_the_way
from builder.inside.tree.tree import Tree
from tests.support.trees import make_system, put

_CIS = """\
# Ensure mounting of squashfs filesystems is disabled
install squashfs /bin/false
blacklist squashfs
install cramfs /bin/false
blacklist cramfs
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_system(tmp_path / "root")


def allowed(root: Path) -> list[str]:
    """Apply the rule; return what it says."""
    (rule,) = RULES
    assert rule.edit is not None
    told = rule.edit(Tree(root, clock=1764000000), LiveSettings())
    return [each.message.format_map(dict(each.values)) for each in told]


@pytest.mark.parametrize(
    "line",
    [
        "install squashfs /bin/false",
        "install overlay /bin/true",
        "install  usb-storage\t/bin/true",
        "install usb_storage /bin/true",
        "install squash* /bin/false",
        "install * /bin/false",
        "install fs-iso9660 /bin/false",
        "install virtio_blk /sbin/modprobe --ignore-install virtio_blk; /usr/local/bin/notify",
        "blacklist overlay",
        "blacklist virtio-scsi",
        "blacklist nvme  # none here",
        "alias squashfs off",
        "alias fs-vfat off",
        "alias loop cramfs",
        "alias usb:v*p*d*dc*dsc*dp*ic08isc*ip*in* off",
        "options usb-storage quirks=0bc2:231a:i",
        "options usbcore authorized_default=0",
        "options vfio-pci ids=10de:1b80",
        "softdep xhci_pci pre: vfio-pci",
        "  install \\\n  squashfs \\\n /bin/false",
    ],
)
def test_what_keeps_a_medium_or_a_root_away_is_recognised(line: str) -> None:
    assert is_in_the_way(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "#install squashfs /bin/false",
        "# blacklist overlay",
        "install cramfs /bin/true",
        "install dccp /bin/true",
        "blacklist nouveau",
        "blacklist pcspkr",
        "blacklist squash*",  # kmod compares these names as they are
        "options bonding max_bonds=0",
        "options iwlwifi power_save=1",
        "alias char-major-10-137 vhci",
        "alias net-pf-10 off",
        "alias overlayfs overlay",
        "alias overlay2 cramfs",
        "softdep nouveau pre: squashfs",
        "softdep uhci-hcd pre: ehci-hcd",
        "install",
        "squashfs",
    ],
)
def test_everything_else_stays(line: str) -> None:
    assert not is_in_the_way(line)


def test_only_lines_in_the_way_are_left_out_and_all_of_them_are_named(root: Path) -> None:
    path = put(root, "etc/modprobe.d/CIS.conf", _CIS)
    path.chmod(0o640)
    (told,) = allowed(root)
    assert told == (
        "The live system may need modules that /etc/modprobe.d/CIS.conf switches off or changes, "
        "so it does without these lines: install squashfs /bin/false; blacklist squashfs"
    )
    assert path.read_text() == (
        "# Ensure mounting of squashfs filesystems is disabled\n"
        "install cramfs /bin/false\nblacklist cramfs\n"
    )
    assert path.stat().st_mode & 0o777 == 0o640
    assert allowed(root) == []


@pytest.mark.parametrize(
    "folder", ["etc/modprobe.d", "usr/lib/modprobe.d", "usr/local/lib/modprobe.d"]
)
def test_every_folder_that_modprobe_reads_is_looked_at(root: Path, folder: str) -> None:
    put(root, f"{folder}/x.conf", "install loop /bin/false\n")
    assert len(allowed(root)) == 1  # once, though /lib is a link to /usr/lib
    assert (root / folder / "x.conf").read_text() == ""


def test_what_modprobe_does_not_read_is_not_touched(root: Path) -> None:
    for name in ("x.conf.bak", "x"):
        put(root, f"etc/modprobe.d/{name}", "install loop /bin/false\n")
    (root / "etc/modprobe.d/dir.conf").mkdir()
    (root / "etc/modprobe.d/null.conf").symlink_to("/dev/null")
    assert allowed(root) == []


def test_lines_go_on_after_a_backslash(root: Path) -> None:
    text = (
        "# a comment \\\ninstall squashfs /bin/false\ninstall \\\n  overlay \\\n  /bin/false\n"
        "install cramfs \\\n /bin/false"
    )
    path = put(root, "etc/modprobe.d/x.conf", text)
    assert len(allowed(root)) == 1
    assert path.read_text() == (
        "# a comment \\\ninstall squashfs /bin/false\ninstall cramfs \\\n /bin/false"
    )


@pytest.mark.parametrize("end", [b"\x85", b"\x0b", b"\xe2\x80\xa8", b"\xff"])
def test_nothing_but_a_newline_ends_a_line(root: Path, end: bytes) -> None:
    text = b"# word" + end + b"install squashfs /bin/false\n"
    path = put(root, "etc/modprobe.d/x.conf", text + b"install loop /bin/false\n")
    assert len(allowed(root)) == 1
    assert path.read_bytes() == text


def test_a_file_that_ends_in_the_middle_of_a_line_is_read_to_its_end(root: Path) -> None:
    text = "install cramfs x\ninstall loop \\\n /bin/false \\"
    path = put(root, "etc/modprobe.d/x.conf", text)
    assert len(allowed(root)) == 1
    assert path.read_text() == "install cramfs x\n"
