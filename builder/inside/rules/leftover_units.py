"""Units that refer to what was left out or removed: the live system must not start with failures.

Real formats: systemd.unit(5), systemd.syntax(7), podman-systemd.unit(5).
"""

from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.rules.rule import Rule, Warned
from builder.inside.tree.tree import Tree
from builder.inside.units.containers import QUADLETS, drop_quadlets
from builder.inside.units.init_scripts import SCRIPTS, sweep_scripts
from builder.inside.units.sweep import sweep_units


def _sweep(tree: Tree, gone: Gone) -> tuple[Warned, ...]:
    others = drop_quadlets(tree, gone) + sweep_scripts(tree, gone)
    system = sweep_units(tree, gone, "system")
    user = sweep_units(tree, gone, "user")
    warned = []
    if count := others + len(system.names) + len(user.names):
        message = "{count} services, mounts or timers that belong to left-out things will not start"
        warned.append(Warned(message=message, values=(("count", str(count)),)))
    if system.login_screen:
        message = (
            "The login screen {unit} refers to things that are left out, and will not start; "
            "use `keep` to bring them along"
        )
        warned.append(Warned(message=message, values=(("unit", system.login_screen),)))
    return tuple(warned)


RULES: Final = (
    Rule(
        name="leftover-units",
        reason="refer to a removed account, or to a path that was left out or removed, or need "
        "such a unit: they would fail at each boot. Units of packages are masked, drop-ins and "
        "others are removed; so are init scripts, and containers without their images",
        edits=("/etc/systemd/system/**", "/etc/systemd/user/**", "/usr/local/lib/systemd/**",
               f"{SCRIPTS}/*", "/etc/rc*.d/*", *(f"{folder}/**" for folder in QUADLETS)),
        follow=_sweep,
    ),
)  # fmt: skip
