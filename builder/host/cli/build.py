"""`distroclone-builder build`: from the cache to the ISO."""

from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.basics.errors import BuilderError, Stopped, UsageError
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.border.labels import new_run
from builder.border.step_names import StepName
from builder.border.stored_blocks import BlockCounts
from builder.host.added.words import lock_words
from builder.host.block_cache.key_file import secret_of
from builder.host.build import session
from builder.host.build.choice import Choice, prepare
from builder.host.build.inspection import Inspection
from builder.host.build.planning import describe
from builder.host.command_line.next_commands import boot_command, check_command
from builder.host.command_line.options import (
    AnyPath,
    answer,
    config_of,
    json_option,
    setting_options,
)
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.config.build_config import Config, FlagValue
from builder.host.display import Display, choose_display, columns
from builder.host.display.wording import percent
from builder.host.sent.sending import at_engine
from builder.host.sign import signing


@click.command()
@setting_options
@click.option(
    "--config",
    "path",
    type=AnyPath(dir_okay=False),
    metavar="FILE",
    help="A build.yaml; flags override it.",
)
@click.option(
    "--sign",
    metavar="KEY",
    help="Sign the results: the file of a private SSH key, or a GPG key's fingerprint or address.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be built, and stop.")
@click.option(
    "--stop-after",
    type=click.Choice([each.value for each in StepName]),
    metavar="STEP",
    help=f"Stop after a step and let its container wait to be looked into: {', '.join(StepName)}.",
)
@click.option(
    "--debug-shell",
    is_flag=True,
    help="Open a shell in the container of a failed step, or of the step to stop after.",
)
@click.option(
    "--keep-failed",
    is_flag=True,
    help="Keep the container of a failed step until `sweep`, and say how to enter it.",
)
@json_option
@pass_surroundings
def build(
    surroundings: Surroundings,
    /,
    path: Path | None,
    sign: str | None,
    stop_after: str | None,
    *,
    dry_run: bool,
    debug_shell: bool,
    keep_failed: bool,
    as_json: bool,
    **flags: FlagValue,
) -> None:
    """Build a live ISO from a snapshot.

    SELECTOR is latest (the default), cache (as it is now), a snapshot's number,
    @YYYY-MM-DD_HH:MM, or a day (YYYY-MM-DD). A tree has none.

    \b
    Examples:
      distroclone-builder build
      distroclone-builder build 7 --cache /media/usb/debian_backup --output iso
      distroclone-builder build 2026-06-17 --cache-image cache.img --compression max
      distroclone-builder build --tree /srv/chroots/trixie --output iso
    """
    config = config_of(path, **flags)
    if stop_after == StepName.INSTALL and not config.packages.has_step:
        raise UsageError(
            "This build has no step {step}",
            hint="It is there when packages are added to the system: give --install NAME.",
            step=stop_after,
        )
    key = None if sign is None else signing.signing_key(sign)  # known before a long build
    with choose_display(json=as_json) as display:
        engine = surroundings.open_engine()
        config = at_engine(config, engine, on_event=display.event)
        if dry_run:
            secret_of(config.block_store.key if config.block_store else None)  # or say why not
            choice = prepare(config, engine, run=new_run(), on_event=display.event)
            _show_plan(config, choice, display)
            return
        inspection = Inspection(
            stop_after=StepName(stop_after) if stop_after else None,
            debug_shell=debug_shell,
            keep_failed=keep_failed,
            before_shell=display.close,
        )
        try:
            outcome = session.build(config, engine, inspection=inspection, on_event=display.event)
        except Stopped as stopped:
            answer(display, _text_of(stopped), {"stopped_after": stop_after})
        else:
            signature = _signed(outcome, key, display) if key else None
            _show_outcome(outcome, signature, display)


def _show_plan(config: Config, choice: Choice, display: Display) -> None:
    text = say(
        "Would build {iso} in {folder} with {compression} compression; nothing was written.",
        iso=f"{choice.iso_name}.iso",
        folder=config.output,
        compression=config.recipe.compression.name,
    )
    if choice.packages is not None:
        text = f"{lock_words(choice.packages)}\n{text}"
    answer(display, text, describe(config, choice))


def _text_of(stopped: Stopped) -> str:
    return "\n".join([str(stopped), *getattr(stopped, "__notes__", ())])


def _signed(outcome: session.Outcome, key: signing.Key, display: Display) -> Path:
    display.close()  # a passphrase may be asked for on the terminal
    try:
        return signing.sign_result(outcome.folder, key, sums_sha256=outcome.sums.sha256)
    except BuilderError as error:
        error.add_note(
            say("The build itself succeeded; its results are in {folder}", folder=outcome.folder)
        )
        raise


def _show_outcome(outcome: session.Outcome, signature: Path | None, display: Display) -> None:
    iso = outcome.folder / outcome.iso.name
    rows = [
        (say("SHA-256"), outcome.iso.sha256),
        (say("Check it"), check_command(outcome.folder)),
        (say("Boot it"), boot_command(iso)),
        (say("Keep to yourself"), str(outcome.private)),
    ]
    if outcome.blocks is not None and outcome.blocks.asked:
        rows.append((say("Blocks"), _served(outcome.blocks)))
    data = {
        "folder": str(outcome.folder),
        "artefacts": to_data(outcome.artefacts),
        "private": str(outcome.private),
        "block_cache": to_data(outcome.blocks),
    }
    if signature is not None:
        rows.insert(1, (say("Signed"), str(signature)))
        data["signature"] = str(signature)
    built = say("Built {iso} ({size})", iso=iso, size=readable_size(outcome.iso.size))
    answer(display, f"{built}\n{columns(rows, indent='  ')}", data)


def _served(blocks: BlockCounts) -> str:
    return say(
        "{percent} % were in the block cache, {saved} not compressed again",
        percent=percent(blocks.rate),
        saved=readable_size(blocks.hit_bytes),
    )
