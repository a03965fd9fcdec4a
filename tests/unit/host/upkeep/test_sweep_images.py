"""What is left of a workshop whose process has ended is swept away; that of a living one is not."""

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from builder.border.labels import LABEL_OWNER, LABEL_RUN
from builder.host.engine.connection import Leftover
from builder.host.engine.owner import Owner, ourselves
from builder.host.upkeep.sweep import orphans, sweep

if TYPE_CHECKING:
    from builder.border.events import Event
    from builder.host.engine import Engine

_ENDED = replace(ourselves(), started=0)
_ELSEWHERE = replace(_ENDED, machine="another")


def image(name: str, owner: Owner | str) -> Leftover:
    return Leftover(id=name, labels={LABEL_RUN: name, LABEL_OWNER: str(owner)})


class FakeEngine:
    """An engine with images of workshops only."""

    def __init__(self, *left: Leftover) -> None:
        self.left = list(left)
        self.images = self

    def leftover_containers(self) -> tuple[Leftover, ...]:
        return ()

    def leftover_volumes(self) -> tuple[Leftover, ...]:
        return ()

    def leftover_images(self) -> tuple[Leftover, ...]:
        return tuple(self.left)

    def remove_unused(self, name: str) -> bool:
        self.left = [each for each in self.left if each.id != name]
        return True


def ignore(_event: "Event") -> None:
    """An event that nobody waits for."""


def test_only_what_has_certainly_no_owner_any_more_is_removed() -> None:
    engine = FakeEngine(
        image("ended", _ENDED),
        image("ours", ourselves()),
        image("elsewhere", _ELSEWHERE),
        image("by hand", ""),
    )
    fake = cast("Engine", engine)
    assert [each.id for each in orphans(fake)] == ["ended"]
    swept = sweep(fake, "image", caches=[], on_event=ignore)
    assert swept.images == ("ended",)
    assert [each.id for each in engine.left] == ["ours", "elsewhere", "by hand"]
