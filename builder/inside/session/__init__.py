"""What only a live system gets: rules that write the layer above the system, in their order."""

from typing import Final

from builder.inside.rules.rule import Rule
from builder.inside.session import boot_report, live, remote_login

RULES: Final[tuple[Rule, ...]] = (
    *live.RULES,
    *remote_login.RULES,
    *boot_report.RULES,
)
