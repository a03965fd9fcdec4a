"""The date of a build."""

import pytest

from builder.host.build.planning import epoch_of


@pytest.mark.parametrize(
    ("taken", "epoch"),
    [
        (1_781_706_561, 1_781_706_560),
        (-2_000_000_000, 315_532_800),  # FAT begins in 1980
        (7_258_118_400, 4_294_967_294),  # squashfs ends in 2106
    ],
)
def test_the_date_is_one_that_every_format_can_hold(taken: int, epoch: int) -> None:
    assert epoch_of(taken) == epoch
