"""What apt is told of a system is data alone, and only of one that packages can be added to."""

import base64
import zlib
from pathlib import Path

import pytest

from builder.basics.errors import SourceError
from builder.inside.added.system_data import system_data
from builder.inside.tree.tree import Tree

STATUS = """\
Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.22

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1
"""
FILES = {
    "var/lib/dpkg/status": STATUS,
    "etc/apt/sources.list": "deb http://archive.example/debian trixie main\n"
    "deb [signed-by=/etc/apt/keyrings/gone.gpg] http://gone.example/apt x main\n"
    "deb https://me:hunter2@private.example/apt x main\n",
    "etc/apt/sources.list.d/a.list": "deb [signed-by=/etc/apt/keyrings/a.asc] "
    "http://a.example/apt x main\n",
    "etc/apt/sources.list.d/b.sources": "Types: deb\nURIs: http://b.example/apt\nSuites: x\n"
    "Components: main\nSigned-By: /etc/apt/keyrings/a.asc\n",
    "etc/apt/keyrings/a.asc": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
    "etc/apt/trusted.gpg.d/debian.gpg": "key",
    "etc/apt/preferences.d/pin": "Package: *\nPin: release a=x\nPin-Priority: 1\n",
    "etc/apt/auth.conf.d/esm.conf": "machine private.example password hunter2\n",
    "etc/apt/apt.conf.d/50hook": 'DPkg::Pre-Invoke {"touch /ran";};\n',
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "root"


def test_packages_archives_and_keys_are_told_and_no_setting_and_no_password(root: Path) -> None:
    data = system_data(Tree(root))
    assert (data.architecture, data.foreign) == ("amd64", ())
    assert zlib.decompress(base64.b64decode(data.status)).decode() == STATUS
    assert [(each.uri, each.signed_by) for each in data.sources] == [
        ("http://archive.example/debian", ()),
        # Not those that are trusted for every archive: its owner said which key it must have.
        ("http://gone.example/apt", ("missing.gpg",)),
        ("http://a.example/apt", ("0.asc",)),
        ("http://b.example/apt", ("0.asc",)),
    ]
    assert [each.name for each in data.keys] == ["0.asc"]
    assert [each.name for each in data.trusted] == ["debian.gpg"]
    assert len(data.preferences) == 1
    (left_out,) = data.left_out
    assert left_out.startswith("https://private.example/apt x: it has a password")
    assert "hunter2" not in repr(data)
    assert "touch" not in repr(data)


def test_foreign_architectures_are_told(root: Path) -> None:
    (root / "var/lib/dpkg/arch").write_text("amd64\ni386\n")
    assert system_data(Tree(root)).foreign == ("i386",)


@pytest.mark.parametrize(
    "state",
    [
        "install ok unpacked",
        "install ok half-configured",
        "install reinstreq half-installed",
        "install ok triggers-pending",
    ],
)
def test_a_system_with_a_half_installed_package_is_refused_by_name(root: Path, state: str) -> None:
    text = STATUS + f"\nPackage: half\nStatus: {state}\nArchitecture: all\nVersion: 1\n"
    (root / "var/lib/dpkg/status").write_text(text)
    with pytest.raises(SourceError, match="none can be added: half") as caught:
        system_data(Tree(root))
    assert "dpkg --configure -a" in str(caught.value.hint)


def test_a_held_package_is_sound(root: Path) -> None:
    text = STATUS + "\nPackage: kept\nStatus: hold ok installed\nArchitecture: all\nVersion: 1\n"
    (root / "var/lib/dpkg/status").write_text(text)
    system_data(Tree(root))


def test_a_system_without_a_list_of_packages_is_refused(root: Path) -> None:
    (root / "var/lib/dpkg/status").unlink()
    with pytest.raises(SourceError, match="has no list of its packages"):
        system_data(Tree(root))


def test_links_that_lead_out_of_the_system_are_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("deb http://secret.example/x y main\n")
    (root / "etc/apt/sources.list").unlink()
    (root / "etc/apt/sources.list").symlink_to("../../../secret")
    assert "secret" not in repr(system_data(Tree(root)))
