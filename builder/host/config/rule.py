"""A rule for a value: its check, and the same for editors in JSON Schema, from one pattern."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from builder.basics.errors import UsageError
from builder.basics.printable import short

Given = TypeVar("Given")
Value_co = TypeVar("Value_co", covariant=True)

Schema = Mapping[str, Any]  # keywords of JSON Schema, as `json` writes them

_LONGEST_SHOWN: Final = 100  # characters: a name's end may be what is wrong with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[Given, Value_co]):
    """What a value may be. Called with one, it returns what is meant or raises UsageError."""

    check: Callable[[Given], Value_co]
    schema: Schema  # says no more than `check`; where it says less, only the loader notices

    def __call__(self, value: Given) -> Value_co:
        """Return what `value` means. Raises UsageError for what is impossible."""
        return self.check(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Values that are refused although their form is right; `{value}` in the message is one."""

    pattern: str
    message: str
    hint: str = ""


def matching(
    pattern: str, *, message: str, hint: str, refused: Refusal | None = None
) -> Rule[str, str]:
    """Return the rule that a text matches all of `pattern`, and not that of `refused`.

    Patterns are written so that Python and ECMAScript read them alike.
    """
    schema = {"pattern": anchored(pattern)}
    if refused is None:
        return Rule(check=_matcher(pattern, message=message, hint=hint), schema=schema)
    matched = _matcher(pattern, message=message, hint=hint)

    def check(text: str) -> str:
        if re.fullmatch(refused.pattern, matched(text)):
            shown = short(text, longest=_LONGEST_SHOWN)
            raise UsageError(refused.message, hint=refused.hint, value=shown)
        return text

    unwanted = {"type": "string", "pattern": anchored(refused.pattern)}
    return Rule(check=check, schema={**schema, "not": unwanted})


def anchored(pattern: str) -> str:
    """Return the pattern as JSON Schema needs it, which searches where we match the whole."""
    return f"^(?:{pattern})$"


def _matcher(pattern: str, *, message: str, hint: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise UsageError(message, hint=hint, value=short(text))
        return text

    return check
