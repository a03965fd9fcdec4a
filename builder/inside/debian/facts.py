"""What a tree says about itself: distribution, architecture, desktop, kernels."""

import re
from typing import Final

from builder.basics.printable import clean
from builder.formats.system_facts import SystemFacts
from builder.inside.debian import dpkg
from builder.inside.debian.kernels import KernelParts, find_kernels
from builder.inside.tree.tree import Tree

_OS_RELEASE: Final = ("/etc/os-release", "/usr/lib/os-release")
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~_-]{0,63}")
_DPKG_ARCHITECTURE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
# Rolling distributions have no VERSION_ID: os-release(5).
_VERSIONS: Final = ("VERSION_ID", "VERSION_CODENAME", "BUILD_ID")
_ROLLING: Final = "rolling"
_ASSIGNMENT: Final = re.compile(r"([A-Z_][A-Z0-9_]*)=(.*)")
_ESCAPED: Final = re.compile(r"\\([\\\"$`])")

# e_machine at offset 18 of the ELF header (elf.h) and Debian's name for it.
_MACHINES: Final = {
    3: "i386", 21: "ppc64el", 22: "s390x", 40: "armhf", 62: "amd64", 183: "arm64", 243: "riscv64",
    258: "loong64",
}  # fmt: skip

# Prefixes of session names and the desktop's name, in order of preference if a system has several:
# full desktops before small ones, and those before window managers.
_DESKTOPS: Final = (
    ("gnome", "gnome"), ("ubuntu", "gnome"), ("plasma", "plasma"), ("kde", "plasma"),
    ("xfce", "xfce"), ("cinnamon", "cinnamon"), ("mate", "mate"), ("lxqt", "lxqt"),
    ("budgie", "budgie"), ("deepin", "deepin"), ("pantheon", "pantheon"), ("cosmic", "cosmic"),
    ("lxde", "lxde"), ("enlightenment", "enlightenment"),
)  # fmt: skip
_NO_DESKTOP: Final = ("default", "lightdm-xsession", "xsession", "failsafe", "custom")
_SESSION: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def read_facts(tree: Tree, *, kernels: KernelParts | None = None) -> SystemFacts:
    """Return what `tree` says about itself, with the defaults of os-release(5).

    Its `kernels` are looked for unless they are given.
    """
    release = read_os_release(tree) or {}
    name = release.get("NAME") or "Linux"
    distro_id = release.get("ID", "")
    versions = [release.get(key, "") for key in _VERSIONS]
    return SystemFacts(
        distro_id=distro_id if _ID.fullmatch(distro_id) else "linux",
        distro_name=name,
        pretty_name=release.get("PRETTY_NAME") or name,
        version=next((each for each in versions if _VERSION.fullmatch(each)), _ROLLING),
        architecture=dpkg_architecture(tree) or shell_architecture(tree) or "",
        desktop=_desktop(tree),
        kernels=(kernels or find_kernels(tree)).complete,
    )


def read_os_release(tree: Tree) -> dict[str, str] | None:
    """Return the fields of the tree's os-release(5); None without one."""
    for path in _OS_RELEASE:
        try:
            text = tree.read_text(path, limit=64 * 1024)
        except OSError:
            continue
        matches = (_ASSIGNMENT.fullmatch(line.strip()) for line in text.split("\n"))
        return {match[1]: clean(_unquoted(match[2].strip())) for match in matches if match}
    return None


def _unquoted(value: str) -> str:
    """Undo shell quoting; os-release(5) allows double quotes, single quotes and bare words."""
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value


def dpkg_architecture(tree: Tree) -> str | None:
    """Return the native architecture of dpkg in `tree`; None when unknown.

    var/lib/dpkg/arch, whose first line is the native one, only exists on multiarch systems.
    """
    try:
        first = tree.read_text("/var/lib/dpkg/arch", limit=4096).split("\n")[0].strip()
    except OSError:
        first = ""
    if _DPKG_ARCHITECTURE.fullmatch(first):
        return first
    packages = dpkg.installed(tree, ("dpkg", "libc6"))
    found = [packages[name].architecture for name in ("dpkg", "libc6") if name in packages]
    return next((name for name in found if _DPKG_ARCHITECTURE.fullmatch(name)), None)


def shell_architecture(tree: Tree) -> str | None:
    """Return the architecture of the tree's /bin/sh; None when unknown."""
    try:
        with tree.open("/bin/sh") as stream:
            header = stream.read(20)
    except OSError:
        return None
    if len(header) < 20 or not header.startswith(b"\x7fELF"):
        return None
    return _MACHINES.get(int.from_bytes(header[18:20], "big" if header[5] == 2 else "little"))


def _desktop(tree: Tree) -> str:
    sessions = sorted(
        path.rpartition("/")[2].removesuffix(".desktop").lower()
        for directory in ("/usr/share/xsessions", "/usr/share/wayland-sessions")
        for path in tree.glob(directory, "*.desktop")
    )
    for beginning, desktop in _DESKTOPS:
        if any(session.startswith(beginning) for session in sessions):
            return desktop
    others = [name for name in sessions if _SESSION.fullmatch(name) and name not in _NO_DESKTOP]
    return others[0] if others else "console"
