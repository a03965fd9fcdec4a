"""`reproduce` as a user gives it, in a folder of its own and with a fake engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from tests.support.fake_engine import FakeEngine
from tests.support.rebuilding import write


@dataclass
class Told:
    code: int
    out: str
    err: str


@dataclass
class Workplace:
    """A folder for everything, and the command in it."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def originals(self, files: Mapping[str, bytes]) -> Path:
        return write(self.folder / "iso", files)

    def reproduce(self, engine: FakeEngine, manifest: Path, *more: object) -> Told:
        self.capsys.readouterr()
        words = ["reproduce", manifest, "--cache", self.folder / "cache", *more]
        code = main.run(
            [str(word) for word in words], surroundings=Surroundings(open_engine=lambda: engine)
        )
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        assert "\x1b" not in out + err
        return Told(code=code, out=out, err=err)

    @property
    def temporary(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "tmp").rglob("*") if path.is_file())
