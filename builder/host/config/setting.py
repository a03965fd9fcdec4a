"""The declaration of a setting: everything about it except its use."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from builder.host.config.forms import Form

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """How a setting is given on the command line."""

    name: str  # "--cache"; one without hyphens is an argument: "SELECTOR"
    metavar: str = ""  # what stands for its value: "DIR"
    manual: str = ""  # for docs/cli.md, in Markdown; "" is the setting's own sentence

    @property
    def parameter(self) -> str:
        """Return its name in Python: `cache_image`."""
        return self.name.lstrip("-").replace("-", "_").lower()

    @property
    def is_argument(self) -> bool:
        """Whether it is known by its position."""
        return not self.name.startswith("-")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting(Generic[Value]):
    """A setting. Reader, JSON Schema, annotated example, options and their help come from it."""

    form: Form[Value]
    default: Value
    about: str  # one sentence
    key: str = ""  # in build.yaml: "live.user"; "" where only a flag says it
    flag: Flag | None = None
    otherwise: str = ""  # what holds where the default is None
    example: str = ""  # a value, where the default is None
    notes: str = ""  # more lines for the annotated example

    @property
    def section(self) -> str:
        """Return the key above: "live"; "" at the top."""
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        """Return the last part of the key: "user"."""
        return self.key.rpartition(".")[2]
