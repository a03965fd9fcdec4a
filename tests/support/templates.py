"""Collects every template of text for people from the program's syntax trees.

`python -m tests.support.templates` prints them as a gettext template (.pot). A tool can find a
template only where it is a literal: in the call that says it, or in a variable, a table, a call or
a `return` of a private function in the same module. `hidden` lists all others.
"""

import ast
import functools
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
CODE: Final = PROJECT / "builder"

# Functions that say something, and the index of the template among their arguments.
_SAYING: Final = {"say": 0, "note": 0, "add": 1}
# Keyword arguments that are templates, whatever is called with them, except by `say`, whose
# keywords are values. A keyword-only parameter of that name is handed on, wherever it is given; a
# positional one of a private function is looked up in the calls of the module.
_WORDS: Final = ("message", "hint")

# Calls that are no templates although they look like one, each with the reason.
_KNOWN: Final[Mapping[tuple[str, str], str]] = {
    (
        "builder/basics/errors.py",
        "str(data.get('message', ''))",
    ): "an error that comes back as data",
    ("builder/basics/errors.py", "str(data.get('hint', ''))"): "an error that comes back as data",
    ("builder/host/display/json_lines.py", "note_text(event)"): "the finished text",
    ("builder/host/cli/snapshots.py", "render(problem.message, values)"): "the finished text",
    ("builder/host/cli/snapshots.py", "render(problem.hint, values)"): "the finished text",
    ("builder/host/engine/container.py", "event"): "the event that a HeldError is made from",
}

_Literals = dict[str, list[ast.expr]]


class Kind(StrEnum):
    """What a template is for."""

    MESSAGE = "message"  # what failed or happened
    HINT = "hint"  # what to do
    TEXT = "text"  # anything else: answers, titles, labels


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Template:
    """A template, and where it is."""

    text: str
    kind: Kind
    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Hidden:
    """A place where text for people is said whose template no tool can find."""

    path: str
    line: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """A function, or the module itself, with all that is known by name in it."""

    inside: tuple[ast.ClassDef | ast.FunctionDef, ...]  # the outermost first
    known: _Literals
    functions: Mapping[str, ast.FunctionDef]  # of the module
    calls: Mapping[str, list[ast.Call]]  # of these functions

    def hands_on(self, name: str) -> bool:
        """Whether `name` is a parameter whose templates are collected where callers give them."""
        for each in self.inside:
            if isinstance(each, ast.FunctionDef):
                positional = [one.arg for one in (*each.args.posonlyargs, *each.args.args)]
                keywords = [one.arg for one in each.args.kwonlyargs]
                if name in positional and each.name in (*_SAYING, "__init__"):
                    return True
                if name in keywords and name in _WORDS:
                    return True
        return False

    def arguments(self, name: str) -> list[ast.expr]:
        """Return what the module gives for a positional parameter of the private function here."""
        function = next((each for each in self.inside if isinstance(each, ast.FunctionDef)), None)
        if function is None or not function.name.startswith("_"):
            return []
        names = [one.arg for one in function.args.args]
        if self.functions.get(function.name) is not function or name not in names:
            return []
        place = names.index(name)
        calls = self.calls.get(function.name, [])
        return [call.args[place] for call in calls if len(call.args) > place]

    def of_module(self) -> "_Scope":
        """Return the same without the parameters of the function here."""
        return replace(self, inside=())

    @property
    def error_class(self) -> bool:
        """Whether this is a method of a class that is made from a template's class."""
        return any(
            _name(base) in _speaking()
            for each in self.inside
            if isinstance(each, ast.ClassDef)
            for base in each.bases
        )


def collected() -> list[Template]:
    """Return every template of the program, sorted."""
    return sorted({each for each in _all() if isinstance(each, Template) and each.text})


def hidden() -> list[Hidden]:
    """Return every place with a template that cannot be found."""
    found = {each for each in _all() if isinstance(each, Hidden)}
    return sorted(each for each in found if (each.path, each.code) not in _KNOWN)


def found_in(source: str, path: str) -> Iterator[Template | Hidden]:
    """Yield what one module says."""
    tree = ast.parse(source)
    top = _Scope(
        inside=(),
        known=_literals(tree),
        functions={each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)},
        calls=_calls_by_name(tree),
    )
    for scope, call in _calls(tree, top):
        for kind, given in _templates_of(call, scope):
            yield from _told(given, kind, scope, path)


def pot() -> str:
    """Return all templates in gettext's format."""
    entries: dict[str, list[str]] = {}
    for each in collected():
        entries.setdefault(each.text, []).append(f"{each.path}:{each.line}")
    blocks = [
        "".join(f"#: {place}\n" for place in places) + f'msgid {_quoted(text)}\nmsgstr ""\n'
        for text, places in entries.items()
    ]
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
    return "\n".join([head, *blocks])


def _all() -> Iterator[Template | Hidden]:
    for file in sorted(CODE.rglob("*.py")):
        yield from found_in(file.read_text("utf-8"), file.relative_to(PROJECT).as_posix())


def _calls_by_name(tree: ast.Module) -> Mapping[str, list[ast.Call]]:
    found: dict[str, list[ast.Call]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.setdefault(node.func.id, []).append(node)
    return found


def _calls(parent: ast.AST, scope: _Scope) -> Iterator[tuple[_Scope, ast.Call]]:
    """Yield every call with the innermost function that it is in."""
    for node in ast.iter_child_nodes(parent):
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                literals = _literals(node) if isinstance(node, ast.FunctionDef) else {}
                inner = replace(
                    scope, inside=(*scope.inside, node), known={**scope.known, **literals}
                )
                yield from _calls(node, inner)
            case _:
                if isinstance(node, ast.Call):
                    yield scope, node
                yield from _calls(node, scope)


def _literals(scope: ast.AST) -> _Literals:
    """Return what is assigned to each name in a scope itself, in whichever branch."""
    found: _Literals = {}
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                continue
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found.setdefault(name, []).append(value)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for target, value in zip(names, values, strict=False):
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, []).append(value)
            case _:
                pass
        waiting += ast.iter_child_nodes(node)
    return found


def _templates_of(call: ast.Call, scope: _Scope) -> Iterator[tuple[Kind, ast.expr]]:
    name = _name(call.func)
    keywords = {each.arg: each.value for each in call.keywords}
    if name in _SAYING and (name != "add" or _is_problems(call.func)):
        if len(call.args) > _SAYING[name]:
            yield Kind.TEXT if name == "say" else Kind.MESSAGE, call.args[_SAYING[name]]
        return
    is_error = (
        name in _speaking()
        or ("hint" in keywords and "message" not in keywords)
        or (name == "__init__" and scope.error_class)
    )
    if is_error and call.args:
        yield Kind.MESSAGE, call.args[0]
    yield from ((Kind(word), keywords[word]) for word in _WORDS if word in keywords)


@functools.cache
def _speaking() -> frozenset[str]:
    """Return the names of the classes of errors, whose first argument is a template."""
    bases: dict[str, set[str]] = {}
    for file in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {_name(base) for base in node.bases}
    speaking = {"BuilderError"}
    while more := {name for name, above in bases.items() if above & speaking} - speaking:
        speaking |= more
    return frozenset(speaking)


def _is_problems(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and "problems" in ast.unparse(function.value)


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _told(given: ast.expr, kind: Kind, scope: _Scope, path: str) -> Iterator[Template | Hidden]:
    match given:
        case ast.Constant(value=str(text)):
            yield Template(text=text, kind=kind, path=path, line=given.lineno)
        case ast.IfExp(body=body, orelse=otherwise):
            yield from _told(body, kind, scope, path)
            yield from _told(otherwise, kind, scope, path)
        case ast.Name():
            yield from _of_name(given, kind, scope, path)
        case ast.Attribute(attr="message" | "hint"):
            pass  # handed on: it is a literal where it was made
        case ast.Subscript(value=ast.Name(id=name)) if name in scope.known:
            yield from _table(scope.known[name], kind, scope, path)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=name), attr="get"), args=[_, *otherwise]
        ) if name in scope.known:
            yield from _table(scope.known[name], kind, scope, path)
            for each in otherwise:
                yield from _told(each, kind, scope, path)
        case ast.Call(func=ast.Name(id=name)) if name in scope.functions:
            yield from _returned(scope.functions[name], kind, scope, path)
        case _:
            yield Hidden(path=path, line=given.lineno, code=ast.unparse(given))


def _of_name(given: ast.Name, kind: Kind, scope: _Scope, path: str) -> Iterator[Template | Hidden]:
    """Yield what a variable or a parameter may be."""
    if given.id in scope.known:
        inner = _without(scope, given.id)
        for value in scope.known[given.id]:
            yield from _told(value, kind, inner, path)
    elif arguments := scope.arguments(given.id):
        for argument in arguments:
            yield from _told(argument, kind, scope.of_module(), path)
    elif not scope.hands_on(given.id):
        yield Hidden(path=path, line=given.lineno, code=given.id)


def _table(
    tables: list[ast.expr], kind: Kind, scope: _Scope, path: str
) -> Iterator[Template | Hidden]:
    """Yield the values of a dictionary, which may be wrapped in a MappingProxyType."""
    for table in tables:
        match table:
            case ast.Call(func=ast.Name(id="MappingProxyType"), args=[ast.Dict(values=values)]):
                pass
            case ast.Dict(values=values):
                pass
            case _:
                values = [table]
        for value in values:
            yield from _told(value, kind, scope, path)


def _returned(
    function: ast.FunctionDef, kind: Kind, scope: _Scope, path: str
) -> Iterator[Template | Hidden]:
    """Yield the templates that a function of the module returns."""
    inner = replace(
        scope,
        inside=(function,),
        known={**scope.known, **_literals(function)},
        functions={name: each for name, each in scope.functions.items() if each is not function},
    )
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            yield from _told(node.value, kind, inner, path)


def _without(scope: _Scope, name: str) -> _Scope:
    known = {each: values for each, values in scope.known.items() if each != name}
    return replace(scope, known=known)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


if __name__ == "__main__":
    sys.stdout.write(pot())
