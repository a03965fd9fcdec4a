"""The root that the installer runs in: of the builder image's own packages, and our code.

So it is the same for every system, whatever that has or lacks, and its tools fit each other.
"""

import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError
from builder.formats.answers import FileSystem
from builder.inside.installing.defaults import NAME, write_defaults

WANTED: Final = (
    "base-files", "btrfs-progs", "coreutils", "cryptsetup-bin", "dosfstools", "e2fsprogs", "fdisk",
    "grub-efi-amd64-bin", "grub-efi-ia32-bin", "grub-pc-bin", "grub2-common", "libcrypt1", "mount",
    "python3-minimal",
    "python3.13", "squashfs-tools", "util-linux", "xfsprogs",
)  # fmt: skip
# What these depend on to be installed or to be used by others, and never call.
_WITHOUT: Final = frozenset(
    (
        "debconf", "dpkg", "gettext-base", "grub-efi-amd64-unsigned", "grub-efi-ia32-unsigned",
        "install-info", "libdebconf",
        "libfuse3-4", "libicu76", "login.defs", "mawk", "media-types", "netbase", "perl-base",
        "python3", "python3-dbus", "sysvinit-utils", "tzdata",
    )
)  # fmt: skip
_LISTS: Final = "var/lib/dpkg/info"
_LEFT_OUT: Final = re.compile(
    r"/usr/share/(?:doc/[^/]+/(?!copyright$)|man/|info/|locale/|lintian/|bash-completion/|bug/)"
    r"|/usr/lib/grub/(?:x86_64|i386)-efi/monolithic/|/usr/share/doc/[^/]+/.+/"
)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]*")  # before an architecture or a version
_CODE: Final = "usr/lib/distroclone-builder/builder"  # `builder/inside/files/install`
_OWN_CODE: Final = Path(__file__).parents[2]
_PLACES: Final = ("dev", "proc", "run", "stick", "sys", "target", "tmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerRoot:
    """Makes the new folder `target` from the image at `image` and our code, in `code`."""

    image: Path
    target: Path
    file_system: FileSystem | None  # of the source's root, where it is known
    clock: int  # seconds since 1970, the date of everything in it
    code: Path = _OWN_CODE

    def make(self, packages: Iterable[str]) -> None:
        """Make it of these packages. Raises StepError for one that is not installed."""
        self.target.mkdir()
        for name in sorted(packages):
            for path in self._listed(name):
                self._copy(path)
        for place in _PLACES:
            (self.target / place).mkdir(exist_ok=True)
        shutil.copytree(
            self.code, self.target / _CODE, ignore=shutil.ignore_patterns("__pycache__")
        )
        write_defaults((self.target / _CODE).with_name(NAME), file_system=self.file_system)
        self._date()

    def _listed(self, name: str) -> Iterator[str]:
        folder = self.image / _LISTS
        found = next((each for each in (f"{name}.list", f"{name}:amd64.list")
                      if (folder / each).is_file()), None)  # fmt: skip
        if found is None:
            raise StepError("The builder image lacks the package {name}", name=name)
        for path in (folder / found).read_text("utf-8").split("\n"):
            if path not in ("", "/.") and not _LEFT_OUT.match(path):
                yield path

    def _copy(self, path: str) -> None:
        """Copy one path to where it really is: a package may say /lib for what is in /usr/lib."""
        inner = Path(path.lstrip("/"))
        above = (self.image / inner.parent).resolve().relative_to(self.image.resolve())
        original, place = self.image / above / inner.name, self.target / above / inner.name
        if os.path.lexists(place) or not os.path.lexists(original):
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        status = original.lstat()
        if stat.S_ISDIR(status.st_mode):
            place.mkdir()
        elif stat.S_ISLNK(status.st_mode):
            place.symlink_to(original.readlink())
        elif stat.S_ISREG(status.st_mode):
            shutil.copyfile(original, place)
            place.chmod(stat.S_IMODE(status.st_mode) & 0o755)

    def _date(self) -> None:
        for folder, names, files in os.walk(self.target):
            for name in (*names, *files):
                os.utime(Path(folder) / name, (self.clock, self.clock), follow_symlinks=False)
        os.utime(self.target, (self.clock, self.clock))


def closure(listing: str, wanted: Iterable[str] = WANTED) -> tuple[str, ...]:
    """Return the packages that the wanted ones need, sorted, of those that are installed.

    `listing` has a line for each that is installed: name, dependencies and provided names as
    dpkg(1) writes them, each with a tab behind it, and one more word: whoever hands it on may cut
    blanks at the end of a line.
    """
    needs: dict[str, list[str]] = {}
    provider: dict[str, str] = {}
    for line in listing.splitlines():
        name, depends, provides, _end = line.split("\t")
        needs[name] = depends.split(",")
        provider |= {each: name for each in _names(provides.split(",")) if each not in provider}
    provider |= {name: name for name in needs}
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name in found or name in _WITHOUT:
            continue
        if name not in needs:
            raise StepError("The builder image lacks the package {name}", name=name)
        found.add(name)
        waiting += _chosen(needs[name], provider)
    return tuple(sorted(found))


def _chosen(groups: Iterable[str], provider: Mapping[str, str]) -> Iterator[str]:
    """Yield of each group of alternatives the first that is installed."""
    for group in groups:
        yield from [provider[each] for each in _names(group.split("|")) if each in provider][:1]


def _names(texts: Iterable[str]) -> list[str]:
    found = (_NAME.match(text.strip()) for text in texts)
    return [each[0] for each in found if each]
