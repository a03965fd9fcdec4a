"""What people typed in questions of packages goes; what packages themselves offer stays."""

import time
from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import Gone
from builder.inside.rules import RULES
from builder.inside.rules.rule import Rule
from builder.inside.tree.tree import Tree
from tests.support.machines import CLOCK, MARK
from tests.support.trees import put

_TEMPLATES = r"""Name: shell/dash
Default: true
Description: Use it?
Type: boolean

Name: keys/model
Choices: Generic\, with 105 keys, Other
Choices-de.utf-8: Allgemein, Anderes
Type: select

Name: tools/chosen
Choices: one, two, three
Type: multiselect

Name: boot/disks
Choices: ${DISKS}
Choices-C: ${NAMES}
Type: multiselect

Name: mail/name
Default: localhost
Type: string

Name: mail/password
Default: secret
Type: password

Name: libpam-runtime/profiles
Choices: ${profiles}
Type: multiselect

"""


def stanza(template: str, answer: str, *, name: str | None = None, more: str = "") -> str:
    return (
        f"Name: {name or template}\nTemplate: {template}\nValue: {answer}\n"
        f"Owners: somebody\nFlags: seen\n{more}\n"
    )


def apply(rule: Rule, root: Path) -> None:
    tree = Tree(root, clock=CLOCK)
    rule.apply(tree, LiveSettings(), Gone(source=tree, tree=tree, heir="user"))


def after_rule(root: Path, answers: str, *, templates: str = _TEMPLATES) -> str:
    put(root, "var/cache/debconf/config.dat", answers).chmod(0o644)
    put(root, "var/cache/debconf/templates.dat", templates)
    (rule,) = (rule for rule in RULES if rule.name == "installer-answers")
    apply(rule, root)
    return (root / "var/cache/debconf/config.dat").read_text(errors="surrogateescape")


@pytest.mark.parametrize(
    ("template", "answer"),
    [
        ("shell/dash", "false"), ("keys/model", r"Generic\, with 105 keys"),
        ("tools/chosen", "three, one"), ("tools/chosen", ""), ("mail/name", "localhost"),
        ("mail/name", ""), ("libpam-runtime/profiles", "unix, systemd, my-company"),
    ],
)  # fmt: skip
def test_what_the_package_offers_stays(tmp_path: Path, template: str, answer: str) -> None:
    before = stanza(template, answer)
    assert sorted(after_rule(tmp_path, before).split("\n")) == sorted(before.split("\n"))


@pytest.mark.parametrize(
    ("template", "answer"),
    [
        ("mail/name", f"{MARK}.example"), ("shell/dash", MARK), ("keys/model", MARK),
        ("tools/chosen", f"one, {MARK}"), ("mail/password", MARK), ("mail/password", "secret"),
        ("boot/disks", f"/dev/disk/by-id/ata-{MARK}"), ("nobody/knows", MARK),
        ("libpam-runtime/profiles", f"unix, /home/{MARK}"), ("mail/name", f"a\x1cName: {MARK}"),
        ("shell/dash", f"true\n  {MARK}"), ("mail/name", f"localhost\n {MARK}"),
    ],
)  # fmt: skip
def test_what_was_typed_goes_and_is_asked_again(tmp_path: Path, template: str, answer: str) -> None:
    found = after_rule(tmp_path, stanza(template, answer) + stanza("shell/dash", "false"))
    assert MARK not in found
    assert "Value: secret" not in found
    question, other, _end = found.split("\n\n")
    assert question.startswith(f"Name: {template}\nTemplate: {template}\n")
    assert "Value: false" in other
    if "\n" not in answer:
        assert "seen" not in question


def test_variables_go(tmp_path: Path) -> None:
    more = f"Variables:\n DISKS = {MARK}\nOdd: {MARK}\n"
    found = after_rule(tmp_path, stanza("shell/dash", "true", more=more))
    assert MARK not in found
    assert "Value: true" in found


def test_a_question_under_another_name_is_judged_by_its_template(tmp_path: Path) -> None:
    found = after_rule(tmp_path, stanza("mail/name", MARK, name="pkg/mail-name"))
    assert found == "Name: pkg/mail-name\nTemplate: mail/name\nOwners: somebody\n\n"


def test_without_templates_no_answer_stays(tmp_path: Path) -> None:
    assert "Value" not in after_rule(tmp_path, stanza("shell/dash", "true"), templates="")


def test_hostile_files_cost_little_time(tmp_path: Path) -> None:
    start = time.process_time()
    templates = "Name: a/b\nType: multiselect\nChoices: " + "\\,," * 500_000
    answers = "Value: " + ",\\" * 500_000 + "\nTemplate: a/b\nName: a/b\n" + ":\n\n" * 200_000
    after_rule(tmp_path, answers, templates=templates)
    assert time.process_time() - start < 5


def test_older_passwords_go(tmp_path: Path) -> None:
    for name in ("opasswd", "opasswd.old", "nopasswd"):
        put(tmp_path, f"etc/security/{name}", MARK)
    put(tmp_path, "etc/security/limits.conf", "x")
    (rule,) = (rule for rule in RULES if rule.name == "account-backups")
    apply(rule, tmp_path)
    assert [path.name for path in sorted((tmp_path / "etc/security").iterdir())] == [
        "limits.conf", "opasswd",
    ]  # fmt: skip
    assert (tmp_path / "etc/security/opasswd").read_bytes() == b""
