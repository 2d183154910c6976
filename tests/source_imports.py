"""Which file imports what, read from the syntax tree: nothing is run, imports in functions count."""

import ast
import graphlib
from collections.abc import Iterable, Iterator
from pathlib import Path


def parse(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported_names(nodes: Iterable[ast.AST], package: str = "") -> Iterator[tuple[str, str | None]]:
    """The imports among some nodes of a syntax tree.

    Args:
        nodes: for instance ``ast.walk(tree)``.
        package: the package that relative imports start from.

    Yields:
        ("a.b", "c") for ``from a.b import c``, ("a.b", None) for ``import a.b``.
    """
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            start = parents[: len(parents) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, except the blocks under ``if TYPE_CHECKING:``."""
    yield node
    skipped = node.body if isinstance(node, ast.If) and _asks_for_type_checking(node) else []
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from executed(child)


def _asks_for_type_checking(node: ast.If) -> bool:
    return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def import_graph(package: Path) -> dict[str, set[str]]:
    """For every module of a package, the modules of that package it imports when it is run.

    ``from .. import x`` is an import of the module ``x`` if there is one, else of the package's
    ``__init__``. That importing ``a.b`` runs ``a/__init__.py`` first is left out: with it, every
    module would depend on the package that lists it.
    """
    files = {_module_name(path, package): path for path in sorted(package.rglob("*.py"))}
    graph = {}
    for module, path in files.items():
        parent = module if path.name == "__init__.py" else module.rpartition(".")[0]
        targets = set()
        for imported, name in imported_names(executed(parse(path)), parent):
            submodule = f"{imported}.{name}"
            targets.add(submodule if submodule in files else imported)
        graph[module] = targets & files.keys()
    return graph


def _module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules of which each imports the next and the last is the first; empty if there are none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1][::-1]
    return []
