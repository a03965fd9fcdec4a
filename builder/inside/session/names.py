"""The host name of the live system."""

from typing import Final

from builder.inside.rules.network import set_hostname
from builder.inside.rules.rule import Rule

RULES: Final = (
    Rule(
        name="live-host-name",
        reason="live.hostname",
        edits=("/etc/hostname", "/etc/hosts", "/etc/mailname"),
        edit=set_hostname,
    ),
)
