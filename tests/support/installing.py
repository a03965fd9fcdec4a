"""A `Machine` for tests: it remembers what was asked, and prints what it was told to."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from builder.basics.errors import StepError
from builder.basics.texts import say

HASH = "$6$salt$" + 86 * "x"


class RecordingMachine:
    """Remembers commands, mounts and notes; `printed` is what a program prints, by its name.

    A program that is in `failing` fails, with that output. `files` are those of the kernel, by
    their last name. `effects` are what programs do, given their arguments and the tree.
    """

    def __init__(
        self,
        printed: Mapping[str, str] | None = None,
        *,
        files: Mapping[str, bytes] | None = None,
        failing: str = "",
        output: Sequence[str] = (),
        effects: Mapping[str, Callable[[Sequence[str], Path | None], None]] | None = None,
    ) -> None:
        self.did: list[str] = []
        self.said: list[str] = []
        self.typed: dict[str, str] = {}
        self.inputs: list[tuple[str, str]] = []
        self.mounts: list[str] = []
        self.printed = dict(printed or {})
        self._failing = failing
        self._output = output
        self.effects = dict(effects or {})
        self._files = dict(files or {})

    def run(self, argv: Sequence[str], *, root: Path | None = None, stdin: str = "") -> str:
        """Remember a command, and what it reads."""
        self.did.append(" ".join((*(("in",) if root is not None else ()), *argv)))
        self.typed[argv[0]] = stdin
        self.inputs.append((" ".join(argv[:2]), stdin))
        if argv[0] == self._failing:
            raise StepError("{tool} failed", output=self._output, tool=argv[0])
        if argv[0] in self.effects:
            self.effects[argv[0]](argv, root)
        return self.printed.get(argv[0], "")

    @contextlib.contextmanager
    def mounted(
        self,
        source: str,
        target: Path,
        *,
        kind: str = "",
        options: Sequence[str] = (),
    ) -> Iterator[None]:
        """Remember a mount, and that it ended."""
        self.did.append(f"mount {kind or '-'} {','.join(options) or '-'} {source} {target}")
        self.mounts.append(source)
        try:
            yield
        finally:
            self.mounts.remove(source)

    def read(self, path: Path) -> bytes:
        """Return what the kernel says, by the file's name."""
        return self._files.get(path.name, b"")

    def wait_for(self, device: str) -> None:
        """Remember a device that was waited for."""
        self.did.append(f"wait for {device}")

    def note(self, message: str, **values: object) -> None:
        """Remember what was said."""
        self.said.append(say(message, **values))
