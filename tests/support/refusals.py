"""Tests that take any refusal for the right one, found in their syntax trees.

`python -m tests.support.refusals` lists them. A refusal is asserted by `pytest.raises`, or by an
exit code of a command that is not 0. Its reason is looked at when there is a `match`, or when the
function reads something of what was caught, said or printed.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
# Have one cause each, or are raised by the test itself to see what becomes of them.
PLAIN = {
    "Interrupted", "KeyError", "ZeroDivisionError", "FileNotFoundError", "IsADirectoryError",
    "BrokenPipeError", "ProcessLookupError",
}  # fmt: skip
_INTERRUPTED = 130  # has one cause too
_CODES = {"code", "returncode", "exit_code"}
_READ = {
    "last_lines", "shown", "error", "errors", "stderr", "stdout", "output", "err", "out", "message",
    "finding",
}  # fmt: skip
_SAID = {"text", "out", "err", "error"}
_READ_TEXTS = {"message", "hint", "error", "finding"}


def without_reason() -> list[str]:
    """Return `path:line: what` of each refusal that is asserted without its reason."""
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        for function in _functions(ast.parse(path.read_text("utf-8"))):
            for line, what in (*_raises(function), *_exits(function)):
                found.append(f"{path.relative_to(TESTS.parent)}:{line}: {what}")
    return found


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef))


def _raises(function: ast.FunctionDef) -> Iterator[tuple[int, str]]:
    for each in ast.walk(function):
        if not isinstance(each, ast.With):
            continue
        for item in each.items:
            call = item.context_expr
            if not isinstance(call, ast.Call) or ast.unparse(call.func) != "pytest.raises":
                continue
            kind = ast.unparse(call.args[0])
            read = isinstance(item.optional_vars, ast.Name) and _is_read(
                function, item.optional_vars.id
            )
            if kind not in PLAIN and not read and not any(k.arg == "match" for k in call.keywords):
                yield call.lineno, f"raises {kind}"


def _is_read(function: ast.FunctionDef, name: str) -> bool:
    uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name]
    return any(isinstance(each.ctx, ast.Load) for each in uses)


def _exits(function: ast.FunctionDef) -> Iterator[tuple[int, str]]:
    refused = [
        each
        for each in ast.walk(function)
        if isinstance(each, ast.Compare)
        and _is_code(each.left)
        and _is_failure(each)
        and not _of_exception(each)
    ]
    if refused and not _reads_reason(function):
        yield from ((each.lineno, ast.unparse(each)) for each in refused)


def _is_code(compared: ast.expr) -> bool:
    match compared:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name in _CODES
        case ast.Call(func=ast.Name(id=name)):
            return name == "run"
        case _:
            return False


def _is_failure(compared: ast.Compare) -> bool:
    operator, value = compared.ops[0], compared.comparators[0]
    is_zero = isinstance(value, ast.Constant) and value.value == 0
    if isinstance(operator, ast.Eq):
        return isinstance(value, ast.Constant) and value.value not in (0, _INTERRUPTED)
    return isinstance(operator, ast.NotEq | ast.Gt) and is_zero


def _of_exception(compared: ast.Compare) -> bool:
    """Whether this is the code of what `pytest.raises` caught, which is looked at there."""
    return isinstance(compared.left, ast.Attribute) and ast.unparse(compared.left.value).endswith(
        ".value"
    )


def _reads_reason(function: ast.FunctionDef) -> bool:
    for each in ast.walk(function):
        if isinstance(each, ast.Attribute) and each.attr in _READ:
            return True
        if isinstance(each, ast.Name) and each.id in _SAID:
            return True
        if isinstance(each, ast.Constant) and each.value in _READ_TEXTS:
            return True
    return False


if __name__ == "__main__":
    sys.stdout.writelines(f"{each}\n" for each in without_reason())
