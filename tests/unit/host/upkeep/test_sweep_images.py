"""What is left of a workshop whose process has ended is swept away; that of a living one is not."""

from dataclasses import replace
from pathlib import Path

import pytest

from builder.border.events import Event
from builder.border.jobs import LIST_FROZEN
from builder.border.labels import LABEL_OWNER, LABEL_RUN
from builder.host.engine import ImageFacts
from builder.host.engine.faults import BindMissingError, EngineRefusedError
from builder.host.engine.owner import Owner, ourselves
from builder.host.upkeep.sweep import orphans, sweep_leftovers
from tests.support.fake_engine import FakeEngine
from tests.support.fake_images import FakeImages

_ENDED = replace(ourselves(), started=0)
_ELSEWHERE = replace(_ENDED, machine="another")


def image(name: str, owner: Owner | str) -> ImageFacts:
    return ImageFacts(id=name, labels={LABEL_RUN: name, LABEL_OWNER: str(owner)}, size=1)


def ignore(_event: Event) -> None:
    """An event that nobody waits for."""


def test_only_what_has_certainly_no_owner_any_more_is_removed() -> None:
    left = (
        image("ended", _ENDED),
        image("ours", ourselves()),
        image("elsewhere", _ELSEWHERE),
        image("by hand", ""),
    )
    engine = FakeEngine(images=FakeImages({each.id: each for each in left}))
    assert [each.id for each in orphans(engine)] == ["ended"]
    swept = sweep_leftovers(engine, "image", caches=[], on_event=ignore)
    assert swept.images == ("ended",)
    assert [*engine.images.present] == ["ours", "elsewhere", "by hand"]


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (BindMissingError("bind source path does not exist"), "There is no folder at /nowhere"),
        (
            EngineRefusedError("mount /nowhere:/merged/cache: not a directory"),
            "/nowhere is not a folder",
        ),
        (EngineRefusedError("Out of memory"), "/nowhere: Out of memory"),
    ],
)
def test_a_cache_that_is_none_is_told_in_plain_words(
    refusal: EngineRefusedError, told: str
) -> None:
    engine = FakeEngine(refusals={LIST_FROZEN.name: refusal})
    swept = sweep_leftovers(engine, "image", caches=[Path("/nowhere")], on_event=ignore)
    assert swept.failures == (told,)
