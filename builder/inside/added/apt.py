"""Runs this image's apt for another system, from that system's data alone.

Nothing of apt.conf(5) is read but what stands here. Each archive is asked by itself, so that a
broken one only takes its own packages away. An archive's date is not believed: of a lock, the
SHA-256 of each file is what counts, and a frozen archive is past its date. For the same reason, the
certificate of an https archive is not checked: a package list without a valid signature is refused,
whatever way it came.
"""

import base64
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from builder.basics.printable import clean
from builder.border.added_packages import AptData, AptFile, AptSource
from builder.inside.system.system import System
from builder.inside.system.tool_error import ToolError

_OPTIONS: Final = (
    "Acquire::Check-Valid-Until=false",
    "Acquire::https::Verify-Peer=false",
    "Acquire::https::Verify-Host=false",
    "Acquire::ForceHash=SHA256",  # what --print-uris tells of a file
    "Acquire::Languages=none",
    "Acquire::Retries=2",
    "Acquire::http::Timeout=30",
    "Acquire::https::Timeout=30",
    "Acquire::AllowInsecureRepositories=false",
    "APT::Get::List-Cleanup=false",
    "APT::Install-Recommends=false",
    "APT::Install-Suggests=false",
    "APT::Sandbox::User=root",  # the container has no right to be another user
    "APT::Update::Error-Mode=any",
    "APT::Cmd::Pattern-Only=true",  # a name with a dot is no regular expression
    "APT::Default-Release=",
    "Dir::Etc::main=/dev/null",
    "Dir::Etc::parts=/dev/null",
)
_UNTIL: Final = re.compile(r"^Valid-Until: (.+)$", re.MULTILINE)
_UNREACHABLE: Final = "it cannot be reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is wrong with an archive, and whether it is used all the same."""

    source: AptSource
    used: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Apt:
    """apt for the system of `data`, with what it keeps in the empty `folder`."""

    data: AptData
    folder: Path

    def prepare(self) -> None:
        """Write what apt reads."""
        for name in ("lists/partial", "archives/partial", "preferences.d", "trusted.gpg.d", "keys"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "sources.d").mkdir()
        status = zlib.decompress(base64.b64decode(self.data.status))
        (self.folder / "status").write_bytes(status)
        states = base64.b64decode(self.data.extended_states)
        (self.folder / "extended_states").write_bytes(states)
        for folder, files in (
            ("keys", self.data.keys),
            ("trusted.gpg.d", self.data.trusted),
            ("preferences.d", self.data.preferences),
        ):
            for file in files:
                self._write(folder, file)

    def _write(self, folder: str, file: AptFile) -> None:
        path = self.folder / folder / Path(file.name).name
        path.write_bytes(base64.b64decode(file.content))

    def update(self, system: System) -> Iterator[Verdict]:
        """Get the list of each archive; yield each one that has none or an old one, and why."""
        lists = self.folder / "lists"
        for number, source in enumerate(self.data.sources):
            file = self.folder / "sources.d" / f"{number:03}.sources"
            file.write_text(self._described(source), "utf-8")
            only = (f"Dir::Etc::sourcelist={file}", "Dir::Etc::sourceparts=/dev/null")
            before = set(lists.glob("*Release"))
            try:
                system.run(self._argv("update", options=only))
            except ToolError as error:
                file.unlink()
                yield Verdict(source=source, used=False, reason=_reason(error.output))
            else:
                got = sorted(set(lists.glob("*Release")) - before)
                if until := next(filter(None, map(_past, got)), ""):
                    reason = f"its lists were good until {until}"
                    yield Verdict(source=source, used=True, reason=reason)
            system.progress((number + 1) / len(self.data.sources))

    def run(self, system: System, *words: str) -> str:
        """Run `apt-get install` for all archives. Raises ToolError."""
        parts = (
            "Dir::Etc::sourcelist=/dev/null",
            f"Dir::Etc::sourceparts={self.folder / 'sources.d'}",
        )
        return system.run(self._argv("install", *words, options=parts))

    def _argv(self, command: str, *words: str, options: Sequence[str]) -> list[str]:
        own = (
            f"APT::Architecture={self.data.architecture}",
            *(
                f"APT::Architectures::={each}"
                for each in (self.data.architecture, *self.data.foreign)
            ),
            f"Dir::State={self.folder}",
            f"Dir::State::status={self.folder / 'status'}",
            f"Dir::State::extended_states={self.folder / 'extended_states'}",
            f"Dir::State::lists={self.folder / 'lists'}",
            f"Dir::Cache={self.folder}",
            f"Dir::Cache::archives={self.folder / 'archives'}",
            "Dir::Etc::preferences=/dev/null",
            f"Dir::Etc::preferencesparts={self.folder / 'preferences.d'}",
            "Dir::Etc::trusted=/dev/null",
            f"Dir::Etc::trustedparts={self.folder / 'trusted.gpg.d'}",
        )
        settings = [part for option in (*_OPTIONS, *own, *options) for part in ("-o", option)]
        return ["apt-get", *settings, command, *words]

    def _described(self, source: AptSource) -> str:
        """Return a source as deb822, with the place that its keys have here."""
        keys = ", ".join(str(self.folder / "keys" / name) for name in source.signed_by)
        fields = {
            "Types": "deb",
            "URIs": source.uri,
            "Suites": source.suite,
            "Components": " ".join(source.components),
            "Architectures": " ".join(source.architectures),
            "Signed-By": keys,
        }
        return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def _past(release: Path) -> str:
    """Return the date until which a Release file was good, or "" while it is.

    The field is that of https://wiki.debian.org/DebianRepository/Format.
    """
    match = _UNTIL.search(release.read_text("utf-8", errors="replace"))
    if match is None:
        return ""
    try:
        until = parsedate_to_datetime(match[1])
    except ValueError:
        return ""
    gone = until.replace(tzinfo=until.tzinfo or UTC) < datetime.now(UTC)
    return f"{until:%Y-%m-%d}" if gone else ""


def _reason(output: Sequence[str]) -> str:
    """Return apt's own words for why an archive has no list."""
    for mark in ("E: ", "W: ", "Err:"):
        for line in output:
            if line.startswith(mark):
                return clean(line.removeprefix(mark))
    return _UNREACHABLE
