"""Hardware addresses (IEEE 802) in the settings and scripts of an administrator.

They are those of devices in the network of the source machine, which its own words do not have.
"""

import re
from typing import Final

from builder.inside.search_rules.rule import Occurrence, SearchRule, regex

_PLACES: Final = re.compile(rb"/(?:etc|usr/local/(?:etc|s?bin))/")
_ADDRESS: Final = re.compile(
    rb"(?<![\w:])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![\w:])"
)
_COMMENT: Final = re.compile(rb"\s*(?:#|;|//)")
# Groups, nobody, and what manuals show.
_ANY: Final = re.compile(
    rb"(?:00){6}|ff.*|01005e.*|3333.*|0180c2.*|00112233.*|001122aabb.*|aabbcc.*|deadbeef.*|112233.*"
    rb"|(?:00|02)0102.*|(?:00|02)1234.*|(\w\w)\1{2}.*|0a0b0c.*|a1b2c3.*|010203.*|123456.*|abcdef.*|x+",
    re.IGNORECASE,
)


def _is_of_a_device(seen: Occurrence) -> bool:
    if seen.binary or not _PLACES.match(seen.path):
        return False
    line = seen.line()
    if _COMMENT.match(line):
        return False
    return any(
        not _ANY.fullmatch(re.sub(rb"[:-]", b"", found[0])) for found in _ADDRESS.finditer(line)
    )


ADDRESS_RULES: Final = (
    SearchRule(
        kind="network-card",
        strings=(
            regex(r"(ethernet|ether|hwaddr|wakeonlan|etherwake|ether-wake|netconsole|bssid|dhcp-host|"
                  r"\bwol|mac|address|hwaddress|peers?)[^\n]{0,80}\b[0-9a-f]{2}[:-][0-9a-f]{2}[:-]"
                  r"[0-9a-f]{2}[:-][0-9a-f]{2}[:-]", "nocase"),
        ),
        judge=_is_of_a_device,
    ),
)  # fmt: skip
