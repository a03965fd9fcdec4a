"""`distroclone-builder reproduce`: does a rebuild give the same bytes?"""

import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click

from builder.basics.codec import to_data
from builder.basics.errors import ExitCode
from builder.basics.printable import printable, printable_lines, short
from builder.basics.texts import render, say
from builder.border.differences import CONTENT, PRESENCE, Difference, Explanation
from builder.host.command_line.options import (
    FOLDER,
    AnyPath,
    answer,
    config_of,
    json_option,
    private_option,
    setting_option,
    source_options,
)
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.config import settings
from builder.host.config.build_config import FlagValue
from builder.host.display import choose_display
from builder.host.reproduce.originals import Comparison, ComparisonVerdict, DigestSource
from builder.host.reproduce.rebuild import Reproduction, rebuild_and_compare
from builder.host.sent.sending import at_engine

_MARKS: Final = {
    ComparisonVerdict.SAME: "✔",
    ComparisonVerdict.DIFFERENT: "✘",
    ComparisonVerdict.NOT_COMPARED: "-",
}
_SHOWN: Final = 60  # differences for people; --json has them all


@click.command()
@click.argument("manifest", type=AnyPath())
@source_options
@click.option(
    "--output",
    type=FOLDER,
    metavar="DIR",
    help="Keep the rebuild there [default: remove it after the comparison].",
)
@private_option
@setting_option(settings.PACKAGES_FROM)
@json_option
@pass_surroundings
def reproduce(
    surroundings: Surroundings,
    /,
    manifest: Path,
    output: Path | None,
    private: Path | None,
    *,
    as_json: bool,
    **flags: FlagValue,
) -> int:
    """Rebuild what a manifest describes, and compare.

    MANIFEST is the .manifest.json file of a build; besides it, only the cache and the builder image
    are needed, and the private file if there were patterns or keys. The files next to it are
    compared, too. Nothing is taken from the block cache.

    \b
    Examples:
      distroclone-builder reproduce iso/Debian-13-xfce.manifest.json
      distroclone-builder reproduce Debian-13-xfce.manifest.json --cache-image cache.img
      distroclone-builder reproduce iso/Debian-13-xfce.manifest.json --output again
    """
    config = config_of(output=output, no_block_cache=True, **flags)
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        config = at_engine(config, engine, on_event=display.event)
        found = rebuild_and_compare(
            manifest,
            config,
            engine,
            private=private,
            keep=output is not None,
            on_event=display.event,
        )
        answer(display, _words(found), _data(found))
    return int(ExitCode.DONE if found.same else ExitCode.VERIFICATION)


def _data(found: Reproduction) -> dict[str, Any]:
    return {
        "manifest": str(found.manifest),
        "iso": found.described.iso,
        "source": {
            "selector": found.described.snapshot.selector,
            "digest": found.described.tree.digest,
        },
        "image": found.described.image.id,
        "same": found.same,
        "folder": None if found.folder is None else str(found.folder),
        "artefacts": [
            {**to_data(each), "verdict": each.verdict.value} for each in found.comparisons
        ],
        "differences": to_data(found.explanation.differences),
        "more_differences": found.explanation.more,
        "remarks": _remarks(found.explanation),
    }


def _words(found: Reproduction) -> str:
    lines = [_line(each) for each in found.comparisons]
    if found.same:
        lines.append(say("Reproduced: {iso} is identical, byte for byte", iso=found.described.iso))
    else:
        lines += ["", *_tree(found.explanation.differences[:_SHOWN])]
        hidden = len(found.explanation.differences) - _SHOWN + found.explanation.more
        if hidden > 0:
            lines.append(say("… and {count} more differences; --json lists them all", count=hidden))
        lines += _remarks(found.explanation)
        lines += ["", say("NOT reproduced: {iso}", iso=found.described.iso), *_diffoscope(found)]
    if found.folder is not None:
        lines.append(say("The rebuild is in {folder}", folder=found.folder))
    return printable_lines("\n".join(lines))


def _line(comparison: Comparison) -> str:
    if comparison.verdict is ComparisonVerdict.NOT_COMPARED:
        finding = say("rebuilt, with nothing to compare it to")
    elif not comparison.rebuilt:
        finding = say("not rebuilt")
    elif comparison.verdict is ComparisonVerdict.SAME:
        finding = say("the same (sha256 {digest})", digest=comparison.rebuilt)
    else:
        wrong = (each for each in comparison.said if each.sha256 != comparison.rebuilt)
        others = "; ".join(f"{_source_text(each.side)} {each.sha256}" for each in wrong)
        finding = say(
            "differs: rebuilt sha256 {digest}; {others}", digest=comparison.rebuilt, others=others
        )
    return f"{_MARKS[comparison.verdict]} {comparison.name}: {finding}"


def _source_text(side: DigestSource) -> str:
    match side:
        case DigestSource.MANIFEST:
            return say("the manifest says")
        case DigestSource.SUMS:
            return say("SHA256SUMS says")
        case DigestSource.FILE:
            return say("the file beside the manifest has")


def _tree(differences: Sequence[Difference]) -> Iterator[str]:
    """Yield a line for each level of the place, and below it what differs there."""
    above: tuple[str, ...] = ()
    for each in differences:
        same = 0
        while same < min(len(above), len(each.place)) and above[same] == each.place[same]:
            same += 1
        for depth in range(same, len(each.place)):
            yield "  " * depth + printable(each.place[depth])
        above = each.place
        yield "  " * len(each.place) + "· " + printable(_finding(each))


def _finding(found: Difference) -> str:
    values = {"original": short(found.original), "rebuilt": short(found.rebuilt)}
    if found.attribute == PRESENCE:
        if found.original == "yes":
            return say("only in the original")
        return say("only in the rebuild")
    if found.attribute == CONTENT and found.offset is not None:
        return say(
            "first differs at byte {offset}: {original}, rebuilt {rebuilt}",
            offset=found.offset,
            **values,
        )
    return say("{attribute}: {original}, rebuilt {rebuilt}", attribute=found.attribute, **values)


def _remarks(explanation: Explanation) -> list[str]:
    return [render(each.message, dict(each.values)) for each in explanation.remarks]


def _diffoscope(found: Reproduction) -> Iterator[str]:
    """Suggest diffoscope, if it is installed."""
    iso = next((each for each in found.comparisons if each.name == found.described.iso), None)
    if iso is None or not iso.differs(DigestSource.FILE) or shutil.which("diffoscope") is None:
        return
    if found.folder is None:
        yield say("To compare both ISOs with diffoscope, reproduce again with --output DIR")
        return
    paths = [
        str(found.manifest.parent / found.described.iso),
        str(found.folder / found.described.iso),
    ]
    yield say("To compare both ISOs: {command}", command=shlex.join(["diffoscope", *paths]))
