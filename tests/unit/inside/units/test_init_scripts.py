"""Init scripts go, or are masked, with what they start."""

from pathlib import Path

import pytest

from tests.support.copies import LEFT_OUT, Copy

OWN = "etc/systemd/system"
RULE = "leftover-units"


@pytest.mark.parametrize(
    ("name", "script", "masked"),
    [
        ("slapd", "DAEMON=/usr/sbin/slapd\n", True),  # Debian's has no unit
        ("cached", "DAEMON=/usr/sbin/cached\n", False),
    ],
)
def test_an_init_script_of_a_package_is_masked_without_its_data(
    tmp_path: Path, name: str, script: str, masked: bool
) -> None:
    files = {f"etc/init.d/{name}": script, "etc/default/slapd": 'SLAPD_USER="openldap"\n',
             "var/lib/ldap/data.mdb": "x"}  # fmt: skip
    copy = Copy(
        tmp_path,
        files,
        left_out=(*LEFT_OUT, "var/lib/ldap/data.mdb"),
        packaged=(f"etc/init.d/{name}",),
    )
    copy.follow(RULE)
    assert copy.is_masked(f"{OWN}/{name}.service") == masked
    assert copy.has(f"etc/init.d/{name}")


def test_an_own_init_script_that_starts_what_is_gone_goes(tmp_path: Path) -> None:
    copy = Copy(
        tmp_path,
        {
            "etc/init.d/mine": "#!/bin/sh\n# comment\nDAEMON=/home/alice/bin/sync\n",
            "etc/init.d/fine": "#!/bin/sh\n# not /home/alice/bin/sync\nDAEMON=/usr/bin/true\n",
            "etc/rc2.d/S01mine": "->../init.d/mine",
            "etc/rc2.d/S01fine": "->../init.d/fine",
        },
    )
    copy.follow(RULE)
    assert [copy.has(f"etc/{name}") for name in ("init.d/mine", "rc2.d/S01mine")] == [False, False]
    assert copy.has("etc/rc2.d/S01fine")
