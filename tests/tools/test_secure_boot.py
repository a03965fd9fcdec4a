"""The chain of real signed loaders, with programs that Debian signed in place of kernels."""

import shutil
from pathlib import Path

import pytest

from builder.border import paths
from builder.border.events import Event, Note
from builder.formats.boot_chain import BootChain, LoaderOrigin
from builder.inside.secure_boot.chain import Kernel, choose_chain
from builder.inside.secure_boot.pair import PACKAGES
from builder.inside.secure_boot.supplies import supplies_of
from tests.support.media import real_system

pytestmark = pytest.mark.tools

DEBIAN = "Debian Secure Boot CA"
SHIM = "usr/lib/shim/shimx64.efi.signed"
MANAGER = "usr/lib/shim/mmx64.efi.signed"
GRUB = "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system that has the pair of its distributor, shim behind links as Ubuntu's."""
    tree = tmp_path / "root"
    shutil.copytree(paths.SIGNED, tree)
    (tree / SHIM).rename(tree / f"{SHIM}.latest")
    (tree / SHIM).symlink_to("/etc/alternatives/shim")
    (tree / "etc/alternatives").mkdir(parents=True)
    (tree / "etc/alternatives/shim").symlink_to(f"/{SHIM}.latest")
    write_status(tree, "1.51")
    return tree


def write_status(tree: Path, version: str) -> None:
    (tree / "var/lib/dpkg").mkdir(parents=True)
    (tree / "var/lib/dpkg/status").write_text(
        "Package: shim-signed\nStatus: install ok installed\nArchitecture: amd64\n"
        f"Version: {version}\n"
    )


class Choice:
    """A chain that was chosen for kernels, and what was said of it."""

    def __init__(
        self,
        folder: Path,
        *kernels: Path,
        root: Path,
        signed: Path = paths.SIGNED,
        layer: Path = Path("/nowhere"),
    ) -> None:
        events: list[Event] = []
        self.chain: BootChain
        self.chain, self.folder = choose_chain(
            real_system(events),
            supplies_of(root, layer=layer, signed=signed, lock=paths.LOCK),
            kernels=[Kernel(version=each.name, image=each) for each in kernels],
            folder=folder / "loaders",
        )
        notes = (each for each in events if isinstance(each, Note))
        self.said = [each.message.format(**each.values) for each in notes]


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    return Path(shutil.copyfile(paths.SIGNED / MANAGER, tmp_path / "signed"))


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    content = bytearray((paths.SIGNED / MANAGER).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "changed").write_bytes(content)
    return tmp_path / "changed"


@pytest.fixture
def unsigned(tmp_path: Path) -> Path:
    (tmp_path / "unsigned").write_bytes(b"MZ" + bytes(5000))
    return tmp_path / "unsigned"


def test_a_kernel_that_debian_signed_gets_the_images_pair(
    tmp_path: Path, root: Path, signed: Path, changed: Path, unsigned: Path
) -> None:
    choice = Choice(tmp_path, signed, changed, unsigned, root=root)
    chain, folder = choice.chain, choice.folder
    assert (chain.vendor, chain.origin) == (DEBIAN, LoaderOrigin.IMAGE)
    assert tuple(each.name for each in chain.packages) == PACKAGES
    shim, grub, _manager = chain.loaders
    assert shim.signers == ("Microsoft Corporation UEFI CA 2011", "Microsoft UEFI CA 2023")
    assert grub.signers == (DEBIAN,)
    assert grub.sbat["grub"] >= 5
    assert folder is not None
    for loader, origin in zip(chain.loaders, (SHIM, GRUB, MANAGER), strict=True):
        assert (folder / loader.path).read_bytes() == (paths.SIGNED / origin).read_bytes()
    assert [each.verified for each in chain.kernels] == [True, False, False]
    assert [each.signers for each in chain.kernels] == [(DEBIAN,), (DEBIAN,), ()]
    refused = [line for line in choice.said if "does not start" in line]
    assert len(refused) == 2
    assert "changed" in refused[0]
    assert "unsigned" in refused[1]


def test_a_signed_kernel_that_does_not_boot_by_default_can_still_be_chosen(
    tmp_path: Path, root: Path, signed: Path, unsigned: Path
) -> None:
    choice = Choice(tmp_path, unsigned, signed, root=root)
    assert (choice.chain.vendor, choice.chain.origin) == (DEBIAN, LoaderOrigin.IMAGE)
    assert [each.verified for each in choice.chain.kernels] == [False, True]
    assert any("unsigned does not start" in line for line in choice.said)


def test_without_one_for_it_in_the_image_the_systems_own_pair_is_verified_and_taken(
    tmp_path: Path, root: Path, signed: Path
) -> None:
    choice = Choice(tmp_path, signed, root=root, signed=tmp_path)
    assert (choice.chain.vendor, choice.chain.origin) == (DEBIAN, LoaderOrigin.SYSTEM)
    assert [each.version for each in choice.chain.packages] == ["1.51"]


def test_packages_that_the_build_adds_to_the_live_layer_count_as_the_systems(
    tmp_path: Path, root: Path, signed: Path
) -> None:
    layer = tmp_path / "layer"
    (layer / GRUB).parent.mkdir(parents=True)
    (root / GRUB).rename(layer / GRUB)
    assert Choice(tmp_path, signed, root=root, signed=tmp_path).chain.vendor is None
    write_status(layer, "1.58")
    choice = Choice(tmp_path, signed, root=root, signed=tmp_path, layer=layer)
    assert (choice.chain.vendor, choice.chain.origin) == (DEBIAN, LoaderOrigin.SYSTEM)
    assert [each.version for each in choice.chain.packages] == ["1.58"]


def test_where_only_the_loaders_are_missing_the_packages_to_add_are_named(
    tmp_path: Path, root: Path, signed: Path
) -> None:
    (root / GRUB).unlink()
    choice = Choice(tmp_path, signed, root=root, signed=tmp_path)
    (said,) = choice.said
    assert f"nothing here loads the kernel signed, signed by {DEBIAN}" in said
    assert "--install shim-signed --install grub-efi-amd64-signed" in said


@pytest.mark.parametrize("which", ["changed", "unsigned"])
def test_a_kernel_that_nobody_vouches_for_gets_no_signed_loaders_and_that_is_said(
    tmp_path: Path, root: Path, which: str, request: pytest.FixtureRequest
) -> None:
    choice = Choice(tmp_path, request.getfixturevalue(which), root=root)
    assert (choice.chain.vendor, choice.chain.origin) == (None, LoaderOrigin.MADE)
    assert choice.chain.loaders == ()
    assert choice.folder is None
    assert len(choice.said) == 1
    assert "only where Secure Boot is off" in choice.said[0]


def test_a_kernel_that_would_fill_the_memory_is_not_looked_at(
    tmp_path: Path, root: Path, signed: Path
) -> None:
    with signed.open("r+b") as stream:
        stream.truncate(300 << 20)
    assert Choice(tmp_path, signed, root=root).chain.kernels[0].signers == ()


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (GRUB, "not of one vendor"),
        (f"{SHIM}.latest", "shim is damaged"),
    ],
)
def test_a_pair_of_the_system_that_shim_would_refuse_is_not_taken(
    tmp_path: Path, root: Path, signed: Path, broken: str, reason: str
) -> None:
    file = root / broken
    content = bytearray(file.read_bytes())
    content[0x80 : len(content) // 2] = bytes(len(content) // 2 - 0x80)
    file.write_bytes(content)
    choice = Choice(tmp_path, signed, root=root, signed=tmp_path)
    assert choice.chain.vendor is None
    assert any(reason in line for line in choice.said)


def test_a_shim_that_nobody_signed_is_no_shim(tmp_path: Path, root: Path, signed: Path) -> None:
    file = root / f"{SHIM}.latest"
    content = bytearray(file.read_bytes())
    header = int.from_bytes(content[0x3C:0x40], "little")
    content[header + 168 : header + 176] = bytes(8)  # the place of the signatures
    file.write_bytes(content)
    choice = Choice(tmp_path, signed, root=root, signed=tmp_path)
    assert choice.chain.vendor is None
    assert any("shim is not signed" in line for line in choice.said)


def test_a_link_that_leads_out_of_the_system_is_not_followed(
    tmp_path: Path, root: Path, signed: Path
) -> None:
    (root / "etc/alternatives/shim").unlink()
    (root / "etc/alternatives/shim").symlink_to(f"../../../../..{paths.SIGNED}/{SHIM}")
    choice = Choice(tmp_path, signed, root=root, signed=tmp_path)
    assert choice.chain.vendor is None


def test_a_manager_that_shim_would_refuse_is_left_out(
    tmp_path: Path, root: Path, signed: Path, changed: Path
) -> None:
    shutil.copyfile(changed, root / MANAGER)
    choice = Choice(tmp_path, signed, root=root, signed=tmp_path)
    assert [each.path for each in choice.chain.loaders] == [
        "EFI/BOOT/BOOTX64.EFI",
        "EFI/BOOT/grubx64.efi",
    ]
    assert choice.folder is not None
    assert not (choice.folder / "EFI/BOOT/mmx64.efi").exists()
