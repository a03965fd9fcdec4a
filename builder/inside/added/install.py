"""Installs the packages of a lock into a scratch root, with the system's own dpkg.

dpkg and the maintainer scripts are the system's code: they run in the wall, without a network, and
no service starts. What is left of it is found by comparing afterwards, so that what only the
installing needed, or would be otherwise the next time, never gets into the system.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError
from builder.formats.added_packages import (
    Action,
    AddedPackage,
    PackagesLock,
    Phase,
    RemovedPackage,
)
from builder.inside.added.fetch import Store
from builder.inside.layers.inhabited import inhabited
from builder.inside.system.system import System
from builder.inside.system.tool_error import ToolError
from builder.inside.tree.tree import Tree

_FILES: Final = "/var/cache/distroclone-builder-packages"
_POLICY: Final = "/usr/sbin/policy-rc.d"
# Found before the programs of these names: nothing may make an initramfs here.
_NO_INITRAMFS: Final = ("/usr/local/sbin/update-initramfs", "/usr/local/sbin/dracut")
_NOTHING: Final = b"#!/bin/sh\nexit 0\n"
_NO_SERVICE: Final = (
    b"#!/bin/sh\nexit 101\n"  # /usr/share/doc/init-system-helpers/README.policy-rc.d
)
_ENVIRONMENT: Final[Mapping[str, str]] = {
    "DEBCONF_NONINTERACTIVE_SEEN": "true",
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "INITRD": "No",  # for the hooks of kernels
    "NEEDRESTART_SUSPEND": "1",
    "SYSTEMD_OFFLINE": "1",
    "UCF_FORCE_CONFFOLD": "1",
}
_MERGED: Final = (b"/bin/", b"/lib/", b"/lib64/", b"/sbin/")  # links to what is below /usr
_DPKG: Final = ("dpkg", "--force-confold", "--force-unsafe-io", "--no-triggers")
# What is otherwise at each run, or is made again at the first boot: docs/packages.md.
_FLEETING: Final = re.compile(
    rb"/(?:dev|proc|run|sys|tmp)"
    rb"|/boot/initrd[^/]*"
    rb"|/usr/share/info/dir(?:\.old)?"
    rb"|/var/cache/(?:ldconfig/aux-cache|apt/.+|man/.+)"
    rb"|/var/lib/(?:systemd/catalog/database|man-db/.+)"
    rb"|/var/log/.+",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The packages of `lock`, whose files are in the folder `store`."""

    lock: PackagesLock
    store: Path

    def into(self, tree: Tree, system: System) -> frozenset[bytes]:
        """Install them into a tree that is thrown away; return the paths that are there for that.

        Raises StepError for a file that is missing, and for packages that cannot be installed.
        """
        self._put_files(tree)
        scripts = {_POLICY: _NO_SERVICE, **dict.fromkeys(_NO_INITRAMFS, _NOTHING)}
        for path, script in scripts.items():
            tree.remove(path)
            tree.write(path, script, mode=0o755)
        ours = frozenset(os.fsencode(tree.inner(tree.locate(path))) for path in (_FILES, *scripts))
        with inhabited(tree, system):
            for done, phase in enumerate(self.lock.phases, start=1):
                self._run(tree, system, _command(phase, self.lock))
                system.progress(done / len(self.lock.phases))
            for words in (("--triggers-only", "--pending"), ("--configure", "--pending")):
                self._run(tree, system, (*_DPKG[:-1], *words))
            if left := self._run(tree, system, ("dpkg", "--audit")).strip():
                raise StepError(
                    "The packages are not wholly installed: {reason}",
                    hint="The log has what dpkg and its scripts said.",
                    reason=left.splitlines()[0],
                    output=left.splitlines(),
                )
        return ours

    def _put_files(self, tree: Tree) -> None:
        found = Store(self.store)
        tree.make_directory(_FILES, mode=0o755)
        folder = tree.resolve(_FILES)
        for package in self.lock.packages:
            file = found.find(package)
            if file is None:
                raise StepError("The file of {package} is not there any more", package=package)
            shutil.copyfile(file, folder / package.key)

    def _run(self, tree: Tree, system: System, command: Sequence[str]) -> str:
        try:
            return system.run(command, root=tree.root, env=_ENVIRONMENT)
        except ToolError as error:
            raise StepError(
                "The packages cannot be installed: {reason}",
                hint="The log has what dpkg and its scripts said. If the system changed since the "
                "lock was made, make it again with `distroclone-builder packages lock`.",
                command=error.command,
                output=error.output,
                reason=_reason(error),
            ) from error


def is_fleeting(path: bytes) -> bool:
    """Whether a difference at a path must not get into the system."""
    return _FLEETING.fullmatch(path) is not None


def package_paths(tree: Tree, packages: Iterable[AddedPackage | RemovedPackage]) -> Iterator[bytes]:
    """Yield the paths that packages say they have in a tree: dpkg's lists."""
    for package in packages:
        for name in (package.name, f"{package.name}:{package.architecture}"):
            try:
                listed = tree.read_bytes(f"/var/lib/dpkg/info/{name}.list", limit=16 << 20)
            except OSError:
                continue
            for path in listed.split(b"\n"):
                yield path
                if path.startswith(_MERGED):
                    yield b"/usr" + path


def _command(phase: Phase, lock: PackagesLock) -> tuple[str, ...]:
    """Return the command as apt itself gives it (apt-pkg/deb/dpkgpm.cc)."""
    if phase.action is Action.REMOVE:
        # What replaces it may come only afterwards.
        gone = [lock.removed[place] for place in phase.packages]
        return (*_DPKG, "--force-depends", "--remove", *map(_name, gone))
    chosen = [lock.packages[place] for place in phase.packages]
    if phase.action is Action.UNPACK:
        files = (f"{_FILES}/{each.key}" for each in chosen)
        return (*_DPKG, "--auto-deconfigure", "--unpack", *files)
    return (*_DPKG, "--configure", *map(_name, chosen))


def _name(package: AddedPackage | RemovedPackage) -> str:
    if package.architecture == "all":
        return package.name
    return f"{package.name}:{package.architecture}"


def _reason(error: ToolError) -> str:
    said = [line.strip() for line in error.output if line.startswith(("dpkg: ", "E: "))]
    return said[0] if said else str(error)
