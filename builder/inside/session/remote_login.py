"""Nobody gets into a live system over the network with a password that others know.

The live user's password is in every ISO, so its hash is not in /etc/shadow: whatever lets people in
over the network, with PAM or without, finds an account that has no password. Only this machine's
own screens and terminals ask for it elsewhere, by a list that names those that may, not those that
may not. `builder/inside/files/live-login` tells them at boot, and moves what else may have come to
/etc/shadow. Servers that show
the screen without asking are masked. Nothing of it is active in an installed system.
"""

from pathlib import Path
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add
from builder.inside.tree.tree import Tree

OWN: Final = "/usr/lib/distroclone-builder"
LIVE_LOGIN: Final = f"{OWN}/live-login"
LOCAL_LOGIN: Final = f"{OWN}/local-login"
ALLOWED: Final = f"{OWN}/live/remote-login"
SCREENS: Final = "/usr/lib/systemd/system-generators/distroclone-builder-screens"
_UNITS: Final = "/usr/lib/systemd/system"
_UNIT_NAME: Final = "distroclone-builder-live-login.service"
UNIT: Final = f"{_UNITS}/{_UNIT_NAME}"
ENABLED: Final = f"/etc/systemd/system/basic.target.wants/{_UNIT_NAME}"
_SSHD: Final = "/usr/sbin/sshd"

_FILES: Final = Path(__file__).parent.parent / "files"


def _close(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    for path in (LIVE_LOGIN, LOCAL_LOGIN):
        _add_program(tree, path)
    if live.remote_login:
        add(tree, ALLOWED, b"")
    if tree.is_dir(_UNITS):
        add(tree, UNIT, (_FILES / _UNIT_NAME).read_bytes())
        tree.symlink(ENABLED, UNIT)
        _add_program(tree, SCREENS)
    if live.authorized_keys and not tree.is_file(_SSHD):
        message = "The system has no ssh server, so nobody can use the keys in live.authorized_keys"
        return (Warned(message=message),)
    return ()


def _add_program(tree: Tree, path: str) -> None:
    add(tree, path, (_FILES / Path(path).name).read_bytes(), mode=0o755)


RULES: Final = (
    Rule(
        name="remote-login",
        reason="keeps the live user's password, which everybody knows, to the machine's own "
        "screens and terminals; live.remote_login says otherwise",
        edits=(LIVE_LOGIN, LOCAL_LOGIN, ALLOWED, SCREENS, UNIT, ENABLED),
        edit=_close,
    ),
)  # fmt: skip
