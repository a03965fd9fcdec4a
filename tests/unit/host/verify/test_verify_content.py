"""What is in the ISO against what its manifest says, on an engine that is a fake."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from builder.basics.errors import BuilderError, HostError, StepError, VerificationError
from builder.border.iso_contents import IsoContents, IsoFile
from builder.border.jobs import VERIFY
from builder.formats.package import Package
from builder.host.engine.faults import BindMissingError
from builder.host.verify.checks import Check, CheckVerdict, Verification
from builder.host.verify.verification import verify_results
from builder.inside.iso.read_iso import read_iso
from builder.inside.system.tool_error import ToolError
from tests.support.fake_engine import FakeEngine, answering
from tests.support.results import CONTENT, ISO, PACKAGES, PARTS, digest, write_results

WHOLE = IsoContents(
    size=len(CONTENT),
    sha256=digest(CONTENT),
    files=tuple(
        IsoFile(path=path, size=len(content), sha256=digest(content))
        for path, content in PARTS.items()
    ),
    packages=tuple(
        Package(name=name, architecture=architecture, version=version)
        for name, architecture, version, _url in PACKAGES
    ),
)


def iso_engine(found: IsoContents | BuilderError) -> FakeEngine:
    """Return an engine whose one container finds this in the ISO, or fails so."""
    return FakeEngine(answers={VERIFY.name: answering(found)})


def content_of(folder: Path, engine: FakeEngine) -> tuple[Verification, Check]:
    found = verify_results(
        write_results(folder),
        signer=None,
        open_engine=lambda: engine,
        on_event=lambda _event: None,
    )
    (content,) = [check for check in found.checks if check.name == "content"]
    return found, content


def test_an_iso_that_holds_what_its_manifest_says_is_verified(tmp_path: Path) -> None:
    engine = iso_engine(WHOLE)
    found, content = content_of(tmp_path, engine)
    assert (found.verified, content.verdict) == (True, CheckVerdict.OK)
    (spec,) = engine.specs
    assert [bind.source for bind in spec.binds] == [str(tmp_path / ISO)]
    assert all(bind.read_only for bind in spec.binds)
    assert not spec.job.network
    assert spec.job.capabilities == ("DAC_READ_SEARCH",)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (replace(WHOLE, files=WHOLE.files[1:]), "EFI system partition is missing"),
        (
            replace(WHOLE, files=(*WHOLE.files, IsoFile(path="evil", size=0, sha256="0"))),
            "evil is not in the manifest",
        ),
        (
            replace(WHOLE, files=(*WHOLE.files[:2], replace(WHOLE.files[2], size=1))),
            "live/vmlinuz-6.12 differs",
        ),
        (
            replace(WHOLE, files=(*WHOLE.files[:2], replace(WHOLE.files[2], sha256="0" * 64))),
            "live/vmlinuz-6.12 differs",
        ),
        (replace(WHOLE, files=()), "live/vmlinuz-6.12 is missing"),
        (replace(WHOLE, sha256="0" * 64), "a different ISO"),
        (replace(WHOLE, size=1), "a different ISO"),
        (VerificationError("The ISO lacks the GPT"), "lacks the GPT"),
    ],
    ids=["missing", "unknown", "size", "digest", "nothing", "whole", "whole size", "no ISO"],
)
def test_an_iso_that_holds_anything_else_is_not_verified(
    tmp_path: Path, found: IsoContents | BuilderError, reason: str
) -> None:
    result, content = content_of(tmp_path, iso_engine(found))
    assert (result.verified, content.verdict) == (False, CheckVerdict.FAILED)
    assert reason in content.finding


def test_many_differences_are_counted_not_listed(tmp_path: Path) -> None:
    files = tuple(IsoFile(path=f"evil{n:03}", size=0, sha256="0") for n in range(900))
    _found, content = content_of(tmp_path, iso_engine(replace(WHOLE, files=files)))
    assert "and 898 more" in content.finding
    assert len(content.finding) < 400


def test_an_engine_elsewhere_that_sees_no_iso_is_no_fault_of_the_iso(tmp_path: Path) -> None:
    refusal = BindMissingError("creating the container: bind source path does not exist: /x")
    found, content = content_of(tmp_path, FakeEngine(refusals={VERIFY.name: refusal}))
    assert (found.verified, content.verdict) == (True, CheckVerdict.NOT_CHECKED)
    assert "the engine cannot see" in content.finding


@pytest.mark.parametrize("failure", [HostError("The engine went away"), StepError("Killed")])
def test_a_check_that_broke_off_gives_no_verdict(tmp_path: Path, failure: BuilderError) -> None:
    with pytest.raises(type(failure), match=str(failure)):
        content_of(tmp_path, iso_engine(failure))


LAYOUT = """\
El Torito boot img :   1  BIOS  y   none  0x0000  0x00      4         135
El Torito boot img :   2  UEFI  y   none  0x0000  0x00   2880          64
System area summary: MBR grub2-mbr cyl-align-off GPT
MBR partition      :   1   0x80  0xcd            64         1000
GPT type GUID      :   2  28732ac11ff8d211ba4b00a0c93ec93b
GPT start and size :   2  256  8
"""


class FakeXorriso:
    """A system on which xorriso prints this about layout and files, unsquashfs that status."""

    def __init__(
        self, layout: str | BuilderError, files: str, status: bytes | BuilderError = b""
    ) -> None:
        self._layout, self._files, self._status = layout, files, status

    def run(self, argv: list[str]) -> str:
        if "-find" in argv:
            return self._files
        if isinstance(self._layout, BuilderError):
            raise self._layout
        return self._layout

    @contextlib.contextmanager
    def reading(self, _argv: list[str]) -> Iterator[BinaryIO]:
        if isinstance(self._status, BuilderError):
            raise self._status
        yield BytesIO(self._status)

    def progress(self, _fraction: float) -> None:
        """Nobody waits for it."""


def read(
    iso: Path,
    layout: str | BuilderError,
    files: str = "",
    status: bytes | BuilderError = b"",
) -> IsoContents:
    return read_iso(iso, system=cast("Any", FakeXorriso(layout, files, status)))


def test_files_and_partition_of_an_iso_are_read(tmp_path: Path) -> None:
    iso = tmp_path / ISO
    iso.write_bytes(bytes(range(256)) * 1024)
    found = read(iso, LAYOUT, "File data lba:  0 , 2 , 1 , 100 , '/live/a b'\n")
    assert {(each.path, each.size) for each in found.files} == {
        ("live/a b", 100),
        ("EFI system partition", 4096),
    }
    assert found.sha256 == digest(iso.read_bytes())


@pytest.mark.parametrize(
    ("layout", "files"),
    [
        ("", ""),
        ("hello", ""),
        (LAYOUT.replace("256  8", "x  y"), ""),
        (LAYOUT.replace("256  8", "256"), ""),
        (LAYOUT.replace("2880          64", "2880  x"), ""),
        (LAYOUT.replace("GPT start and size", "GPT"), ""),
        (LAYOUT, "File data lba:  0 , 2 , 1 , 100 , '/live/a\n"),
        (LAYOUT, "File data lba:  0 , 2 , 1 , 1 , '/a'\n" * 30_000),
        (ToolError("{tool} failed with exit code {code}", tool="xorriso", code=5), ""),
    ],
)
def test_an_iso_that_xorriso_finds_strange_gets_a_verdict(
    tmp_path: Path, layout: str | BuilderError, files: str
) -> None:
    (tmp_path / ISO).write_bytes(b"\0" * 5000)
    with pytest.raises(VerificationError) as caught:
        read(tmp_path / ISO, layout, files)
    assert "defect" not in caught.value.advice


def test_what_xorriso_complains_of_is_told(tmp_path: Path) -> None:
    complaint = "libisofs: FAILURE : Wrong or damaged PVD"
    output = ("xorriso 1.5.6", complaint, "xorriso : aborting : -abort_on 'FAILURE'")
    failure = ToolError("{tool} failed with exit code {code}", output=output, tool="x", code=5)
    with pytest.raises(VerificationError, match="Wrong or damaged PVD"):
        read(tmp_path / ISO, failure)


def test_a_tool_that_was_killed_says_nothing_about_the_iso(tmp_path: Path) -> None:
    killed = ToolError("{tool} was killed by {signal}", tool="xorriso", signal="SIGKILL")
    with pytest.raises(StepError, match="killed by SIGKILL"):
        read(tmp_path / ISO, killed)


SQUASHFS = "File data lba:  0 , 2 , 1 , 100 , '/live/filesystem.squashfs'\n"
TWICE = SQUASHFS.replace("100", "3000").replace("2 , 1", "2 , 1") + SQUASHFS.replace(
    "2 , 1 , 100", "9 , 1 , 3000"
)


def test_the_packages_in_the_iso_are_read(tmp_path: Path) -> None:
    (tmp_path / ISO).write_bytes(b"\0" * 300_000)
    status = b"Package: x\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n"
    found = read(tmp_path / ISO, LAYOUT, SQUASHFS, status)
    assert found.packages == (Package(name="x", architecture="all", version="1"),)
    assert found.unreadable == ""


@pytest.mark.parametrize(
    ("files", "status", "reason"),
    [
        ("", b"", "it has no live/filesystem.squashfs"),
        (TWICE, b"", "fragmented"),
        (SQUASHFS, b"x" * 2000, "larger than 1000 bytes"),
        (
            SQUASHFS,
            ToolError("{tool} failed with exit code {code}", tool="unsquashfs", code=1,
                      output=["FATAL ERROR: \x1b[2Jdata"]),
            "FATAL ERROR: [2Jdata",
        ),
        (
            SQUASHFS,
            ToolError("{tool} was killed by {signal}", tool="unsquashfs", signal="SIGSEGV"),
            "killed by SIGSEGV",
        ),
    ],
)  # fmt: skip
def test_a_package_database_that_cannot_be_read_is_told_beside_the_rest(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: str,
    status: bytes | BuilderError,
    reason: str,
) -> None:
    monkeypatch.setattr("builder.inside.iso.iso_packages.MOST_BYTES", 1000)
    (tmp_path / ISO).write_bytes(b"\0" * 300_000)
    found = read(tmp_path / ISO, LAYOUT, files, status)
    assert reason in found.unreadable
    assert found.packages == ()
    assert "EFI system partition" in [each.path for each in found.files]


def test_an_unsquashfs_that_was_killed_says_nothing_about_the_iso(tmp_path: Path) -> None:
    killed = ToolError("{tool} was killed by {signal}", tool="unsquashfs", signal="SIGKILL")
    (tmp_path / ISO).write_bytes(b"\0" * 300_000)
    with pytest.raises(StepError, match="killed by SIGKILL"):
        read(tmp_path / ISO, LAYOUT, SQUASHFS, killed)
