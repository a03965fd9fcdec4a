"""`distroclone-builder sign` and `verify`: who made this, and is it what the builder made?"""

from pathlib import Path
from typing import Final

import click

from builder.basics.codec import to_data
from builder.basics.errors import ExitCode
from builder.basics.printable import printable, printable_lines
from builder.basics.texts import say
from builder.host.command_line.options import (
    FOLDER,
    AnyPath,
    answer,
    json_option,
    private_option,
)
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.display import choose_display
from builder.host.sign import signing
from builder.host.sign.signatures import trusted_signer
from builder.host.verify.checks import Check, CheckVerdict, Verification
from builder.host.verify.verification import verify_results

_WHAT_IT_IS: Final = ("sums", "manifest", "content", "sbom", "provenance")  # not what was asked for
_MARKS: Final = {CheckVerdict.OK: "✔", CheckVerdict.FAILED: "✘", CheckVerdict.NOT_CHECKED: "-"}


@click.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--key",
    required=True,
    metavar="KEY",
    help="The file of a private SSH key, or a GPG key's fingerprint or address.",
)
@json_option
def sign(folder: Path, key: str, *, as_json: bool) -> None:
    """Sign the results in an output folder.

    Every file is compared with SHA256SUMS, which is then signed: with an SSH key into
    SHA256SUMS.sig, with a GPG key into SHA256SUMS.asc.

    \b
    Examples:
      distroclone-builder sign iso --key ~/.ssh/id_ed25519
      distroclone-builder sign iso --key alice@example.org
    """
    chosen = signing.signing_key(key)
    with choose_display(json=as_json) as display:
        signature = signing.sign_folder(folder, chosen, on_event=display.event)
        answer(display, say("Signed: {path}", path=signature), {"signature": str(signature)})


@click.command()
@click.argument("path", type=AnyPath())
@click.option(
    "--signed-by",
    metavar="KEY",
    help="Who must have signed: a file with an SSH public key, allowed signers or a GPG public "
    "key, or the fingerprint of a key in your GPG keyring.",
)
@click.option(
    "--require-signature",
    is_flag=True,
    help="Fail (exit 6) unless a signature was checked, which takes --signed-by too.",
)
@click.option(
    "--tree",
    "with_tree",
    is_flag=True,
    help="Compute the digest of the source system too, from the ISO and its private file.",
)
@private_option
@json_option
@pass_surroundings
def verify(
    surroundings: Surroundings,
    path: Path,
    signed_by: str | None,
    private: Path | None,
    *,
    with_tree: bool,
    require_signature: bool,
    as_json: bool,
) -> int:
    """Check results before you trust them.

    PATH is an output folder, or an ISO next to its files. Nothing is written. Checking the sums,
    the manifest, the SBOMs, the provenance and the signature needs no container engine; with one,
    every file in the ISO is compared with the manifest, and its packages with the SBOMs.

    \b
    Examples:
      distroclone-builder verify iso
      distroclone-builder verify iso/Debian-13-xfce.iso --signed-by alice.pub
      distroclone-builder verify iso --signed-by alice.pub --require-signature
    """
    with choose_display(json=as_json) as display:
        signer = None if signed_by is None else trusted_signer(signed_by)
        found = verify_results(
            path,
            signer=signer,
            private=private,
            with_tree=with_tree,
            needs_signature=require_signature,
            open_engine=surroundings.open_engine,
            on_event=display.event,
        )
        answer(display, _words(found), {**to_data(found), "folder": str(found.folder),
                                        "verified": found.verified})  # fmt: skip
    return int(ExitCode.DONE if found.verified else ExitCode.VERIFICATION)


def _words(found: Verification) -> str:
    lines = [_line(check) for check in found.checks]
    name = found.iso or found.folder
    if not found.verified:
        lines.append(say("NOT verified: {name}", name=name))
        if any(each.name in _WHAT_IT_IS for each in found.checks if each.is_failure):
            lines.append(
                say(
                    "Do not use it before you know why. If it was copied or downloaded, do that "
                    "again, with all files beside it; if you built it, build it again."
                )
            )
    else:
        done = [each.name for each in found.checks if each.verdict is CheckVerdict.OK]
        rest = [each.name for each in found.checks if each.verdict is CheckVerdict.NOT_CHECKED]
        lines.append(say("Verified {name}: {checks}", name=name, checks=", ".join(done)))
        if rest:
            lines.append(say("Not checked: {checks}", checks=", ".join(rest)))
        if "signature" in rest:
            lines.append(
                say(
                    "No signature was checked, so nothing says who made these files. Say with "
                    "--signed-by who must have."
                )
            )
        lines.append(say("SHA-256 {digest}", digest=found.sha256))
    return printable_lines("\n".join(lines))


def _line(check: Check) -> str:
    line = printable(f"{_MARKS[check.verdict]} {check.name}: {check.finding}")
    return f"{line}\n    {check.advice}" if check.advice else line
