"""Every public name says in a docstring what it is: parameters by name, arrays with their shapes, errors raised."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import workbench

MODULES = (
    *("contracts", "dataset", "engine", "findings", "graph", "hookspecs", "offers", "problem", "registry", "runs"),
    *("solving", "system", "testing", "unknowns", "workflow"),
)
NOT_OURS = {"hookimpl"}  # pluggy's


def ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).startswith("workbench")


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """What `__all__` lists, or without one what the module defines itself; classes and functions."""
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    for name in names:
        thing = getattr(module, name)
        if (inspect.isclass(thing) or inspect.isfunction(thing)) and ours(thing):
            yield f"{module.__name__}.{name}", thing


def offered() -> dict[str, Any]:
    """Every public name of the package and of its rooms."""
    found = {f"workbench.{name}": getattr(workbench, name) for name in dir(workbench)}
    found = {name: thing for name, thing in found.items() if callable(thing) and name.split(".")[1] not in NOT_OURS}
    for name in MODULES:
        found.update(public(importlib.import_module(f"workbench.{name}")))
    return found


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that a class defines; tests of a contract are sentences and need no other."""
    for name, member in vars(kind).items():
        function = getattr(member, "__func__", None) or getattr(member, "fget", None) or getattr(member, "func", member)
        hidden = name.startswith(("_", "test_")) or getattr(function, "__name__", "") == "<lambda>"
        if inspect.isfunction(function) and ours(function) and not hidden:
            yield name, member


def said(thing: Any) -> str:
    """The docstring that somebody wrote: not the signature that dataclasses put in its place."""
    text = (thing.__dict__.get("__doc__") if inspect.isclass(thing) else inspect.getdoc(thing)) or ""
    return "" if text.startswith(f"{getattr(thing, '__name__', '')}(") else text.strip()


def unnamed(function: Callable[..., Any]) -> list[str]:
    text = said(function)
    names = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    return [name for name in names if not re.search(rf"\b{re.escape(name)}\b", text)]


OFFERED = offered()


@pytest.mark.parametrize("name", sorted(OFFERED))
def test_a_public_name_has_a_docstring(name: str) -> None:
    thing = OFFERED[name]
    assert said(thing)
    if inspect.isclass(thing):
        assert [each for each, member in methods(thing) if not inspect.getdoc(getattr(thing, each, member))] == []


@pytest.mark.parametrize("name", sorted(name for name, thing in OFFERED.items() if inspect.isfunction(thing)))
def test_a_public_function_names_its_parameters(name: str) -> None:
    assert unnamed(OFFERED[name]) == []


# --- shapes and errors -------------------------------------------------------------------------------------------


def callables() -> dict[str, tuple[Callable[..., Any], str]]:
    """Public functions and methods with their docstrings; a method's class may have said it for all."""
    found: dict[str, tuple[Callable[..., Any], str]] = {}
    for name, thing in OFFERED.items():
        if inspect.isfunction(thing):
            found[name] = thing, said(thing)
        elif inspect.isclass(thing):
            for method, member in methods(thing):
                function = getattr(member, "__func__", None) or getattr(member, "fget", None)
                function = function or getattr(member, "func", member)
                found[f"{name}.{method}"] = function, f"{said(function)} {said(thing)}"
    return found


CALLABLES = callables()
ARRAY = re.compile(r"\b(Array|ndarray|Tensor)\b")


def raised(function: Callable[..., Any]) -> set[str]:
    """The classes of errors that its own body raises; nested functions are others."""
    names: set[str] = set()
    pending: list[ast.AST] = [*ast.parse(textwrap.dedent(inspect.getsource(function))).body[0].body]  # type: ignore[attr-defined]  # a function
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            names.add(node.exc.func.id)
        pending.extend(ast.iter_child_nodes(node))
    return {name for name in names if name[0].isupper()} - {"AssertionError"}  # says that it cannot happen


@pytest.mark.parametrize("name", sorted(CALLABLES))
def test_arrays_have_shapes_and_errors_have_names(name: str) -> None:
    function, text = CALLABLES[name]
    signature = inspect.signature(function)
    arrays = [
        parameter.name
        for parameter in signature.parameters.values()
        if ARRAY.search(str(parameter.annotation)) and "Callable" not in str(parameter.annotation)
    ]
    assert [each for each in arrays if not re.search(rf"\b{each}\b[^.(]*\([^)]*\)", text)] == []
    if ARRAY.search(str(signature.return_annotation)):
        assert re.search(r"\([a-z0-9*][^)]*\)", text), "of what shape is the result?"
    assert sorted(each for each in raised(function) if each not in text) == []
