"""The rest of the file that an app is written in: what stands below the app's function is done before it runs."""

from __future__ import annotations

import __future__

import ast
import sys
from typing import Any, Callable, Optional


def run_rest(function: Callable[..., Any]) -> bool:
    """Does what stands below a function of the main file, as Python would have done next. False where that cannot be
    known: then nothing is done."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    if path is None:
        return False
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), path)
    except (OSError, SyntaxError, ValueError):
        return False
    place = _place(tree, function)
    if place is None:
        return False
    rest = ast.Module(body=tree.body[place + 1 :], type_ignores=[])
    exec(compile(rest, path, "exec", flags=_future(tree), dont_inherit=True), main.__dict__)
    return True


def _place(tree: ast.Module, function: Callable[..., Any]) -> Optional[int]:
    line = function.__code__.co_firstlineno
    for place, statement in enumerate(tree.body):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and statement.name == function.__name__:
            first = min([statement.lineno, *(decorator.lineno for decorator in statement.decorator_list)])
            if first <= line <= (statement.end_lineno or first):
                return place
    return None


def _future(tree: ast.Module) -> int:
    flags = 0
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            for name in statement.names:
                flags |= getattr(__future__, name.name).compiler_flag
    return flags
