"""What a tree says about itself, and why it may not become a live ISO."""

import random
import shutil
from collections.abc import Callable
from functools import cmp_to_key
from pathlib import Path

import pytest

from builder.basics.texts import render
from builder.border.cache_report import Problem
from builder.inside.debian import dpkg
from builder.inside.debian.admission import admission_problems, admission_warnings
from builder.inside.debian.facts import read_facts
from builder.inside.debian.kernels import compare_kernels
from builder.inside.tree.tree import Tree
from tests.support.trees import (
    ELF_ARM64,
    KERNEL,
    PACKAGES,
    make_system,
    put,
    status,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_system(tmp_path / "root")


def problems_of(root: Path) -> tuple[Problem, ...]:
    tree = Tree(root)
    return admission_problems(tree, read_facts(tree))


def texts_of(root: Path) -> str:
    return "\n".join(render(each.message, dict(each.values)) for each in problems_of(root))


def test_a_complete_system_has_facts_and_no_problems(root: Path) -> None:
    facts = read_facts(Tree(root))
    assert (facts.distro_id, facts.distro_name) == ("debian", "Debian GNU/Linux")
    assert (facts.pretty_name, facts.version) == ("Debian GNU/Linux 13 (trixie)", "13")
    assert (facts.architecture, facts.desktop, facts.kernels) == ("amd64", "console", (KERNEL,))
    assert problems_of(root) == ()
    assert admission_warnings(Tree(root)) == ()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("NAME=Debian", "Debian"),
        ("NAME='It is $HOME'", "It is $HOME"),
        (r'NAME="A \"b\" \$c \\d \`e\`"', 'A "b" $c \\d `e`'),
        ('  NAME="spaced"  \r', "spaced"),
        ('NAME="a\x1b[2J\x9bb"', "a[2Jb"),
        ("#NAME=comment", "Linux"),
        ("NAME=", "Linux"),
    ],
)
def test_os_release_is_unquoted_as_its_manual_says(root: Path, line: str, name: str) -> None:
    put(root, "usr/lib/os-release", line + "\n")
    assert read_facts(Tree(root)).distro_name == name


def test_hostile_ids_and_versions_are_not_taken_over(root: Path) -> None:
    put(root, "usr/lib/os-release", 'ID="../../x"\nVERSION_ID="1; rm -rf /"\n')
    facts = read_facts(Tree(root))
    assert (facts.distro_id, facts.version) == ("linux", "rolling")


def test_an_absolute_os_release_link_stays_in_the_tree(root: Path) -> None:
    (root / "etc/os-release").unlink()
    (root / "etc/os-release").symlink_to("/usr/lib/os-release")
    put(root, "usr/lib/os-release", "ID=devuan\n")
    assert read_facts(Tree(root)).distro_id == "devuan"


@pytest.mark.parametrize(
    ("sessions", "desktop"),
    [
        (["xsessions/xfce.desktop"], "xfce"),
        (["xsessions/plasmax11.desktop", "wayland-sessions/plasma.desktop"], "plasma"),
        (["xsessions/xfce.desktop", "wayland-sessions/gnome.desktop"], "gnome"),
        (["xsessions/LXDE.desktop", "xsessions/openbox.desktop"], "lxde"),
        (["xsessions/openbox.desktop", "xsessions/i3.desktop"], "i3"),
        (["xsessions/lightdm-xsession.desktop"], "console"),
        (["xsessions/\x1b[2Jevil.desktop"], "console"),
        (["xsessions/mate.txt"], "console"),
        (["xsessions/cinnamon2d.desktop"], "cinnamon"),
    ],
)
def test_the_desktop_comes_from_the_sessions(root: Path, sessions: list[str], desktop: str) -> None:
    for session in sessions:
        put(root, f"usr/share/{session}")
    assert read_facts(Tree(root)).desktop == desktop


def test_kernels_are_sorted_newest_first_as_dpkg_does() -> None:
    ordered = [
        "6.1.0-9-amd64",
        "6.1.0-10",
        "6.1.0-10-amd64",
        "6.1.0-10-rt-amd64",
        "6.10.0~rc1",
        "6.10.0-rc2",
        "6.10.0",
        "6.10.1",
        "6.12.48+deb13-amd64",
        "6.12.48+deb13-cloud-amd64",
        "6.12.48+deb13.1-amd64",
        "6.12.57+deb13-amd64",
        "6.17~rc3-amd64",
        "6.17-amd64",
        "6.17.8+deb13-amd64",
    ]
    mixed = random.Random(7).sample(ordered, len(ordered))  # noqa: S311  # a shuffle for a test
    assert sorted(mixed, key=cmp_to_key(compare_kernels)) == ordered


def unlink_kernel(root: Path) -> None:
    (root / f"boot/vmlinuz-{KERNEL}").unlink()


def unlink_modules(root: Path) -> None:
    shutil.rmtree(root / f"usr/lib/modules/{KERNEL}")


def without(*packages: str) -> Callable[[Path], None]:
    kept = tuple(name for name in PACKAGES if name not in packages)

    def harm(root: Path) -> None:
        put(root, "var/lib/dpkg/status", status(kept))

    return harm


def unlink_both(root: Path) -> None:
    unlink_kernel(root)
    unlink_modules(root)


def remove_status(root: Path) -> None:
    (root / "var/lib/dpkg/status").unlink()


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda root: (root / "usr/lib/os-release").unlink(), "/etc/os-release is missing"),
        (remove_status, "var a separate filesystem"),
        (lambda root: (root / "usr/bin/dash").unlink(), "/bin/sh is missing"),
        (lambda root: put(root, "usr/bin/dash", ELF_ARM64), "its architecture is arm64, not amd64"),
        (unlink_kernel, f"only the modules of {KERNEL}; was /boot a separate filesystem"),
        (unlink_modules, f"kernel {KERNEL} is left out: it has no modules"),
        (unlink_both, "no kernel: neither"),
        (lambda root: put(root, f"boot/vmlinuz-{KERNEL}", ""), "its image is empty"),
        (lambda root: (root / "usr/sbin/modprobe").unlink(), "the programs of kmod"),
        (lambda root: (root / "usr/lib/systemd/systemd-udevd").unlink(), "the programs of udev"),
        (lambda root: (root / "usr/sbin/init").unlink(), "the programs of systemd-sysv"),
    ],
)
def test_each_reason_is_told_alone_and_with_a_remedy(
    root: Path, harm: Callable[[Path], None], told: str
) -> None:
    harm(root)
    (problem,) = problems_of(root)
    assert told in render(problem.message, dict(problem.values))
    assert render(problem.hint, dict(problem.values))


def test_a_part_that_is_missing_is_not_said_to_have_no_place_in_a_backup(root: Path) -> None:
    remove_status(root)
    (problem,) = problems_of(root)
    hint = render(problem.hint, dict(problem.values))
    assert hint.startswith("If /var is a file system of its own, mount it at its place")
    assert "--tree" in hint


def test_another_architecture_is_told_once(root: Path) -> None:
    put(root, "usr/bin/dash", ELF_ARM64)
    put(root, "var/lib/dpkg/status", status(architecture="arm64"))
    assert texts_of(root) == "its architecture is arm64, not amd64"


def test_the_native_architecture_is_the_first_in_dpkgs_list(root: Path) -> None:
    put(root, "var/lib/dpkg/arch", "amd64\ni386\n")
    assert read_facts(Tree(root)).architecture == "amd64"


def test_an_empty_snapshot_has_one_reason(tmp_path: Path) -> None:
    (tmp_path / "root/.snapshots").mkdir(parents=True)
    assert texts_of(tmp_path / "root") == "it is empty"


def test_all_reasons_are_told_at_once(root: Path) -> None:
    unlink_kernel(root)
    remove_status(root)
    (root / "usr/sbin/init").unlink()
    assert len(problems_of(root)) == 3


def test_no_package_for_live_systems_or_for_an_initramfs_is_asked_for(root: Path) -> None:
    put(root, "var/lib/dpkg/status", status(("dpkg", "libc6", "systemd", "dracut")))
    assert problems_of(root) == ()
    assert admission_warnings(Tree(root)) == ()


def test_a_missing_systemd_is_a_warning_only(root: Path) -> None:
    without("systemd")(root)
    assert problems_of(root) == ()
    assert len(admission_warnings(Tree(root))) == 1


def test_a_tree_of_links_out_of_it_is_refused_not_followed(tmp_path: Path) -> None:
    make_system(tmp_path / "outside")
    root = tmp_path / "root"
    root.mkdir()
    for name in ("etc", "usr", "var", "bin", "boot", "lib"):
        (root / name).symlink_to(f"../outside/{name}")
    assert read_facts(Tree(root)).kernels == ()
    assert "/bin/sh is missing" in texts_of(root)


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ("install ok installed", True),
        ("hold ok installed", True),
        ("deinstall ok config-files", False),
        ("install ok half-configured", False),
        ("install reinstreq installed", False),
        ("", False),
    ],
)
def test_only_an_installed_package_counts(root: Path, state: str, counts: bool) -> None:
    put(root, "var/lib/dpkg/status", f"Package: x\nStatus: {state}\nArchitecture: all\n")
    assert ("x" in dpkg.installed(Tree(root), ("x",))) is counts


def test_a_status_without_end_is_read_up_to_a_limit(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builder.inside.debian.dpkg.MOST_BYTES", 10_000)
    put(root, "var/lib/dpkg/status", status(("early",)) + "#" * 20_000 + "\n\n" + status(("late",)))
    assert list(dpkg.installed(Tree(root), ("early", "late"))) == ["early"]
