"""The settings that decide bytes of the ISO: each is a field of the recipe, with its default."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from builder.formats.recipe import BootSettings, Installer, LiveSettings, Recipe
from builder.host.config import checks, login_checks
from builder.host.config.compression_schema import compression
from builder.host.config.compression_text import PRESETS
from builder.host.config.forms import Choice, Number, Switch, Text, Texts
from builder.host.config.setting import Flag, Setting

USUAL: Final = Recipe(compression=PRESETS["standard"])
_LIVE: Final = LiveSettings()
_BOOT: Final = BootSettings()

RESULT: Final[tuple[Setting[Any], ...]] = (
    Setting(
        key="output.name",
        form=Text(rule=checks.iso_name),
        default=USUAL.name,
        about='The ISO\'s name, without ".iso".',
        otherwise="<Distro>-<version>-<desktop>, e.g. Debian-13-xfce",
        example="My-Rescue-System",
        notes='Up to 100 of A-Z, a-z, 0-9, "." "_" "+" and "-", starting with a letter or digit.',
    ),
    Setting(
        key="output.volume_id",
        form=Text(rule=checks.volume_id),
        default=USUAL.volume_id,
        about='The ISO 9660 volume id: up to 32 of A-Z, a-z, 0-9, "_" "." and "-".',
        otherwise="made from the name, e.g. DEBIAN_13_XFCE",
        example="RESCUE",
    ),
)

SYSTEM: Final[tuple[Setting[Any], ...]] = (
    Setting(
        key="compression",
        form=Text(rule=compression),
        default=USUAL.compression,
        about="How the system is compressed: fast, standard, max, or written out, for example "
        "zstd,level=15,block=256K.",
        notes="""\
  fast         zstd level 3, blocks of 1 MiB
  standard     zstd level 9, blocks of 1 MiB
  max          xz with the x86 filter, blocks of 1 MiB: the smallest, and by far the slowest
  distroclone-fast, distroclone-standard, distroclone-max: as DistroClone does it
Or in full, CODEC[,level=N][,block=SIZE][,filters=A+B] without spaces:
  zstd,level=15,block=256K     level 1 to 22, 9 if not given
  xz,filters=x86+arm           of x86, arm, armthumb, powerpc, sparc, ia64
  lz4
A block is a power of two from 4K to 1M; 1M if not given.""",
        flag=Flag(
            name="--compression",
            metavar="HOW",
            manual="`fast`, `standard`, `max`, `distroclone-fast`, `distroclone-standard`, "
            "`distroclone-max`, or written out",
        ),
    ),
    Setting(
        key="live.user",
        form=Text(rule=checks.user_name),
        default=_LIVE.user,
        about='The login name: up to 32 of a-z, 0-9, "_" and "-", starting with a letter.',
        notes="Not the name of a system user.",
    ),
    Setting(
        key="live.full_name",
        form=Text(rule=checks.full_name),
        default=_LIVE.full_name,
        about="The user's full name.",
        notes='Not allowed in it: : , = " \\ $ `',
    ),
    Setting(
        key="live.groups",
        form=Texts(rule=checks.group_name),
        default=_LIVE.groups,
        about="The user's groups; those that the system does not have are skipped.",
    ),
    Setting(
        key="live.hostname",
        form=Text(rule=checks.hostname),
        default=_LIVE.hostname,
        about="The host name.",
    ),
    Setting(
        key="live.locale",
        form=Text(rule=checks.locale),
        default=_LIVE.locale,
        about="The locale.",
        otherwise="the system's own",
        example="de_DE.UTF-8",
    ),
    Setting(
        key="live.keyboard",
        form=Text(rule=checks.keyboard),
        default=_LIVE.keyboard,
        about="XKB layouts, e.g. de, or us,it.",
        otherwise="the system's own",
        example="de",
    ),
    Setting(
        key="live.timezone",
        form=Text(rule=checks.timezone),
        default=_LIVE.timezone,
        about="The time zone.",
        otherwise="the system's own",
        example="Europe/Rome",
    ),
    Setting(
        key="live.remote_login",
        form=Switch(),
        default=_LIVE.remote_login,
        about="Accept the live user's password over the network too: by ssh, remote desktops and "
        "whatever else the system offers.",
        notes="Everybody who has the ISO knows the password, or can try to find it.",
    ),
    Setting(
        key="live.password_hash",
        form=Text(rule=login_checks.password_hash),
        default=_LIVE.password_hash,
        about="The live user's password, as a hash that mkpasswd or `openssl passwd -6` makes. It "
        "can be read in the ISO.",
        otherwise='the password is "live"',
        example="$5$nTd3KMg3EkK7DdL8$K4MVD/HSJH9AW6OFm9KYqIlBAQqjnpMfYaYIChlgDmA",
    ),
    Setting(
        key="live.authorized_keys",
        form=Texts(rule=login_checks.authorized_key, together=login_checks.authorized_keys),
        default=_LIVE.authorized_keys,
        about="Public ssh keys that let in the live user over the network, if the system has an "
        "ssh server; their comments are left out.",
    ),
    Setting(
        key="boot.entries",
        form=Texts(rule=checks.boot_entry, together=checks.boot_entries),
        default=_BOOT.entries,
        about="The entries of the boot menu, in their order; the first is the default.",
        notes="""\
  live          the live system
  safe          the same without the drivers of graphics cards
  toram         copies the medium into memory first; it can be taken out then
  persistence   keeps changes on a partition labelled "persistence": docs/booting-menu.md
  check         compares the medium with its checksums
  memtest       tests the memory of the machine; not with Secure Boot
  firmware      the settings of the firmware, on UEFI
The first has to be one that starts the live system.""",
    ),
    Setting(
        key="boot.kernel_parameters",
        form=Texts(rule=checks.kernel_parameter, together=checks.kernel_parameters),
        default=_BOOT.kernel_parameters,
        about="More kernel parameters, one list item for each; 1024 characters in total.",
        notes="[] for none.",
    ),
    Setting(
        key="boot.serial_console",
        form=Text(rule=checks.serial_console),
        default=_BOOT.serial_console,
        about="A serial line that also gets menu, kernel messages and login: ttyS0 to ttyS3, a "
        "comma, the speed.",
        example="ttyS0,115200",
    ),
    Setting(
        key="boot.timeout_seconds",
        form=Number(rule=checks.timeout_seconds),
        default=_BOOT.timeout_seconds,
        about="How long the menu waits, in seconds: 0 (boot at once) to 600.",
    ),
    Setting(
        key="installer",
        form=Choice(words=Installer, message='"{value}" is not an installer'),
        default=USUAL.installer,
        about="What on the medium installs the system to a disk: none, or text (on the console).",
        notes="""\
  none   no installer of ours; what the system itself has stays as it is
  text   an entry of the boot menu that asks, or follows an answer file: docs/installing.md""",
        flag=Flag(
            name="--installer",
            metavar="WHICH",
            manual="`none` or `text`. [Installing](installing.md)",
        ),
    ),
    Setting(
        key="exclude",
        form=Texts(rule=checks.exclude, together=checks.excludes),
        default=USUAL.exclude,
        about="What to leave out of the copy, besides what always is: rsync patterns that start "
        'with "/", the root of the system; at most 500.',
        notes="""\
An example would be:
  exclude:
    - /opt/games
    - /usr/local/src/*""",
    ),
    Setting(
        key="keep",
        form=Texts(rule=checks.exclude, together=checks.excludes),
        default=USUAL.keep,
        about="What to take although it is data, with all that is in it: rsync patterns that start "
        'with "/", the root of the system; at most 500. `exclude` wins over `keep`.',
        notes="""\
Data of services and people stays at home unless it is named here: docs/privacy.md. An example:
  keep:
    - /srv/www
    - /var/lib/mysql""",
    ),
)

# By field; what is below `output` in build.yaml is at the top of a recipe.
RECIPE: Final[Mapping[str, Setting[Any]]] = MappingProxyType(
    {setting.key.removeprefix("output."): setting for setting in (*SYSTEM, *RESULT)}
)
