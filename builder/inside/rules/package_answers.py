"""The answers that people gave to questions of packages: debconf-devel(7), Debconf::Format::822.

What a package itself put up for choice tells nothing about anybody; what was typed may be a host
name, a disk's serial number or a proxy with its password. So answers stay only if the package's own
template has them: yes or no, one of its choices, or its default.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, lines_of, put_lines
from builder.inside.tree.tree import Tree

_ANSWERS: Final = "/var/cache/debconf/config.dat"
_PASSWORDS: Final = "/var/cache/debconf/passwords.dat"
_TEMPLATES: Final = "/var/cache/debconf/templates.dat"
_LARGEST: Final = 64 << 20  # bytes of either file; a large desktop's templates have 12 MB
_FIELDS: Final = (b"name:", b"template:", b"owners:")
_TEMPLATE_FIELDS: Final = (b"name", b"type", b"default", b"choices", b"choices-c")
# Their choices are filled in from what packages install. Without the first answer, pam-auth-update
# would turn every module off; without the others, packages would choose anew.
_FROM_PACKAGES: Final = (
    b"libpam-runtime/profiles", b"dictionaries-common/default-ispell",
    b"dictionaries-common/default-wordlist", b"shared/default-x-display-manager",
)  # fmt: skip
_PLAIN: Final = re.compile(rb"[A-Za-z0-9 ._(),+-]{0,200}")
_SEPARATOR: Final = re.compile(rb"(?<!\\),[ \t]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    type: bytes
    default: bytes | None
    choices: frozenset[bytes]  # none if they are filled in when the question is asked

    def has(self, answer: bytes) -> bool:
        """Whether `answer` is one that the package itself has."""
        if self.type == b"password":
            return False
        if self.type == b"boolean" and answer in (b"true", b"false"):
            return True
        if self.type == b"select" and answer in self.choices:
            return True
        if self.type == b"multiselect" and self.choices.issuperset(_split(answer)):
            return True
        return answer in (b"", self.default)


def _cut_answers(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    if tree.is_file(_ANSWERS):
        before = tree.read_bytes(_ANSWERS, limit=_LARGEST)
        after = _cut(before, _templates(tree))
        if after != before:
            put_lines(tree, _ANSWERS, [after.decode("utf-8", "surrogateescape")])
    return _drop_passwords(tree)


def _drop_passwords(tree: Tree) -> tuple[Warned, ...]:
    """The questions stay: programs of packages expect them."""
    lines = lines_of(tree, _PASSWORDS)
    if lines is not None:
        put_lines(tree, _PASSWORDS, [line for line in lines if not line.startswith("Value:")])
    return ()


def _cut(answers: bytes, templates: Mapping[bytes, _Template]) -> bytes:
    """Return config.dat with the questions, and with those answers that their templates have."""
    return b"".join(_question(stanza, templates) for stanza in answers.split(b"\n\n"))


def _question(stanza: bytes, templates: Mapping[bytes, _Template]) -> bytes:
    fields = _fields(stanza.split(b"\n"))
    if b"name" not in fields:
        return b""
    kept = [line for line in stanza.split(b"\n") if line.lower().startswith(_FIELDS)]
    answer, name = fields.get(b"value"), fields.get(b"template", b"")
    if answer is None or _is_harmless(answer, name, templates.get(name)):
        kept += [b"Value: " + answer] if answer is not None else []
        kept += [b"Flags: seen"] if b"seen" in fields.get(b"flags", b"").split() else []
    return b"\n".join(kept) + b"\n\n"


def _is_harmless(answer: bytes, name: bytes, template: _Template | None) -> bool:
    if name in _FROM_PACKAGES:
        return _PLAIN.fullmatch(answer) is not None
    return template is not None and template.has(answer)


def _fields(lines: Iterable[bytes]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for line in lines:
        key, colon, value = line.partition(b":")
        if colon and not line.startswith((b" ", b"\t")):
            fields.setdefault(key.lower(), value.strip())
    return fields


def _templates(tree: Tree) -> dict[bytes, _Template]:
    """Read templates.dat as a stream; none if it is missing or absurdly large."""
    if not tree.is_file(_TEMPLATES) or tree.resolve(_TEMPLATES).stat().st_size > _LARGEST:
        return {}
    found: dict[bytes, _Template] = {}
    waiting: list[bytes] = []
    with tree.open(_TEMPLATES) as stream:
        for line in (*stream, b"\n"):
            if line != b"\n":
                waiting += [line] if _is_wanted(line) else []
                continue
            fields, waiting = _fields(waiting), []
            found[fields.get(b"name", b"")] = _template(fields)
    return found


def _is_wanted(line: bytes) -> bool:
    return line[:16].partition(b":")[0].lower() in _TEMPLATE_FIELDS


def _template(fields: Mapping[bytes, bytes]) -> _Template:
    offered = [fields[key] for key in (b"choices", b"choices-c") if key in fields]
    filled_in = any(b"${" in each for each in offered)
    return _Template(
        type=fields.get(b"type", b""),
        default=fields.get(b"default"),
        choices=frozenset(() if filled_in else (one for each in offered for one in _split(each))),
    )


def _split(listed: bytes) -> list[bytes]:
    return [each.strip() for each in _SEPARATOR.split(listed)]


RULES: Final = (
    Rule(
        name="installer-answers",
        reason="what was typed in questions of packages, passwords above all; debconf asks again. "
        "Yes, no, and answers that the package itself offers stay",
        removes=("/var/cache/debconf/*-old",),
        edits=(_PASSWORDS, _ANSWERS),
        edit=_cut_answers,
    ),
)
