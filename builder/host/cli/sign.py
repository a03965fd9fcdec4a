"""`distroclone-builder sign`: sign results, so that others can check where they come from."""

from pathlib import Path

import click

from builder.basics.texts import say
from builder.host.command_line.options import FOLDER, answer, json_option
from builder.host.display import choose_display
from builder.host.sign import signing


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
