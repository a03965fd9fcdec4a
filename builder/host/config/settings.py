"""Every setting, declared once; CONTRIBUTING.md says what else a new one needs.

The table is our own because no library does what we need: pydantic, msgspec and jsonschema know no
line and column, and each would need our messages, and its own models beside the recipe's values.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from builder.border.plan import Isolation, Staging
from builder.border.privacy import AllowedFinding, PrivacyMode
from builder.formats.added_packages import AddedTo
from builder.host.config import checks
from builder.host.config.allowed import AllowedRows
from builder.host.config.forms import Choice, FilePath, Number, Switch, TextOrNumber, Texts
from builder.host.config.recipe_settings import RESULT, SYSTEM
from builder.host.config.setting import Flag, Setting


class SourceOn(StrEnum):
    """On which machine the paths of a source, and of files of packages to add, are."""

    ENGINE = "engine"
    HERE = "here"  # all is sent to the engine


SECTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "source": "Where the system comes from.",
        "output": "Where the results go, and their names.",
        "live": "What the live system sets up when it boots.",
        "boot": "The boot menu.",
        "packages": "Packages that are added to the system: docs/packages.md.",
        "privacy": "What happens to private things that a build finds in what it would pack.",
    }
)

VERSION: Final = Setting(
    key="version",
    form=Number(rule=checks.version),
    default=checks.VERSION,
    about="The version of this format; required.",
)
CACHE: Final = Setting(
    key="source.cache",
    form=FilePath(is_folder=True),
    default=Path("/mnt/SysLinuxOS_backup"),
    about="The folder of a DistroClone Backup cache, which holds .rootfs_cache and .backup_meta.",
    flag=Flag(
        name="--cache",
        metavar="DIR",
        manual="the folder that holds `.rootfs_cache` and `.backup_meta`",
    ),
)
CACHE_IMAGE: Final[Setting[Path | None]] = Setting(
    key="source.cache_image",
    form=FilePath(is_folder=False),
    default=None,
    about="A file that holds a btrfs volume with such a cache, instead of the folder.",
    example="backups/cache.img",
    flag=Flag(
        name="--cache-image",
        metavar="FILE",
        manual="a file that holds a btrfs volume with such a folder, at its top or below",
    ),
)
TREE: Final[Setting[Path | None]] = Setting(
    key="source.tree",
    form=FilePath(is_folder=True),
    default=None,
    about="A root filesystem as a folder, instead of a cache: a chroot, a mounted disk, an "
    "unpacked backup.",
    example="/srv/chroots/trixie",
    flag=Flag(
        name="--tree",
        metavar="DIR",
        manual="a root filesystem as a folder, instead of a cache: a chroot, a mounted disk, an "
        "unpacked backup. It must not change during the build, which is checked at the end",
    ),
)
SNAPSHOT: Final = Setting(
    key="source.snapshot",
    form=TextOrNumber(rule=checks.selector),
    default="latest",
    about='Which state of the system: latest, cache, a number, a date, or "@YYYY-MM-DD_HH:MM".',
    notes="""\
  latest                  the newest complete read-only snapshot
  cache                   the cache as it is now
  3                       the snapper snapshot of that number
  2026-06-17              the newest snapshot of that day
  "@2026-06-17_14:30"     a snapshot by its name; the @ makes the quotes necessary""",
    flag=Flag(name="SELECTOR", manual="[which state of the system](../README.md#selectors)"),
)
OUTPUT: Final[Setting[Path | None]] = Setting(
    key="output.folder",
    form=FilePath(is_folder=True),
    default=None,
    about="The folder for the ISO, its checksums, manifest and log; it holds one ISO.",
    otherwise="the current folder",
    example="iso",
    flag=Flag(
        name="--output", metavar="DIR", manual="where the results go. One folder holds one ISO"
    ),
)
ISOLATION: Final = Setting(
    key="isolation",
    form=Choice(words=Isolation, message='"{value}" is not a kind of isolation'),
    default=Isolation.CONFINED,
    about="What the build container may do: only what a build needs, or everything.",
    notes="""\
  confined     only the capabilities that the build needs
  privileged   all of them, for engines that do not start the other
It never changes a byte of the ISO.""",
    flag=Flag(
        name="--isolation",
        metavar="KIND",
        manual="`confined` or `privileged`; never changes a byte of the ISO",
    ),
)
STAGING: Final = Setting(
    key="staging",
    form=Choice(words=Staging, message='"{value}" is not a way of staging'),
    default=Staging.AUTO,
    about="How the build gets a tree that it can change: overlay (nothing is copied), rsync (a "
    "copy), or auto (an overlay where possible).",
    notes="""\
  auto         an overlay where there can be one, else a copy; the build says which
  overlay      nothing is copied: changes go to a layer over the source
  rsync        a copy, which takes time and as much room as the system
It never changes a byte of the ISO.""",
    flag=Flag(
        name="--staging",
        metavar="HOW",
        manual="how the build gets a tree that it can change: `overlay` mounts a writable layer "
        "over the source, so nothing is copied; `rsync` copies; `auto` uses an overlay where "
        "possible, otherwise a copy, and says which and why. Never changes a byte of the ISO. "
        "[When an overlay is possible](architecture.md#staging)",
    ),
)
PRIVACY: Final = Setting(
    key="privacy.mode",
    form=Choice(words=PrivacyMode, message='"{value}" is not a way to treat findings'),
    default=PrivacyMode.STOP,
    about="What happens when something private is found in what would be packed: stop, or warn.",
    notes="""\
  stop         the build ends before anything is packed, and says what it found
  warn         it says the same and goes on: for an ISO that nobody else gets
It never changes a byte of the ISO.""",
    flag=Flag(
        name="--privacy",
        metavar="HOW",
        manual="what happens when something private is found in what would be packed: `stop`, or "
        "`warn` for an ISO that nobody else gets. Never changes a byte of the ISO",
    ),
)
ALLOW: Final[Setting[tuple[AllowedFinding, ...]]] = Setting(
    key="privacy.allow",
    form=AllowedRows(),
    default=(),
    about="Findings that may be packed all the same: a path as in exclude, a rule, and a reason.",
    notes="""\
An example would be:
  allow:
    - path: /opt/shop/demo/*.pem
      rule: private-key
      reason: the vendor's demo certificate, which is public""",
)

INSTALL: Final[Setting[tuple[str, ...]]] = Setting(
    key="packages.install",
    form=Texts(rule=checks.package_name),
    default=(),
    about="Packages to add to the system, with all that they need, from its own archives.",
    notes="""\
An example would be:
  install: [gparted, gddrescue]""",
    flag=Flag(
        name="--install",
        metavar="NAME",
        manual="a package to add to the system, with all that it needs; may be given more than "
        "once. [How packages are added](packages.md)",
    ),
)
REMOVE: Final[Setting[tuple[str, ...]]] = Setting(
    key="packages.remove",
    form=Texts(rule=checks.package_name),
    default=(),
    about="Packages to remove from the system. Nothing else ever goes, whatever is added.",
    notes="""\
An example would be:
  remove: [snapd]""",
    flag=Flag(
        name="--remove",
        metavar="NAME",
        manual="a package to remove from the copy of the system, whose settings stay; may be "
        "given more than once. [Removing packages](packages.md#removing-packages)",
    ),
)
PACKAGES_LAYER: Final = Setting(
    key="packages.layer",
    form=Choice(words=AddedTo, message='"{value}" is nothing that packages can be added to'),
    default=AddedTo.SYSTEM,
    about="What they are added to: the system, or live, so that an installed system lacks them.",
)
PACKAGES_LOCK: Final[Setting[Path | None]] = Setting(
    key="packages.lock",
    form=FilePath(is_folder=False),
    default=None,
    about="The lock of those packages, which `distroclone-builder packages lock` writes.",
    otherwise="what the archives have now",
    example="packages.lock",
    flag=Flag(
        name="--packages-lock",
        metavar="FILE",
        manual="the lock of the packages to add: the same files as last time, whatever the "
        "archives have now",
    ),
)

SOURCE_ON: Final = Setting(
    form=Choice(words=SourceOn, message='"{value}" is no machine'),
    default=SourceOn.ENGINE,
    about="Whose path the source is: the engine's machine's, or this one's, from which it is sent.",
    flag=Flag(
        name="--source-on",
        metavar="MACHINE",
        manual="`engine`: the paths of the source and of `--packages-from` are those of the "
        "engine's machine. `here`: they are of this one, and what is there is "
        "[sent to the engine](engines.md#sources-on-this-side) first",
    ),
)

# Only one of these may be given in a file, and only one as a flag; the flag wins.
SOURCES: Final[tuple[Setting[Any], ...]] = (CACHE, CACHE_IMAGE, TREE)

# Settings that have only a flag, because they depend on the machine.
BLOCK_CACHE: Final[Setting[Path | None]] = Setting(
    form=FilePath(is_folder=True),
    default=None,
    about="A folder that keeps the compressed blocks.",
    otherwise="a volume of the engine",
    flag=Flag(
        name="--block-cache",
        metavar="DIR",
        manual="a folder that keeps the compressed blocks, for example one that CI saves. "
        "[What it is](block-cache.md)",
    ),
)
BLOCK_CACHE_READ_ONLY: Final = Setting(
    form=Switch(),
    default=False,
    about="Use the block cache, but do not change it.",
    flag=Flag(name="--block-cache-read-only", manual="uses the block cache and does not change it"),
)
BLOCK_CACHE_KEY: Final[Setting[Path | None]] = Setting(
    form=FilePath(is_folder=False),
    default=None,
    about="A file of at least 32 random bytes, without which nobody can add to the block cache.",
    otherwise="everyone who can write to the block cache is trusted",
    flag=Flag(
        name="--block-cache-key",
        metavar="FILE",
        manual="a file of at least 32 random bytes, which others must not be able to read: only "
        "what was stored with the same key is taken. [What it is for](block-cache.md#a-key)",
    ),
)
PACKAGES_FROM: Final[Setting[Path | None]] = Setting(
    form=FilePath(is_folder=True),
    default=None,
    about="A folder with files of packages to add; what is missing there is fetched into it.",
    otherwise="a volume of the engine",
    flag=Flag(
        name="--packages-from",
        metavar="DIR",
        manual="a folder with files of packages to add, for example one that CI saves; what is "
        "missing there is fetched into it",
    ),
)
NO_BLOCK_CACHE: Final = Setting(
    form=Switch(),
    default=False,
    about="Compress every block and make the initramfs again.",
    flag=Flag(
        name="--no-block-cache", manual="compresses every block, and makes the initramfs again"
    ),
)

# By key, in the order of the annotated example.
KEYS: Final[Mapping[str, Setting[Any]]] = MappingProxyType(
    {
        setting.key: setting
        for setting in (
            VERSION,
            *SOURCES,
            SNAPSHOT,
            OUTPUT,
            *RESULT,
            ISOLATION,
            STAGING,
            *SYSTEM,
            INSTALL,
            REMOVE,
            PACKAGES_LAYER,
            PACKAGES_LOCK,
            PRIVACY,
            ALLOW,
        )
    }
)
# By the parameter's name, in the order of the help.
FLAGS: Final[Mapping[str, Setting[Any]]] = MappingProxyType(
    {
        setting.flag.parameter: setting
        for setting in (
            *KEYS.values(),
            SOURCE_ON,
            BLOCK_CACHE,
            BLOCK_CACHE_READ_ONLY,
            BLOCK_CACHE_KEY,
            NO_BLOCK_CACHE,
            PACKAGES_FROM,
        )
        if setting.flag
    }
)
