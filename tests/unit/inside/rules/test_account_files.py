"""People leave the account databases; everything else keeps its place."""

import pytest

from builder.inside.debian.account_files import (
    find_people,
    is_person,
    locked,
    without_members,
    without_people,
    without_ranges,
)
from builder.inside.rules.sudo_rules import without_rules

PASSWD = [
    "root:x:0:0:root:/root:/bin/bash\n",
    "ann:x:1000:1000:Ann,,,:/home/ann:/bin/bash\n",
    "cy:x:1001:100::/home/cy:/bin/bash\n",
    "mail:x:8:8::/var/mail:/usr/sbin/nologin\n",
    "mixed:x:33:1005::/srv:/bin/sh\n",
]
GROUP = ["root:x:0:\n", "ann:x:1000:\n", "users:x:100:cy\n", "shared:x:1005:ann,mail\n"]
PEOPLE = find_people(PASSWD, GROUP)


@pytest.mark.parametrize(
    "uid",
    ["1000", "59999", "60001", "60513", "65536", "1000000", " 1000", "+1000", "001000", "9" * 5000],
)
def test_these_numbers_are_peoples(uid: str) -> None:
    assert is_person(uid)


@pytest.mark.parametrize(
    "uid",
    ["0", "00999", "60000", "60514", "61184", "64055", "65534", "65535", "", "-1", "²", "x", "+"],
)
def test_these_numbers_are_the_systems(uid: str) -> None:
    assert not is_person(uid)


def test_people_go_with_the_groups_that_only_they_have() -> None:
    assert PEOPLE.users == {"ann", "cy"}
    assert PEOPLE.groups == {"ann"}  # users is the system's, shared is needed by mixed


def test_the_others_keep_their_order() -> None:
    assert without_people(PASSWD, PEOPLE) == [PASSWD[0], PASSWD[3], PASSWD[4]]


def test_memberships_and_administrators_go() -> None:
    gshadow = ["sudo:$6$hash:ann,root:ann,mail\n", "ann:!::\n", "odd line\n"]
    assert without_members(gshadow, PEOPLE) == ["sudo:!:root:mail\n", "odd line\n"]
    assert without_members(GROUP, PEOPLE) == [
        "root:x:0:\n",
        "users:x:100:\n",
        "shared:x:1005:mail\n",
    ]


@pytest.mark.parametrize(
    ("field", "left"),
    [("*", "*"), ("!", "!"), ("!!", "!!"), ("!*", "!*"), ("$6$a", "*"), ("!$6$a", "*"), ("", "*")],
)
def test_no_hash_is_left_in_shadow(field: str, left: str) -> None:
    line = "root:{}:20000:0:99999:7:::\n"
    assert locked([line.format(field)], PEOPLE) == [line.format(left)]


def test_a_hash_in_passwd_itself_goes_too() -> None:
    line = ["old:8Ab05sVQ4LLps:2:2::/:/bin/sh\n"]
    assert without_people(line, PEOPLE) == ["old:x:2:2::/:/bin/sh\n"]


def test_malformed_lines_stay_unless_they_name_a_removed_account() -> None:
    lines = ["\n", "# comment\n", "ann:only:three\n", "x:y\n", "root:*:1:2\n"]
    assert locked(lines, PEOPLE) == ["\n", "# comment\n", "x:y\n", "root:*:1:2\n"]


def test_line_ends_are_kept() -> None:
    assert locked(["root:$6$a:1::::::\r\n"], PEOPLE) == ["root:*:1::::::\r\n"]
    assert locked(["root:$6$a:1::::::"], PEOPLE) == ["root:*:1::::::"]


def test_nis_lines_go_because_no_user_is_made_beside_them() -> None:
    assert without_people(["+::::::\n", "+@admins::::::\n", "-bad::::::\n"], PEOPLE) == []


def test_id_ranges_go_by_name_and_by_number() -> None:
    lines = ["ann:1:2\n", "1001:1:2\n", "mail:1:2\n"]
    assert without_ranges(lines, PEOPLE) == ["mail:1:2\n"]


@pytest.mark.parametrize(
    "rule",
    [
        "ann ALL=(ALL) ALL\n",
        "  root, ann ALL=ALL\n",
        "%ann ALL=(ALL) ALL\n",
        "#1000 ALL=(ALL) ALL\n",
        "User_Alias OPS = mail, cy\n",
        "Defaults:ann !requiretty\n",
        "mail ALL=(cy) ALL\n",
        "permit nopass ann as root\n",
        "permit :ann\n",
    ],
)
def test_a_rule_that_names_a_person_goes(rule: str) -> None:
    assert without_rules([rule, "mail ALL=ALL\n"], PEOPLE) == ["mail ALL=ALL\n"]


@pytest.mark.parametrize(
    "rule",
    [
        "Defaults env_reset\n",
        'Defaults env_keep += "ann"\n',
        "%sudo ALL=(ALL:ALL) ALL\n",
        "joann ALL=(ALL) ALL\n",
        "# ann was here once, and it is a comment\n",
        "#includedir /etc/sudoers.d\n",
        "@includedir /etc/sudoers.d\n",
        "mail ALL=(root) /usr/bin/ann\n",
        "\n",
    ],
)
def test_any_other_rule_stays(rule: str) -> None:
    assert without_rules([rule], PEOPLE) == [rule]


def test_a_rule_over_several_lines_goes_as_a_whole() -> None:
    lines = ["ann ALL=\\\n", "  /bin/a, \\\n", "  /bin/b\n", "mail ALL=ALL"]
    assert without_rules(lines, PEOPLE) == ["mail ALL=ALL"]
