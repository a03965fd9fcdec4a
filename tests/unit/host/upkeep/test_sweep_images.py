"""What is left of a workshop whose process has ended is swept away; that of a living one is not."""

from dataclasses import replace

from builder.border.events import Event
from builder.border.labels import LABEL_OWNER, LABEL_RUN
from builder.host.engine import ImageFacts
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
