"""Finds out what can be built from a source, in a container that only reads it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from builder.basics.errors import HostError, SourceError
from builder.basics.texts import say
from builder.border.cache_report import CacheReport
from builder.border.events import OnEvent
from builder.border.requests import ScanRequest
from builder.host.engine import ContainerSpec, Engine
from builder.host.engine.faults import BindMissingError, EngineRefusedError
from builder.host.source.cache_named import check_name, is_about_a_file
from builder.host.source.kinds import Source


def scan(
    engine: Engine, image: str, source: Source, *, run: str, on_event: OnEvent, wanted: str = ""
) -> CacheReport:
    """Read what the source holds; with `wanted`, no more than is needed for that selector.

    Raises SourceError for no source, and for one that is unreadable.
    """
    facts = engine.facts()
    source.check(outputs=(Path(facts.root),))
    check_name(source.path)
    if facts.rootless and source.scan.loop_devices:
        raise HostError(
            "The engine runs without root, and so can mount no cache image: {path}",
            hint="Build from a plain tree (--tree), or with an engine that runs as root.",
            path=source.path,
        )
    spec = ContainerSpec(
        image=image,
        job=source.scan,
        request=ScanRequest(kind=source.kind, wanted=wanted),
        run=run,
        binds=(source.bind(),),
    )
    with _source_named(source):
        return engine.run(spec, on_event)


@contextlib.contextmanager
def _source_named(source: Source) -> Iterator[None]:
    """Say which source it is, and that it is missing where the engine says that a bind is."""
    try:
        yield
    except SourceError as error:
        error.add_note(say("The source is {path}", path=source.path))
        raise
    except BindMissingError as error:
        missing = source.missing()
        if source.path.exists():
            missing.add_note(
                say(
                    "{path} is on this machine, and not on the engine's. To send it there: "
                    "--source-on here",
                    path=source.path,
                )
            )
        raise missing from error
    except EngineRefusedError as error:
        if not is_about_a_file(error):  # and the source is all it mounts
            raise
        raise SourceError(
            "{path} is not a folder",
            hint="--cache and --tree take folders. A file that holds a btrfs volume with a cache "
            "is given with --cache-image; an archive has to be unpacked first.",
            path=source.path,
        ) from error
