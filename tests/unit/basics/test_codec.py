"""Values become plain data and come back; what does not fit is named by its place."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest

from builder.basics.codec import Unknown, from_data, read_data, shown, to_data


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    name: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    parts: tuple[Part, ...]
    colour: Colour
    count: int | None
    tools: Mapping[str, str]


WHOLE = Whole(
    parts=(Part(name="a"), Part(name="b", weight=2.5)),
    colour=Colour.RED,
    count=3,
    tools={"xorriso": "1.5.6"},
)


def data(**changed: object) -> dict[str, Any]:
    return dict(to_data(WHOLE)) | changed


def test_a_value_comes_back_as_it_was() -> None:
    assert from_data(Whole, json.loads(json.dumps(data()))) == WHOLE
    assert read_data(Whole, data()).value == WHOLE
    assert from_data(Whole, data(count=None)).count is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"count": True}, "Whole.count: expected a whole number, found true or false"),
        ({"count": 1.0}, "Whole.count: expected a whole number, found a number"),
        ({"colour": "blue"}, "Whole.colour: 'blue' is not a valid Colour"),
        ({"colour": []}, "Whole.colour: "),
        ({"parts": {}}, "Whole.parts: expected a list, found an object"),
        ({"parts": [{"name": "a"}, 7]}, "Whole.parts[1]: expected an object, found a whole number"),
        ({"parts": [{"weight": 1}]}, "Whole.parts[0].name: missing"),
        ({"parts": [{"name": "a", "x": 1}]}, "Whole.parts[0].x: unknown field"),
        ({"tools": []}, "Whole.tools: expected an object, found a list"),
        ({"tools": {"a": 1}}, "Whole.tools.a: expected a string, found a whole number"),
        ({"more": None}, "Whole.more: unknown field"),
    ],
)
def test_what_does_not_fit_is_named(changed: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared
        from_data(Whole, data(**changed))
    assert str(caught.value).startswith(reason)


def test_what_is_unknown_or_left_out_can_be_told_beside_the_value() -> None:
    found = read_data(Whole, data(parts=[{"name": "a", "x": {"b": 1, "a": [2]}}], more="m"))
    assert found.value.parts == (Part(name="a"),)
    assert found.unknown == (
        Unknown(place=("parts", 0, "x"), text='{"a": [2], "b": 1}'),
        Unknown(place=("more",), text='"m"'),
    )
    assert found.absent == (("parts", 0, "weight"),)
    assert [shown(each.place) for each in found.unknown] == ["parts[0].x", "more"]


def test_what_is_unknown_may_be_nested_too_deeply_to_be_told() -> None:
    deep: list[object] = []
    for _number in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="more: nested too deeply"):
        read_data(Whole, data(more=deep))
