"""Nobody gets into a live system over the network with a password that others know.

The live user's password is in every ISO, so at boot its hash leaves /etc/shadow before anything
listens (`builder/inside/files/live-login`): whatever lets people in over the network, with PAM or
without, then finds an account that has no password. Only this machine's own screens and terminals
ask for it elsewhere, by a list that names those that may, not those that may not. Servers that show
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
PASSWORD: Final = f"{OWN}/live/password"
KEYS: Final = f"{OWN}/live/authorized_keys"
SCREENS: Final = "/usr/lib/systemd/system-generators/distroclone-builder-screens"
_UNITS: Final = "/usr/lib/systemd/system"
_UNIT_NAME: Final = "distroclone-builder-live-login.service"
UNIT: Final = f"{_UNITS}/{_UNIT_NAME}"
ENABLED: Final = f"/etc/systemd/system/basic.target.wants/{_UNIT_NAME}"
_COMPONENTS: Final = "/usr/lib/live/config"
# Next after live-config's component that makes the user.
COMPONENT: Final = f"{_COMPONENTS}/0031-distroclone-builder"
_SSHD: Final = "/usr/sbin/sshd"

_FILES: Final = Path(__file__).parent.parent / "files"


def _close(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    for path in (LIVE_LOGIN, LOCAL_LOGIN):
        _add_program(tree, path)
    if live.remote_login:
        add(tree, ALLOWED, b"")
    if live.password_hash is not None:
        add(tree, PASSWORD, f"{live.password_hash}\n".encode(), mode=0o600)
    if live.authorized_keys:
        add(tree, KEYS, "".join(f"{key}\n" for key in live.authorized_keys).encode())
    if tree.is_dir(_UNITS):
        add(tree, UNIT, (_FILES / _UNIT_NAME).read_bytes())
        tree.symlink(ENABLED, UNIT)
        _add_program(tree, SCREENS)
    elif tree.is_dir(_COMPONENTS):
        tree.symlink(COMPONENT, LIVE_LOGIN)
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
        edits=(LIVE_LOGIN, LOCAL_LOGIN, ALLOWED, PASSWORD, KEYS, SCREENS, COMPONENT,
               UNIT, ENABLED),
        edit=_close,
    ),
)  # fmt: skip
