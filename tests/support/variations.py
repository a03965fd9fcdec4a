"""What may differ from one build to the next without changing a byte, each with a name.

A variation changes how a build is run, and knows by what it can be seen that it did: a difference
that did not reach the build proves nothing. `docs/reproducibility.md` shows them as a table.
"""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from tests.support.command_line import PROJECT, others_can_enter
from tests.support.varied_build import Build, Places, Trace

HOST_NAME = "zx-varied-host-17"
# No label of ours has the machine's name: so the build does not start where the name is another.
_UNDER_A_NAME = 'hostname "$0" && [ "$(uname -n)" = "$0" ] && exec "$@"'
ZONE = "Pacific/Kiritimati"  # UTC+14: most of the time another day
USER = 65534
MEMORY = 1 << 30  # bytes
EARLIER, LATER = -3 * 365 * 86400, 200 * 86400  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One difference. At most one of a `slot` fits into a build."""

    name: str
    what: str
    apply: Callable[[Build, Places], Build]
    is_seen: Callable[[Trace], bool]
    slot: str = ""


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
    return build.having(TZ=ZONE).limited(environment={"TZ": ZONE})


def _locale(build: Build, _places: Places) -> Build:
    return build.having(LC_ALL="C", LANG="tr_TR.UTF-8", LANGUAGE="tr")


def _environment(build: Build, places: Places) -> Build:
    return build.having(
        SOURCE_DATE_EPOCH="86400",
        PYTHONHASHSEED="4711",
        TMPDIR=str(places.folder("temporary")),
        XZ_OPT="-0",
        ZSTD_CLEVEL="1",
        MKSQUASHFS_OPTIONS="-no-xattrs",
    )


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


def _sees(path: Callable[[Build], object]) -> Callable[[Trace], bool]:
    return lambda trace: any(each.startswith(str(path(trace.build))) for each in trace.sources)


def _says(pattern: str) -> Callable[[Trace], bool]:
    return lambda trace: re.search(pattern, trace.log, re.MULTILINE) is not None


def _is_shifted(offset: int) -> Callable[[Trace], bool]:
    """The clock reached the host's side, and the builder in the container.

    It does not reach its tools: each sees only what it works on, and the library is not among that.
    """

    def is_seen(trace: Trace) -> bool:
        created = datetime.fromisoformat(trace.container["Created"][:19] + "+00:00")
        logged = datetime.fromisoformat(trace.log.split(maxsplit=1)[0])
        near = abs(logged - created - timedelta(seconds=offset)) < timedelta(hours=1)
        return near and "python3" in trace.programs

    return is_seen


def _blocks(*, found: bool) -> Callable[[Trace], bool]:
    """Most of the store's answers were of this kind; equal blocks are found within one build."""

    def is_seen(trace: Trace) -> bool:
        counts = trace.ended.data["block_cache"]
        rate = counts["hits"] / (counts["hits"] + counts["misses"])
        return (rate > 0.9) is found and (rate > 0.1) is found and _reused_initramfs(trace) is found

    return is_seen


_reused_initramfs = _says(r"The initramfs is reused")


def _log_mode(trace: Trace) -> int:
    (log,) = trace.build.output.glob("*.log")
    return log.stat().st_mode & 0o777


VARIATIONS = (
    Variation(
        name="moved image",
        what="the cache image has another name and place, with blanks and letters beyond ASCII",
        apply=_moved,
        is_seen=_sees(lambda build: build.source[1]),
        slot="source",
    ),
    Variation(
        name="btrfs",
        what="a cache folder on btrfs, frozen, instead of a cache image",
        apply=_btrfs,
        is_seen=lambda trace: any("/.distroclone-builder-" in each for each in trace.sources),
        slot="source",
    ),
    Variation(
        name="ext4",
        what="a plain copy on ext4, made in random order and without holes in its files",
        apply=_ext4,
        is_seen=_sees(lambda build: build.source[1]),
        slot="source",
    ),
    Variation(
        name="output folder",
        what="another output folder, deeper, with blanks and letters beyond ASCII",
        apply=_output,
        is_seen=lambda trace: "…" in str(trace.ended.data["folder"]),
        slot="output",
    ),
    Variation(
        name="far output",
        what="the engine does not see the output folder: the results are fetched from it",
        apply=_far,
        is_seen=_says(r"The engine cannot write to the output folder"),
        slot="output",
    ),
    Variation(
        name="overlay",
        what="`--staging overlay`: the changes go into a layer over the source",
        apply=_flags("--staging", "overlay"),
        is_seen=_says(r"The system is not copied: an overlay on the source"),
        slot="staging",
    ),
    Variation(
        name="rsync",
        what="`--staging rsync`: the system is copied",
        apply=_flags("--staging", "rsync"),
        is_seen=_says(r"The system is copied with rsync, as requested"),
        slot="staging",
    ),
    Variation(
        name="block cache cold",
        what="an empty block cache, which the build fills, instead of none",
        apply=_cold,
        is_seen=_blocks(found=False),
        slot="blocks",
    ),
    Variation(
        name="block cache warm",
        what="a block cache that has every block, and the initramfs",
        apply=_warm,
        is_seen=_blocks(found=True),
        slot="blocks",
    ),
    Variation(
        name="privileged",
        what="`--isolation privileged`",
        apply=_flags("--isolation", "privileged"),
        is_seen=lambda trace: bool(trace.host_config["Privileged"]),
    ),
    Variation(
        name="one processor",
        what="the containers may use one processor",
        apply=_one_processor,
        is_seen=lambda trace: (
            trace.processors == 1 or _says(r"mksquashfs: Using 1 processor$")(trace)
        ),
    ),
    Variation(
        name="little memory",
        what="the containers get 1 GiB of memory and no swap",
        apply=_little_memory,
        is_seen=lambda trace: trace.host_config["Memory"] == MEMORY,
    ),
    Variation(
        name="host name",
        what="the machine and the containers have other names",
        apply=_host_name,
        is_seen=lambda trace: trace.container["Config"]["Hostname"] == f"inside-{HOST_NAME}",
    ),
    Variation(
        name="time zone",
        what="TZ is 14 hours ahead of UTC, here and in the containers",
        apply=_time_zone,
        is_seen=lambda trace: f"TZ={ZONE}" in trace.container["Config"]["Env"],
    ),
    Variation(
        name="locale",
        what="another language, and the locale C",
        apply=_locale,
        is_seen=lambda trace: trace.build.environment["LC_ALL"] == "C",
    ),
    Variation(
        name="environment",
        what="SOURCE_DATE_EPOCH, TMPDIR, the hash seed and settings of compressors are set",
        apply=_environment,
        is_seen=lambda trace: trace.build.environment["SOURCE_DATE_EPOCH"] == "86400",
    ),
    Variation(
        name="user",
        what="another user, who is in the engine's group and not root",
        apply=_user,
        is_seen=lambda trace: (
            {each.stat().st_uid for each in trace.build.output.iterdir()} == {USER}
        ),
    ),
    Variation(
        name="umask",
        what="umask 077",
        apply=_umask,
        is_seen=lambda trace: _log_mode(trace) == 0o600,
    ),
    Variation(
        name="clock back",
        what="the clock stands three years earlier, before the backup was made",
        apply=_clock(EARLIER),
        is_seen=_is_shifted(EARLIER),
        slot="clock",
    ),
    Variation(
        name="months later",
        what="the clock stands 200 days later",
        apply=_clock(LATER),
        is_seen=_is_shifted(LATER),
        slot="clock",
    ),
    Variation(
        name="after a crash",
        what="a build was killed midway (SIGKILL), then `sweep`, then this build",
        apply=_after_crash,
        is_seen=lambda trace: trace.build.crashes_before,  # the laboratory checks what it left
    ),
    Variation(
        name="other checkout",
        what="the program runs from a copy of its checkout: other place, modes, times and order",
        apply=_checkout,
        is_seen=lambda trace: trace.build.project != PROJECT,
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
