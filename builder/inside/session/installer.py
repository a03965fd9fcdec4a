"""What starts the installer in the live system; the installer itself is an image of its own."""

from pathlib import Path
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add
from builder.inside.tree.tree import Tree

_UNITS: Final = "/usr/lib/systemd/system"
_SERVICE: Final = "distroclone-builder-install.service"
_TARGET: Final = "distroclone-builder-install.target"
_SCRIPT: Final = "/usr/lib/distroclone-builder/install"
_ROOT: Final = "/usr/lib/distroclone-builder/installer"  # where its image is mounted
_FILES: Final = Path(__file__).parent.parent / "files"


def _add_installer(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    if not tree.is_dir(_UNITS):
        message = "The system does not use systemd: its live system cannot start the installer"
        return (Warned(message=message),)
    for name in (_SERVICE, _TARGET):
        add(tree, f"{_UNITS}/{name}", (_FILES / name).read_bytes())
    add(tree, _SCRIPT, (_FILES / "install").read_bytes(), mode=0o755)
    if not tree.exists(_ROOT):
        tree.make_directory(_ROOT, mode=0o755)
    return ()


RULES: Final = (
    Rule(
        name="installer",
        reason="installer; starts only from its entry of the boot menu",
        edits=(f"{_UNITS}/{_SERVICE}", f"{_UNITS}/{_TARGET}", _SCRIPT, _ROOT),
        edit=_add_installer,
    ),
)
