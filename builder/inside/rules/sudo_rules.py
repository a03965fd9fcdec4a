"""Sudo and doas rules that name people: sudoers(5), doas.conf(5)."""

import re
from collections.abc import Iterator

from builder.inside.debian.account_files import People


def without_rules(lines: list[str], people: People) -> list[str]:
    """Return the lines without the rules for removed users and groups.

    A rule that spans several lines (`\\` at their ends) is removed or kept as a whole.
    """
    names = {*people.users, *(f"%{group}" for group in people.groups)}
    names |= {f"#{uid}" for uid in people.uids} | {f":{group}" for group in people.groups}
    kept: list[str] = []
    for rule in _rules(lines):
        if not set(re.split(r"[\s,]+", _subject("".join(rule)))) & names:
            kept += rule
    return kept


def _rules(lines: list[str]) -> Iterator[list[str]]:
    rule: list[str] = []
    for line in lines:
        rule.append(line)
        if not line.rstrip("\r\n").endswith("\\"):
            yield rule
            rule = []
    if rule:
        yield rule


def _subject(rule: str) -> str:
    """Return the part of a rule that names its users."""
    text = rule.replace("\\\n", " ").strip()
    word = re.split(r"\s", text, maxsplit=1)[0]
    if word.startswith(("#include", "@include")) or re.match(r"#\s|#$|#[^\d]", text):
        return ""
    if word in ("User_Alias", "Runas_Alias", "permit", "deny"):
        return text.replace("=", " ")
    if word.startswith("Defaults"):
        return word.removeprefix("Defaults").lstrip(":>")
    runas = re.search(r"\(([^)]*)\)", text)
    return f"{text.split('=')[0]} {runas[1].replace(':', ' ') if runas else ''}"
