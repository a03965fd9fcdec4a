"""Sends a source of this machine to the engine, into a volume that is named after its content.

What is there already is never sent again. Sending that broke off goes on where it stopped.
"""

import hashlib
import itertools
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, SourceError, UsageError
from builder.border import paths
from builder.border.events import Note, OnEvent, OnProgress, announced
from builder.border.jobs import RECEIVE
from builder.border.labels import LABEL_ROLE, LABEL_SENT, SENT_PREFIX, new_run
from builder.border.requests import Received, ReceiveRequest, SentKind
from builder.border.source import SourceKind
from builder.host.config.build_config import Config
from builder.host.config.settings import SourceOn
from builder.host.engine import ContainerSpec, Engine, NamedVolume
from builder.host.image.builder_image import ensure_builder
from builder.host.sent.content import Content, FileContent, FolderContent, Summary, summary_of
from builder.host.source.kinds import source_of

_ROUND: Final = 32  # blocks that are sent before the engine verifies them: 128 MiB
_PLACES: Final = {SentKind.FILE: paths.SENT_FILE.name, SentKind.FOLDER: paths.SENT_FOLDER.name}


def at_engine(config: Config, engine: Engine, *, on_event: OnEvent) -> Config:
    """Return the config with paths of the engine's machine, to which all was sent that is here.

    Where the source is on the engine's machine, that is the config itself. Raises UsageError for
    a source that cannot be sent, SourceError for one that cannot be read, and HostError.
    """
    if config.source_on is SourceOn.ENGINE:
        return config
    source_of(config.source.kind, config.source.path).check(outputs=(config.output,))
    content = _content(config.source.kind, config.source.path)
    image = ensure_builder(engine, on_event=on_event).id
    path = send(engine, image, content, on_event=on_event)
    packages = config.packages
    if packages.folder is not None:
        sent = send(engine, image, FolderContent(path=packages.folder), on_event=on_event)
        packages = replace(packages, folder=sent)
    return replace(
        config,
        source=replace(config.source, path=path),
        packages=packages,
        source_on=SourceOn.ENGINE,
    )


def send(engine: Engine, image: str, content: Content, *, on_event: OnEvent) -> Path:
    """Have a content at the engine, and return its path on the engine's machine."""
    with announced("read-source", on_event, position=1, total=2):
        summary = summary_of(content)
    name = f"{SENT_PREFIX}{summary.digest}"
    # No run's label: it belongs to no run. What is sent is kept until `sweep --sent`.
    labels = {LABEL_ROLE: "sent", LABEL_SENT: str(content.path)}
    engine.keep_volume(name, labels=labels)
    sending = _Sending(engine=engine, image=image, volume=name, content=content, summary=summary)
    with announced("send", on_event, position=2, total=2) as progress:
        sent = sending.run(on_event, progress)
    where = engine.volume_path(name)
    if where is None:
        raise HostError(
            "The volume {name} was removed in the meantime",
            hint="Run the command again: it sends everything anew.",
            name=name,
        )
    message = "{path} was sent to the engine: {sent} of {count} blocks"
    if not sent:
        message = "{path} is at the engine already"
    values = {"path": str(content.path), "sent": str(sent), "count": str(len(summary.blocks))}
    on_event(Note(level="info", message=message, values=values))
    return Path(where) / _PLACES[content.kind]


def remove_sent(engine: Engine) -> tuple[str, ...]:
    """Remove all that was sent to the engine, unless it is used; return the volumes' names."""
    return engine.remove_unused_volumes(LABEL_SENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sending:
    engine: Engine
    image: str
    volume: str
    content: Content
    summary: Summary

    def run(self, on_event: OnEvent, on_progress: OnProgress) -> int:
        """Send what is missing; return how many blocks that were."""
        sent = 0

        def attempt() -> tuple[int, ...]:
            nonlocal sent
            missing = self._missing(on_event)
            total = len(missing)
            source = self.content.blocks(frozenset(missing))  # which is read once, in all rounds
            for start in range(0, total, _ROUND):
                blocks = itertools.islice(source, _ROUND)
                self.engine.put(self._spec(), paths.SENT, self._archive(blocks))
                missing = self._missing(on_event)
                sent += min(_ROUND, total - start)
                on_progress(1 - len(missing) / total)
            return missing

        if self.engine.persist(attempt, on_event):
            raise HostError(
                "What is sent to the engine arrives damaged",
                hint="Check the network, and the disks and the memory of both machines.",
            )
        return sent

    def _missing(self, on_event: OnEvent) -> tuple[int, ...]:
        return self.engine.run(self._spec(), on_event).missing

    def _spec(self) -> ContainerSpec[ReceiveRequest, Received]:
        return ContainerSpec(
            image=self.image,
            job=RECEIVE,
            request=ReceiveRequest(
                kind=self.summary.kind, size=self.summary.size, blocks=self.summary.blocks
            ),
            run=new_run(),
            volumes=(NamedVolume(name=self.volume, target=paths.SENT),),
        )

    def _archive(self, blocks: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
        """Yield a tar with those blocks, each named after its number."""
        for number, block in blocks:
            if hashlib.sha256(block).hexdigest() != self.summary.blocks[number]:
                raise SourceError(
                    "{path} changed while it was sent to the engine",
                    hint="Send it again when nothing changes it, or send a snapshot of it.",
                    path=self.content.path,
                )
            member = tarfile.TarInfo(f"{paths.INCOMING.name}/{number}")
            member.size, member.mode = len(block), 0o600
            yield member.tobuf(tarfile.USTAR_FORMAT)
            yield block
            yield bytes(-len(block) % tarfile.BLOCKSIZE)
        yield bytes(2 * tarfile.BLOCKSIZE)


def _content(kind: SourceKind, path: Path) -> Content:
    match kind:
        case SourceKind.CACHE_IMAGE:
            return FileContent(path=path)
        case SourceKind.TREE:
            return FolderContent(path=path)
        case SourceKind.CACHE:
            raise UsageError(
                "The cache {path} is a folder with snapshots, which cannot be sent to an engine",
                hint="Send one snapshot of it with --tree, or its volume as --cache-image.",
                path=path,
            )
