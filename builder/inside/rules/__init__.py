"""What is changed in the copy of the system, one rule per reason, in the order they run."""

from typing import Final

from builder.inside.rules import (
    accounts,
    acquaintances,
    automatic_login,
    backup_tool,
    credentials,
    identity,
    leftover_settings,
    leftover_units,
    network,
    package_answers,
    server_keys,
    storage,
    traces,
)
from builder.inside.rules.rule import Rule

RULES: Final[tuple[Rule, ...]] = (
    *identity.RULES,
    *storage.RULES,
    *network.RULES,
    *automatic_login.RULES,  # before the account names are gone
    *accounts.RULES,  # after everything that reads the account databases
    *credentials.RULES,
    *acquaintances.RULES,
    *package_answers.RULES,
    *traces.RULES,
    *backup_tool.RULES,
    *leftover_units.RULES,  # after everything that removes
    *leftover_settings.RULES,
    *server_keys.RULES,
)

# What a package that is added to the live layer alone leaves besides its own.
AFTER_PACKAGES: Final[tuple[Rule, ...]] = (
    *identity.RULES,
    *traces.RULES,
    *server_keys.RULES,
)
