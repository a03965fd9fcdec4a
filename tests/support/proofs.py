"""By what it can be seen that a variation reached the build: see `tests.support.variations`."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from builder.border.paths import DELIVERY, ROOT, SOURCE
from tests.support.command_line import PROJECT
from tests.support.varied_build import Trace
from tests.support.varied_command import LABEL

Proof = Callable[[Trace], bool]


def binds(place: Path, name: str) -> Proof:
    """The engine bound something into the container at `place` whose path has this in it."""
    return lambda trace: name in trace.sources.get(str(place), "")


def says(pattern: str) -> Proof:
    """A line of the log, which the container wrote most of, is like this."""
    return lambda trace: re.search(pattern, trace.log, re.MULTILINE) is not None


def is_shifted(offset: int) -> Proof:
    """The clock reached the host's side, the builder in the container, and what writes bytes."""

    def is_seen(trace: Trace) -> bool:
        created = datetime.fromisoformat(trace.container["Created"][:19] + "+00:00")
        logged = datetime.fromisoformat(trace.log.split(maxsplit=1)[0])
        near = abs(logged - created - timedelta(seconds=offset)) < timedelta(hours=1)
        # An initramfs that is reused is made by nobody.
        made = set() if _reused_initramfs(trace) else {"mkinitramfs"}
        return near and trace.programs >= {"python3", "mksquashfs", "xorriso", *made}

    return is_seen


def answers(*, found: bool) -> Proof:
    """Most of the store's answers were of this kind; equal blocks are found within one build."""

    def is_seen(trace: Trace) -> bool:
        counts = trace.ended.data["block_cache"]
        if counts is None:
            return False
        rate = counts["hits"] / (counts["hits"] + counts["misses"])
        return (rate > 0.9) is found and (rate > 0.1) is found and _reused_initramfs(trace) is found

    return is_seen


_reused_initramfs = says(r"The initramfs is reused")


def reached_both(wanted: Mapping[str, str]) -> Proof:
    """The command and the first program of its container have these in their environment."""
    return lambda trace: all(
        wanted.items() <= each.environment.items() for each in (trace.command, trace.inside)
    )


def are_named(command: str, inside: str) -> Proof:
    """The command and its container see these names as their machine's."""
    return lambda trace: (trace.command.host_name, trace.inside.host_name) == (command, inside)


def delivers_to(pattern: str) -> Proof:
    """The container writes straight into the output folder, whose name has this in it."""
    return lambda trace: (
        pattern in trace.sources.get(str(DELIVERY), "")
        and trace.sources[str(DELIVERY)].startswith(f"{trace.build.output}/")
    )


def delivers_nowhere(trace: Trace) -> bool:
    """The container has no folder of this machine to write into."""
    said = says(r"The engine cannot write to the output folder")(trace)
    return said and str(DELIVERY) not in trace.sources


def is_on(kind: str) -> Proof:
    """The container's source is on such a file system."""
    return lambda trace: trace.inside.mounts.get(str(SOURCE)) == kind


def has_overlay(trace: Trace) -> bool:
    """The tree that is changed is an overlay."""
    return trace.inside.mounts.get(str(ROOT)) == "overlay"


def has_copy(trace: Trace) -> bool:
    """The tree that is changed is a copy."""
    copied = says(r"The system is copied with rsync, as requested")(trace)
    return copied and str(ROOT) not in trace.inside.mounts


def belongs_to(user: int) -> Proof:
    """This user runs the command and has the results."""

    def is_seen(trace: Trace) -> bool:
        owners = {each.stat().st_uid for each in trace.build.output.iterdir()}
        return owners == {user} == {trace.command.user}

    return is_seen


def is_closed_to_others(trace: Trace) -> bool:
    """The command's umask leaves nobody else anything, and it made its folder so, if it did."""
    made = trace.build.alias is None
    closed = trace.build.output.stat().st_mode & 0o777 == 0o700
    return trace.command.umask == 0o077 and (closed or not made)


def is_run_from_its_project(trace: Trace) -> bool:
    """The code that asked for the container is in the build's checkout, which is not this one."""
    code = Path(trace.container["Config"]["Labels"][LABEL])
    return code.is_relative_to(trace.build.project) and not code.is_relative_to(PROJECT)


def follows_a_crash(trace: Trace) -> bool:
    """The engine had a container and a volume of a build that was killed."""
    kinds = sorted(each.split()[0] for each in trace.left_by_crash)
    return kinds == ["container", "volume"]
