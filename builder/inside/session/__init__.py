"""What only a live system gets: rules that write the layer above the system, in their order."""

from typing import Final, assert_never

from builder.formats.recipe import Installer
from builder.inside.rules.rule import Rule
from builder.inside.session import (
    account,
    boot_report,
    consoles,
    hardware,
    heirs,
    installer,
    module_rules,
    names,
    quiet,
    regional,
    remote_login,
    rights,
    screens,
    undisturbed,
)

RULES: Final[tuple[Rule, ...]] = (
    *module_rules.RULES,
    *hardware.RULES,
    *heirs.RULES,
    *names.RULES,
    *account.RULES,
    *rights.RULES,
    *screens.RULES,
    *consoles.RULES,
    *undisturbed.RULES,  # after the account has its home
    *regional.RULES,
    *quiet.RULES,
    *remote_login.RULES,
    *boot_report.RULES,
)


def rules_with(choice: Installer) -> tuple[Rule, ...]:
    """Return all of them for a medium with this installer."""
    match choice:
        case Installer.NONE:
            return RULES
        case Installer.TEXT:
            return (*RULES, *installer.RULES)
        case _:
            assert_never(choice)
