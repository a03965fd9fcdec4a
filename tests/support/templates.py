"""Collects every template of text for people from the program's syntax trees.

`python -m tests.support.templates` prints them as a gettext template (.pot). A template has to
stand as a literal where it is said or raised, or in a constant or variable that is named there;
anything else cannot be found by a tool, and is listed by `hidden`.
"""

import ast
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
CODE: Final = PROJECT / "builder"

_SAYING: Final = {"say": 0, "note": 0, "add": 1}  # functions, and where their template is
_WORDS: Final = ("message", "hint", "remedy")  # keywords that are templates, of whatever is called
_CARRIERS: Final = ("Note", "Problem", "Warned")  # values that carry a template to where it is said
# Doors through which a template passes that is a literal wherever somebody comes to them.
_DOORS: Final = {
    "builder/host/build/session.py": {"_note"},
    "builder/host/config/build_config.py": {"_one_of"},
    "builder/host/config/checks.py": {"_refused"},
    "builder/host/yaml/problems.py": {"add"},
    "builder/host/yaml/reader.py": {"_refuse"},
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Template:
    """A template, and where it is."""

    text: str
    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Hidden:
    """A place where text for people is said whose template no tool can find."""

    path: str
    line: int
    code: str


def collected() -> list[Template]:
    """Return every template of the program, sorted."""
    return sorted({each for each in _all() if isinstance(each, Template) and each.text})


def hidden() -> list[Hidden]:
    """Return every place with a template that cannot be found."""
    return sorted({each for each in _all() if isinstance(each, Hidden)})


def found_in(source: str, path: str) -> Iterator[Template | Hidden]:
    """Yield what one module says."""
    tree = ast.parse(source)
    constants = _literals(tree)
    for scope in _scopes(tree):
        known = {**constants, **(_literals(scope) if scope is not tree else {})}
        for call in _calls(scope):
            for given in _templates_of(call):
                yield from _told(given, known, path)


def _all() -> Iterator[Template | Hidden]:
    for file in sorted(CODE.rglob("*.py")):
        yield from found_in(file.read_text("utf-8"), file.relative_to(PROJECT).as_posix())


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the module itself and each function, the inner ones as a part of the outer."""
    yield tree
    yield from (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef))


def _calls(scope: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of a scope; those in functions belong to the functions."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            continue
        if isinstance(node, ast.Call):
            yield node
        waiting += ast.iter_child_nodes(node)


def _literals(scope: ast.AST) -> dict[str, list[ast.expr]]:
    """Return what is assigned to each name in a scope, in whichever branch."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found.setdefault(name, []).append(value)
            case _:
                pass
    return found


def _templates_of(call: ast.Call) -> Iterator[ast.expr]:
    name = _name(call.func)
    speaks = name in _speaking()
    place = 0 if speaks else _SAYING.get(name)
    if name == "add" and not _is_problems(call.func):
        place = None
    if place is not None and len(call.args) > place:
        yield call.args[place]
    if speaks or place is not None:
        yield from (each.value for each in call.keywords if each.arg in _WORDS)


@functools.cache
def _speaking() -> frozenset[str]:
    """Return the names of the classes whose first argument is a template."""
    bases: dict[str, set[str]] = {}
    for file in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {_name(base) for base in node.bases}
    speaking = {"BuilderError"}
    while more := {name for name, above in bases.items() if above & speaking} - speaking:
        speaking |= more
    return frozenset({*speaking, *_CARRIERS})


def _is_problems(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and "problems" in ast.unparse(function.value)


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _told(
    given: ast.expr, known: dict[str, list[ast.expr]], path: str
) -> Iterator[Template | Hidden]:
    match given:
        case ast.Constant(value=str(text)):
            yield Template(text=text, path=path, line=given.lineno)
        case ast.IfExp(body=body, orelse=otherwise):
            yield from _told(body, known, path)
            yield from _told(otherwise, known, path)
        case ast.Name(id=name) if name in known:
            for value in known[name]:
                yield from _told(value, {}, path)
        case ast.Attribute(attr="message" | "hint"):
            pass  # handed on: it is a literal where it was made
        case _:
            yield Hidden(path=path, line=given.lineno, code=ast.unparse(given))


def _pot() -> str:
    entries: dict[str, list[str]] = {}
    for each in collected():
        entries.setdefault(each.text, []).append(f"{each.path}:{each.line}")
    blocks = [
        "".join(f"#: {place}\n" for place in places) + f'msgid {_quoted(text)}\nmsgstr ""\n'
        for text, places in entries.items()
    ]
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
    return "\n".join([head, *blocks])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


if __name__ == "__main__":
    sys.stdout.write(_pot())
