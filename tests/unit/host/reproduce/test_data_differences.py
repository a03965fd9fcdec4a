"""Where two JSON values differ is named by a path."""

from typing import Any

import pytest

from builder.host.reproduce.data_differences import data_differences


def found(original: Any, rebuilt: Any) -> list[tuple[str, str, str, str]]:
    return [
        ("".join(each.place), each.attribute, each.original, each.rebuilt)
        for each in data_differences(original, rebuilt).differences
    ]


@pytest.mark.parametrize(
    ("original", "rebuilt", "differences"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", "value", "1", "2")]),
        ({"a": 1}, {"a": True}, [("a", "value", "1", "true")]),
        ({"a": 1}, {}, [("a", "presence", "yes", "no")]),
        ({}, {"a": 1}, [("a", "presence", "no", "yes")]),
        ({"a": [1, 2]}, {"a": [1, 3]}, [("a[1]", "value", "2", "3")]),
        ({"a": [1]}, {"a": [1, 3]}, [("a[1]", "presence", "no", "yes")]),
        ({"a": [1]}, {"a": {"0": 1}}, [("a", "value", "[1]", '{"0": 1}')]),
        ([], {}, [("", "value", "[]", "{}")]),
        (
            {"packages": [{"name": "a", "version": "1"}, {"name": "b", "version": "1"}]},
            {"packages": [{"name": "b", "version": "2"}]},
            [("packages[a]", "presence", "yes", "no"),
             ("packages[b].version", "value", "1", "2")],
        ),
        (  # names that come twice name nothing
            {"a": [{"name": "x", "v": 1}, {"name": "x", "v": 2}]},
            {"a": [{"name": "x", "v": 1}, {"name": "x", "v": 3}]},
            [("a[1].v", "value", "2", "3")],
        ),
    ],
)  # fmt: skip
def test_each_difference_has_its_path(
    original: Any, rebuilt: Any, differences: list[tuple[str, str, str, str]]
) -> None:
    assert found(original, rebuilt) == differences


def test_depth_and_length_and_number_are_bounded() -> None:
    def nested(value: object) -> Any:
        data: Any = value
        for _level in range(200):
            data = [data]
        return data

    ((_place, _attribute, original, _rebuilt),) = found(nested("x" * 10**6), nested("y"))
    assert len(original) < 200
    many = data_differences({str(n): 1 for n in range(2000)}, {})
    assert (len(many.differences), many.more) == (500, 1500)


def test_a_key_with_an_escape_sequence_reaches_no_terminal() -> None:
    ((place, _attribute, original, _rebuilt),) = found({"\x1b[2Jx": "\x1b[2Jy"}, {"\x1b[2Jx": ""})
    assert "\x1b" not in place + original
