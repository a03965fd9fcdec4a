"""Values of settings as a config writes them."""

from enum import Enum
from pathlib import Path
from typing import Any

from builder.formats.recipe import Compression
from builder.host.config.setting import Setting


def plain(value: object) -> Any:
    """Return a value as the plain data that a config has for it."""
    match value:
        case Enum():
            return value.value
        case Path():
            return str(value)
        case Compression():
            return value.name
        case tuple():
            return [plain(each) for each in value]
        case _:
            return value


def default_text(setting: Setting[Any]) -> str:
    """Return the default for people; "" if there is none worth mentioning."""
    if setting.default is None:
        return setting.otherwise
    return "" if setting.default is False else str(plain(setting.default))
