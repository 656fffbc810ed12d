"""Who may import whom: the plan of the house, held against the syntax trees of all files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "workbench"
SHELVES = {"plugins": ROOT / "plugins", "problems": ROOT / "problems"}

FLOORS = (
    {"axes", "errors", "on_first_use", "search_path"},
    {"contracts", "dataset", "findings", "formula", "graph", "noise", "priors", "scaffolds", "unknowns"},
    {"offers", "system", "engine", "runs"},
    {"hookspecs", "problem", "compiled"},
    {"registry", "solving"},
    {"model"},
    {"fitting", "diagnose", "exporting", "measure"},
    {"workflow"},
    {"cli", "testing"},
    {"__init__", "__main__"},
)
"""From the ground up: a room imports what lies below it, and nothing beside or above it."""

NARROW = {
    "runs": {"errors", "dataset", "findings"},
    "registry": {"errors", "search_path", "offers", "hookspecs"},
    "cli": {"errors", "workflow", "registry", "runs"},
    "__main__": {"search_path", "cli"},
}
"""Rooms that may see less than all that lies below them."""

DEFERRED = {("offers", "engine")}
"""Imports across one floor, inside a function: a tableau becomes a solver where a plugin offers it."""

FOR_PLUGINS = {"axes", "contracts", "engine", "errors", "findings", "graph"}
"""What a plugin may import beside the public names of `workbench` itself."""


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(file: Path, package: tuple[str, ...], *, typing: bool = True) -> Iterator[tuple[str, str]]:
    """(module, name) of every import of a file, relative ones resolved; `typing` keeps those for type checkers."""
    waiting: list[ast.AST] = [tree(file)]
    while waiting:
        node = waiting.pop()
        if not typing and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)
        waiting += ast.iter_child_nodes(node)


def package_of(file: Path, root: Path) -> tuple[str, ...]:
    return file.relative_to(root).parent.parts


def room_of(file: Path) -> str:
    """`registry` for workbench/registry/options.py, `offers` for workbench/offers.py."""
    return file.relative_to(CORE).parts[0].removesuffix(".py")


def rooms_imported(file: Path) -> Iterator[str]:
    """The rooms of the core that a file of the core imports; what is only for type checkers weighs nothing."""
    for module, name in imports(file, package_of(file, ROOT), typing=False):
        head, *rest = module.split(".")
        if head == "workbench":
            room = rest[0] if rest else name
            if room in {*ROOMS, ""}:
                yield room or "__init__"


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


ROOMS = {room for floor in FLOORS for room in floor}
CORE_FILES = python_files(CORE)
FAMILIES = sorted(
    folder for shelf in SHELVES.values() for folder in shelf.iterdir() if (folder / "__init__.py").exists()
)


def level(room: str) -> int:
    return next(i for i, floor in enumerate(FLOORS) if room in floor)


def test_every_file_of_the_core_stands_in_a_room_of_the_plan() -> None:
    assert {room_of(file) for file in CORE_FILES} <= ROOMS


@pytest.mark.parametrize("file", CORE_FILES, ids=lambda file: str(file.relative_to(CORE)))
def test_a_room_imports_only_what_lies_below_it(file: Path) -> None:
    room = room_of(file)
    for other in rooms_imported(file):
        if other == room or (room, other) in DEFERRED or room == "__init__":
            continue
        assert level(other) < level(room), f"{room} imports {other}, which is beside or above it"
        assert other in NARROW.get(room, ROOMS), f"{room} may import {sorted(NARROW[room])}, not {other}"


@pytest.mark.parametrize("pair", sorted(DEFERRED))
def test_an_import_across_a_floor_stands_inside_a_function(pair: tuple[str, str]) -> None:
    room, other = pair
    files = [file for file in CORE_FILES if room_of(file) == room]
    at_top = [
        node.module
        for file in files
        for node in tree(file).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == other
    ]
    assert at_top == []


def test_the_core_imports_no_plugin_no_problem_and_no_test() -> None:
    families = {folder.name for folder in FAMILIES} | {"tests", "plugins", "problems"}
    for file in CORE_FILES:
        found = {module.split(".")[0] for module, _ in imports(file, package_of(file, ROOT))}
        assert not found & families, f"{file} imports {found & families}"


@pytest.mark.parametrize("family", FAMILIES, ids=lambda folder: folder.name)
def test_a_plugin_imports_public_names_the_engine_and_its_own_siblings(family: Path) -> None:
    public = set(public_names())
    families = {folder.name for folder in FAMILIES} - {family.name}
    for file in python_files(family):
        for module, name in imports(file, package_of(file, family.parent)):
            head, *rest = module.split(".")
            assert head not in families | {"tests"}, f"{file.name} imports {module}: another plugin, or tests"
            if head == "workbench" and rest:
                assert rest[0] in FOR_PLUGINS, f"{file.name} imports {module}; plugins see {sorted(FOR_PLUGINS)}"
            elif head == "workbench" and name:
                assert name in public | FOR_PLUGINS, f"{file.name} imports {name}, which is no public name"


def public_names() -> list[str]:
    import workbench

    return dir(workbench)


def test_no_file_imports_in_a_circle() -> None:
    """At import time: what stands in functions is imported later and cannot hang."""
    graph = {name_of(file): set(at_import(file)) for file in CORE_FILES}
    for folder in FAMILIES:
        graph |= {name_of(file): set(at_import(file)) for file in python_files(folder)}
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join((*path[path.index(name) :], name))
        if name in done or name not in graph:
            return
        for other in sorted(graph[name]):
            walk(other, (*path, name))
        done.add(name)

    for name in sorted(graph):
        walk(name, ())


def root_of(file: Path) -> Path:
    return next(root for root in (*SHELVES.values(), ROOT) if file.is_relative_to(root))


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(root_of(file)).with_suffix("").parts).removesuffix(".__init__")


@cache
def every_name() -> set[str]:
    """Of all modules of the house."""
    return {name_of(file) for file in [*CORE_FILES, *(f for folder in FAMILIES for f in python_files(folder))]}


def at_import(file: Path) -> Iterator[str]:
    """The modules that executing a file imports from the house: those it names, not the packages they stand in."""
    known, package = every_name(), file.relative_to(root_of(file)).parent.parts
    for node in top_level(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            inner = [f"{module}.{alias.name}" for alias in node.names]
            yield from (name for name in inner if name in known)
            if module in known and module != name_of(file) and not all(name in known for name in inner):
                yield module


def top_level(node: ast.AST) -> Iterator[ast.AST]:
    """Statements that run at import: not in functions, not for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from top_level(child)


@pytest.mark.parametrize(
    "file",
    [CORE / "__init__.py", CORE / "__main__.py", CORE / "search_path.py", CORE / "on_first_use.py"],
    ids=lambda f: f.stem,
)
def test_the_front_door_imports_nothing_heavy(file: Path) -> None:
    light = {"__future__", "importlib", "typing", "sys", "os", "site", "collections"}
    roots = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
        for node in top_level(tree(file))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert roots <= light


def test_public_names_are_the_same_for_users_and_for_type_checkers() -> None:
    import workbench

    block = next(node for node in tree(CORE / "__init__.py").body if isinstance(node, ast.If))
    typed = {
        alias.asname: node.module or ""
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == workbench._HOME
    assert set(dir(workbench)) == {*typed, "__version__"}


def test_every_public_name_can_be_had() -> None:
    import workbench

    for name in dir(workbench):
        assert getattr(workbench, name) is not None


def test_no_module_bears_the_name_of_a_public_function() -> None:
    """Importing `workbench.fit` as a module would replace the function `wb.fit`, and type checkers take it for it."""
    import workbench

    functions = [(name, home) for name, home in workbench._HOME.items() if home]
    for name, home in functions:
        for package in ("workbench", f"workbench/{home.replace('.', '/')}"):
            assert not (ROOT / package / f"{name}.py").exists(), (
                f"{package}/{name}.py bears the name of a public function"
            )
            assert not (ROOT / package / name / "__init__.py").exists(), (
                f"{package}/{name} bears that of a public function"
            )
