"""The packages of a system, from the archives that mmdebstrap knows for its suite.

Which archives those are is this machine's affair: mmdebstrap has a default for each suite, and
`DISTROCLONE_SYSTEMS_ARCHIVE_SUITE` (a line of sources.list, or an archive's address) replaces it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.systems.recipe import Recipe

_ENVIRONMENT: Final = {
    "DEBIAN_FRONTEND": "noninteractive",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "TZ": "UTC",
}
_SETTING: Final = "DISTROCLONE_SYSTEMS_ARCHIVE_"
_UBUNTU_KEYS: Final = Path("usr/share/keyrings/ubuntu-archive-keyring.gpg")
_DEBIAN_SUITES: Final = ("bookworm", "trixie", "sid")
_WITH_KEYS: Final = "trixie"  # the first Debian that has the package of Ubuntu's keys
# What only the making needs: mmdebstrap would leave its settings for apt and dpkg in the tree.
_OPTIONS: Final = (
    "--mode=root", "--format=directory",
    "--dpkgopt=force-unsafe-io", "--aptopt=APT::Install-Recommends false",
    "--aptopt=Acquire::Retries 3",
    '--customize-hook=rm -f "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"',
    '--customize-hook=rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"',
)  # fmt: skip


def bootstrap(recipe: Recipe, tree: Path) -> None:
    """Make the packages' part of a system in `tree`, which must not exist.

    Ends the program with mmdebstrap's own words when that fails.
    """
    with _keys(recipe.suite) as keys:
        _run(bootstrap_argv(recipe, tree, keys=keys))


def bootstrap_argv(recipe: Recipe, tree: Path, *, keys: Path | None) -> list[str]:
    """Return mmdebstrap's command; `keys` are those of an archive that apt does not trust here."""
    return [
        "mmdebstrap",
        *_OPTIONS,
        f"--variant={recipe.variant}",
        f"--components={','.join(recipe.components)}",
        f"--include={','.join(recipe.packages)}",
        *([] if keys is None else [f"--keyring={keys}"]),
        *(f"--aptopt={name} {value}" for name, value in _trusted_dates().items()),
        *_archive(recipe.suite, tree, os.environ),
    ]


def _archive(suite: str, tree: Path, settings: Mapping[str, str]) -> Sequence[str]:
    chosen = settings.get(_SETTING + suite.upper())
    return (suite, os.fspath(tree), *([] if chosen is None else [chosen]))


def _trusted_dates() -> dict[str, str]:
    """Return what this machine's apt says about dates: its archive may be a copy of some day."""
    names = ("Acquire::Check-Valid-Until", "Acquire::Check-Date")
    done = subprocess.run(
        ["apt-config", "dump", "--format", "%f=%v%n", *names],
        stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT, check=True,
    )  # fmt: skip
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@contextmanager
def _keys(suite: str) -> Iterator[Path | None]:
    """Provide the keys of Ubuntu's archive: this machine's, or Debian's package of them."""
    here = Path("/") / _UBUNTU_KEYS
    if suite in _DEBIAN_SUITES or here.is_file():
        yield None if suite in _DEBIAN_SUITES else here
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # apt checks signatures as a user of its own
        tree = Path(folder, "keys")
        _run([
            "mmdebstrap", "--mode=root", "--format=directory", "--variant=extract",
            "--include=ubuntu-archive-keyring", *_archive(_WITH_KEYS, tree, os.environ),
        ])  # fmt: skip
        yield Path(shutil.copyfile(tree / _UBUNTU_KEYS, Path(folder, "ubuntu.gpg")))


def _run(argv: Sequence[str]) -> None:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, env=_ENVIRONMENT, check=False)
    if done.returncode != 0:
        sys.exit(f"systems: {argv[0]} failed with exit code {done.returncode}")
