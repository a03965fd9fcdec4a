"""What sbverify says of signatures; tests/tools has the real one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from builder.inside.secure_boot.signatures import is_signed_by, signers, write_certificate
from builder.inside.system.tool_error import ToolError
from tests.support.systems import RecordingSystem

# sbverify 0.9.4 of shim of Debian 13, shortened.
LISTING = """\
signature 1
image signature issuers:
 - /C=US/O=Microsoft Corporation/CN=Microsoft Corporation UEFI CA 2011
image signature certificates:
 - subject: /C=US/O=Microsoft Corporation/CN=Microsoft Windows UEFI Driver Publisher
   issuer:  /C=US/O=Microsoft Corporation/CN=Microsoft Corporation UEFI CA 2011
signature 2
image signature issuers:
 - /C=US/O=Microsoft Corporation/CN=Microsoft UEFI CA 2023
 - /CN=Somebody/emailAddress=a@b
image signature certificates:
 - subject: /C=US/O=Microsoft Corporation/CN=Microsoft UEFI CA 2023 signer
"""


class Sbverify(RecordingSystem):
    def __init__(self, answer: str | ToolError) -> None:
        super().__init__()
        self.answer = answer

    def run(self, argv: Sequence[str], **_options: Any) -> str:
        self.commands.append(tuple(argv))
        if isinstance(self.answer, ToolError):
            raise self.answer
        return self.answer


def test_the_authorities_are_named_and_not_those_whom_they_certify() -> None:
    assert signers(Sbverify(LISTING), Path("x")) == (
        "Microsoft Corporation UEFI CA 2011",
        "Microsoft UEFI CA 2023",
        "Somebody",
    )
    assert signers(Sbverify("No signature table present\n"), Path("x")) == ()


def test_no_program_names_many_authorities() -> None:
    listing = "image signature issuers:\n" + "".join(f" - /CN=a{n}\n" for n in range(100))
    assert len(signers(Sbverify(listing), Path("x"))) == 8


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        ("Signature verification OK\n", True),
        ("warning: data remaining\nSignature verification OK\n", True),
        ("Signature verification failed\n", False),
        ("/CN=Signature verification OK\n", False),
        ("", False),
    ],
)
def test_only_what_sbverify_calls_good_is_good(answer: str, *, good: bool) -> None:
    assert is_signed_by(Sbverify(answer), Path("x"), certificate=Path("y")) is good


def test_a_program_that_breaks_sbverify_is_signed_by_nobody_and_a_full_disk_is_another_matter() -> (
    None
):
    killed = ToolError("killed", tool="sbverify", signal="SIGSEGV")
    assert not is_signed_by(Sbverify(killed), Path("x"), certificate=Path("y"))
    assert signers(Sbverify(killed), Path("x")) == ()
    missing = ToolError("not installed", tool="sbverify")
    with pytest.raises(ToolError, match="not installed"):
        signers(Sbverify(missing), Path("x"))


def test_a_certificate_is_written_in_lines_of_64_characters(tmp_path: Path) -> None:
    write_certificate(bytes(100), tmp_path / "x.pem")
    first, *lines, last, end = (tmp_path / "x.pem").read_text().split("\n")
    assert (first, last, end) == (
        "-----BEGIN CERTIFICATE-----",
        "-----END CERTIFICATE-----",
        "",
    )
    assert [len(line) for line in lines] == [64, 64, 8]
