"""What may differ from one build to the next without changing a byte, each with a name.

A variation changes how a build is run, and knows by what it can be seen that it did: a difference
that did not reach the build proves nothing. What a test set itself is no proof; what the kernel or
the engine says of the command and of its container is, and so is what the build says and leaves.
None of it may be seen in a build without any variation. `docs/reproducibility.md` has the table.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from builder.border.paths import CACHE_IMAGE, SOURCE
from tests.support.command_line import PROJECT, others_can_enter
from tests.support.proofs import (
    Proof,
    answers,
    are_named,
    belongs_to,
    binds,
    delivers_nowhere,
    delivers_to,
    follows_a_crash,
    has_copy,
    has_overlay,
    is_closed_to_others,
    is_on,
    is_run_from_its_project,
    is_shifted,
    reached_both,
)
from tests.support.varied_build import Build, Places

HOST_NAME = "zx-varied-host-17"
# No label of ours has the machine's name: so the build does not start where the name is another.
_UNDER_A_NAME = 'hostname "$0" && [ "$(uname -n)" = "$0" ] && exec "$@"'
ZONE = "Pacific/Kiritimati"  # UTC+14: most of the time another day
USER = 65534
_ZONE = {"TZ": ZONE}
_LOCALE = {"LC_ALL": "C", "LANG": "tr_TR.UTF-8", "LANGUAGE": "tr"}
_SETTINGS = {
    "SOURCE_DATE_EPOCH": "86400",
    "PYTHONHASHSEED": "4711",
    "XZ_OPT": "-0",
    "XZ_DEFAULTS": "--check=crc32",
    "ZSTD_CLEVEL": "1",
}
MEMORY = 1 << 30  # bytes
EARLIER, LATER = -3 * 365 * 86400, 200 * 86400  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One difference. At most one of a `slot` fits into a build."""

    name: str
    what: str
    proof: str  # what `is_seen` looks at
    apply: Callable[[Build, Places], Build]
    is_seen: Proof
    slot: str = ""
    by_itself: bool = False  # a build may do so without being asked


def _moved(build: Build, places: Places) -> Build:
    return replace(build, source=("--cache-image", places.moved_image))


def _btrfs(build: Build, places: Places) -> Build:
    return replace(build, source=("--cache", places.btrfs))


def _ext4(build: Build, places: Places) -> Build:
    return replace(build, source=("--cache", places.ext4))


def _output(build: Build, places: Places) -> Build:
    return replace(build, output=places.folder("Ergebnis für später") / "noch … eins")


def _far(build: Build, places: Places) -> Build:
    """The command sees the folder in another place, where the engine sees an empty one."""
    alias = places.folder("only here")
    build.output.mkdir(parents=True)
    script = 'mount --bind "$0" "$1" && shift && exec "$@"'
    moved = build.under("unshare", "--mount", "sh", "-c", script, str(build.output), str(alias))
    return replace(moved, alias=alias)


def _flags(*flags: object) -> Callable[[Build, Places], Build]:
    return lambda build, _places: replace(build, flags=(*build.flags, *flags))


def _cold(build: Build, places: Places) -> Build:
    return replace(build, blocks=("--block-cache", places.cold_blocks()))


def _warm(build: Build, places: Places) -> Build:
    return replace(build, blocks=("--block-cache", places.warm_blocks))


def _one_processor(build: Build, _places: Places) -> Build:
    return build.limited(cpuset_cpus="0")


def _little_memory(build: Build, _places: Places) -> Build:
    return build.limited(mem_limit=MEMORY, memswap_limit=MEMORY)


def _host_name(build: Build, _places: Places) -> Build:
    named = build.under("unshare", "--uts", "sh", "-c", _UNDER_A_NAME, HOST_NAME)
    return named.limited(hostname=f"inside-{HOST_NAME}")


def _time_zone(build: Build, _places: Places) -> Build:
    return build.having(**_ZONE).having_inside(**_ZONE)


def _locale(build: Build, _places: Places) -> Build:
    return build.having(**_LOCALE).having_inside(**_LOCALE)


def _environment(build: Build, places: Places) -> Build:
    here, there = str(places.folder("temporary")), "/dev/shm"
    return build.having(**_SETTINGS, TMPDIR=here).having_inside(**_SETTINGS, TMPDIR=there)


def _user(build: Build, places: Places) -> Build:
    home = str(places.folder("home"))
    words = ["setpriv", f"--reuid={USER}", f"--regid={USER}", f"--groups={places.engine_group}"]
    if not others_can_enter(PROJECT, Path(sys.executable).resolve()):
        words += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return build.under(*words).having(HOME=home, USER="nobody", LOGNAME="nobody")


def _umask(build: Build, _places: Places) -> Build:
    return build.under("sh", "-c", 'umask 077; exec "$@"', "umask")


def _clock(offset: int) -> Callable[[Build, Places], Build]:
    return lambda build, places: replace(build, clock=places.clock(offset))


def _after_crash(build: Build, _places: Places) -> Build:
    return replace(build, crashes_before=True)


def _checkout(build: Build, places: Places) -> Build:
    return replace(build, project=places.checkout)


VARIATIONS = (
    Variation(
        name="moved image",
        what="the cache image has another name and place, with blanks and letters beyond ASCII",
        proof="the engine: which file is bound where the container finds the image",
        apply=_moved,
        is_seen=binds(CACHE_IMAGE, "/mein Rückhalt.btrfs"),
        slot="source",
    ),
    Variation(
        name="btrfs",
        what="a cache folder on btrfs, frozen, instead of a cache image",
        proof="the engine: a frozen snapshot is bound; the kernel: it is on btrfs",
        apply=_btrfs,
        is_seen=lambda trace: (
            is_on("btrfs")(trace) and binds(SOURCE, "/.distroclone-builder-")(trace)
        ),
        slot="source",
    ),
    Variation(
        name="ext4",
        what="a plain copy on ext4, made in random order and without holes in its files",
        proof="the kernel: the tree that the container sees is on ext4",
        apply=_ext4,
        is_seen=is_on("ext4"),
        slot="source",
    ),
    Variation(
        name="output folder",
        what="another output folder, deeper, with blanks and letters beyond ASCII",
        proof="the engine: the folder into which the container writes",
        apply=_output,
        is_seen=delivers_to("…"),
        slot="output",
    ),
    Variation(
        name="far output",
        what="the engine does not see the output folder: the results are fetched from it",
        proof="the engine: the container has no folder of this machine to write into",
        apply=_far,
        is_seen=delivers_nowhere,
        slot="output",
    ),
    Variation(
        name="overlay",
        what="`--staging overlay`: the changes go into a layer over the source",
        proof="the kernel: an overlay is mounted in the container, where the tree is changed",
        apply=_flags("--staging", "overlay"),
        is_seen=has_overlay,
        slot="staging",
        by_itself=True,
    ),
    Variation(
        name="rsync",
        what="`--staging rsync`: the system is copied",
        proof="the kernel: nothing is mounted there; the log: rsync was at work",
        apply=_flags("--staging", "rsync"),
        is_seen=has_copy,
        slot="staging",
    ),
    Variation(
        name="block cache cold",
        what="an empty block cache, which the build fills, instead of none",
        proof="the container: what it found in the store and what it put there",
        apply=_cold,
        is_seen=answers(found=False),
        slot="blocks",
    ),
    Variation(
        name="block cache warm",
        what="a block cache that has every block, and the initramfs",
        proof="the container: what it found in the store; the log: the initramfs is reused",
        apply=_warm,
        is_seen=answers(found=True),
        slot="blocks",
    ),
    Variation(
        name="privileged",
        what="`--isolation privileged`",
        proof="the engine: the container is privileged",
        apply=_flags("--isolation", "privileged"),
        is_seen=lambda trace: bool(trace.host_config["Privileged"]),
    ),
    Variation(
        name="one processor",
        what="the containers may use one processor",
        proof="the kernel: on how many processors the container's programs may run",
        apply=_one_processor,
        is_seen=lambda trace: trace.inside.processors == 1,
        by_itself=True,
    ),
    Variation(
        name="little memory",
        what="the containers get 1 GiB of memory and no swap",
        proof="the kernel: the limit of the container's control group",
        apply=_little_memory,
        is_seen=lambda trace: trace.inside.memory == MEMORY,
    ),
    Variation(
        name="host name",
        what="the machine and the containers have other names",
        proof="the kernel: the names that the command and the container's programs see",
        apply=_host_name,
        is_seen=are_named(HOST_NAME, f"inside-{HOST_NAME}"),
    ),
    Variation(
        name="time zone",
        what="TZ is 14 hours ahead of UTC, here and in the containers",
        proof="the kernel: the environment of the command and of the container's first program",
        apply=_time_zone,
        is_seen=reached_both(_ZONE),
    ),
    Variation(
        name="locale",
        what="another language, and the locale C",
        proof="the kernel: the environment of the command and of the container's first program",
        apply=_locale,
        is_seen=reached_both(_LOCALE),
    ),
    Variation(
        name="environment",
        what="SOURCE_DATE_EPOCH, TMPDIR, the hash seed and settings of compressors are set",
        proof="the kernel: the environment of the command and of the container's first program",
        apply=_environment,
        is_seen=reached_both(_SETTINGS),
    ),
    Variation(
        name="user",
        what="another user, who is in the engine's group and not root",
        proof="the kernel: who runs the command, and whose the results are",
        apply=_user,
        is_seen=belongs_to(USER),
    ),
    Variation(
        name="umask",
        what="umask 077",
        proof="the host only, no container inherits it; the kernel: the command's umask, and the "
        "mode of the folder that it made",
        apply=_umask,
        is_seen=is_closed_to_others,
    ),
    Variation(
        name="clock back",
        what="the clock stands three years earlier, before the backup was made",
        proof="the log, against the engine; the builder, mkinitramfs, mksquashfs and xorriso "
        "loaded the library",
        apply=_clock(EARLIER),
        is_seen=is_shifted(EARLIER),
        slot="clock",
    ),
    Variation(
        name="months later",
        what="the clock stands 200 days later",
        proof="the log, against the engine; the builder, mkinitramfs, mksquashfs and xorriso "
        "loaded the library",
        apply=_clock(LATER),
        is_seen=is_shifted(LATER),
        slot="clock",
    ),
    Variation(
        name="after a crash",
        what="a build was killed midway (SIGKILL), then `builds cancel`, then this build",
        proof="the engine: the container and the volume that were left, and are gone",
        apply=_after_crash,
        is_seen=follows_a_crash,
    ),
    Variation(
        name="other checkout",
        what="the program runs from a copy of its checkout: other place, modes, times and order",
        proof="the host only, the container has the builder image's code; a label that the code "
        "which asked for the container put on it",
        apply=_checkout,
        is_seen=is_run_from_its_project,
    ),
)
BY_NAME = MappingProxyType({each.name: each for each in VARIATIONS})

# What every run of the tests builds: few builds that have every variation among them.
QUICK = (
    ("moved image", "far output", "host name", "time zone", "locale", "clock back"),
    ("btrfs", "rsync", "output folder", "block cache cold", "environment", "user", "umask",
     "months later"),
    ("ext4", "overlay", "block cache warm", "one processor", "little memory", "after a crash",
     "other checkout"),
)  # fmt: skip
# A container of this kind cannot be started everywhere, so it is tried by itself.
ALONE = ("privileged",)


def everything(*chosen: str) -> tuple[str, ...]:
    """Return the names of all variations, of each slot only the chosen one."""
    return tuple(
        each.name
        for each in VARIATIONS
        if each.name not in ALONE and (not each.slot or each.name in chosen)
    )


ALL_TOGETHER = (
    everything("moved image", "output folder", "overlay", "block cache warm", "months later"),
    everything("btrfs", "far output", "overlay", "months later"),
    everything("ext4", "output folder", "rsync", "block cache cold", "clock back"),
)


def varied(build: Build, names: Iterable[str], places: Places) -> Build:
    """Return the build with all these variations, in the order of the table."""
    chosen = set(names)
    assert chosen <= set(BY_NAME), chosen - set(BY_NAME)
    for each in VARIATIONS:
        if each.name in chosen:
            build = each.apply(build, places)
    return build
