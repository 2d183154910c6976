"""Lists what a script uses of torch and torchvision that is missing, without running it."""

from __future__ import annotations

import ast
import builtins
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..tensor import Tensor
from .absent_dtypes import AbsentDType
from .absent_layers import AbsentLayer
from .alias import ROOTS, Alias, alias
from .missing import explain

__all__ = ["check"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_NESTED = (*_FUNCTIONS, ast.ClassDef)
_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
_ATTRIBUTE_ERRORS = {"AttributeError", "Exception", "BaseException"}
# Functions whose result is certainly a tensor, so its methods are known.
_MAKES_TENSOR = re.compile(
    r"torch\.(arange|as_tensor|cat|eye|from_numpy|linspace|randint|randperm|stack|tensor"
    r"|(empty|full|ones|rand|randn|zeros)(_like)?)"
)


def check(paths: Iterable[str]) -> int:
    """Prints a line for each name that is missing.

    Args:
        paths: Python files, and folders to search for them.

    Returns:
        The exit status: 0 if nothing is missing, else 1.
    """
    lines = [line for path in paths for file in _python_files(Path(path)) for line in missing(file)]
    print(*(lines or ["nothing missing"]), sep="\n")
    return 1 if lines else 0


def _python_files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def missing(file: Path) -> list[str]:
    """``FILE:LINE: what is missing`` for each name, in the order of lines."""
    try:
        with tokenize.open(file) as text:  # in the encoding that the file declares
            tree = ast.parse(text.read(), str(file))
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        return [f"{file}{line}: {type(error).__name__}: {getattr(error, 'msg', error)}"]
    uses = _Uses(tree)
    uses.visit(tree)
    return [f"{file}:{line}: {message}" for line, message in sorted(set(uses.missing))]


class _Uses(ast.NodeVisitor):
    """Follows the names that stand for something of torch's through the scopes of a program.

    Attributes:
        missing: line and message of each use of a name that is not there.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.missing: list[tuple[int, str]] = []
        self._scopes: list[
            dict[str, str | None]
        ] = []  # name: torch's dotted name, or another thing
        self._caught: set[str] = set()  # errors that the blocks around catch
        self._optional: set[str] = set()  # names that the program can do without
        self._wildcards: list[str] = []  # modules of which everything is imported
        self._asking = False  # whether something is of a class or dtype, which may be missing
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "hasattr":
                self._optional.add(ast.unparse(node.args[-1]).strip("'"))

    def visit_Module(self, node: ast.Module) -> None:
        self._scope(node)

    def visit_scope(self, node: ast.AST) -> None:
        self._scope(node)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = visit_scope
    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_scope

    def _scope(self, node: ast.AST) -> None:
        scope: dict[str, str | None] = {}
        self._scopes.append(scope)
        for below in _own_nodes(node):
            for name, dotted in self._bound(below):
                scope[name] = scope.get(name) or dotted
        self.generic_visit(node)
        self._scopes.pop()

    def _bound(self, node: ast.AST) -> Iterator[tuple[str, str | None]]:
        """Names that a statement or expression gives a meaning, and torch's names for that."""
        if isinstance(node, ast.Import):
            for item in node.names:
                dotted = item.name if item.asname else item.name.partition(".")[0]
                yield item.asname or dotted, _torch_name(dotted)
        elif isinstance(node, ast.ImportFrom):
            for item in node.names:
                dotted = f"{'.' * node.level}{node.module}.{item.name}"
                yield item.asname or item.name, _torch_name(dotted)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, self._dotted(node.value)  # nn = torch.nn
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, None
        elif isinstance(node, ast.arg):
            yield node.arg, None
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, None

    def _dotted(self, node: ast.AST) -> str | None:
        """Torch's name of ``a.b.c``, if ``a`` stands for something of torch's."""
        if isinstance(node, ast.Attribute):
            before = self._dotted(node.value)
            return before and f"{before}.{node.attr}"
        if isinstance(node, ast.Name):
            return next((scope[node.id] for scope in self._scopes[::-1] if node.id in scope), None)
        return None

    def visit_Try(self, node: ast.Try) -> None:
        outside = self._caught
        self._caught = outside.union(*map(_caught_by, node.handlers))
        for statement in node.body:
            self.visit(statement)
        self._caught = outside
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(part)

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test).rpartition(".")[2] != "TYPE_CHECKING":
            return self.generic_visit(node)
        for statement in node.orelse:
            self.visit(statement)
        return None

    def visit_Compare(self, node: ast.Compare) -> None:
        self._ask(node, True)

    def visit_Call(self, node: ast.Call) -> None:
        self._ask(node, ast.unparse(node.func) in ("isinstance", "issubclass"))

    def _ask(self, node: ast.AST, asking: bool) -> None:
        outside, self._asking = self._asking, asking
        self.generic_visit(node)
        self._asking = outside

    def visit_Import(self, node: ast.Import) -> None:
        for item in node.names:
            self._look_up(node, _torch_name(item.name), _IMPORT_ERRORS)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = _torch_name("." * node.level + (node.module or ""))
        for item in node.names if module else ():
            wildcard = item.name == "*"
            self._look_up(node, module if wildcard else f"{module}.{item.name}", _IMPORT_ERRORS)
            if wildcard and module and _problem(module, False) is None:
                self._wildcards.append(module)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        # What is assigned need not be there before.
        read = node if isinstance(node.ctx, ast.Load) else node.value
        dotted = self._dotted(read)
        if dotted:
            self._look_up(node, dotted, _ATTRIBUTE_ERRORS)
            return
        self.generic_visit(node)
        maker = self._dotted(node.value.func) if isinstance(node.value, ast.Call) else None
        if maker and _MAKES_TENSOR.fullmatch(maker) and not hasattr(Tensor, node.attr):
            self._report(node, f"torch.Tensor.{node.attr}", dir(Tensor))

    def visit_Name(self, node: ast.Name) -> None:
        """A name that nothing defines can only come from ``from torch.nn import *``."""
        known = hasattr(builtins, node.id) or any(node.id in scope for scope in self._scopes)
        problems = (_problem(f"{module}.{node.id}", self._asking) for module in self._wildcards)
        if known or not self._wildcards or any(problem is None for problem in problems):
            return
        self._report(node, f"{self._wildcards[-1]}.{node.id}", dir(alias(self._wildcards[-1])))

    def _look_up(self, node: ast.AST, dotted: str | None, caught: set[str]) -> None:
        problem = _problem(dotted, self._asking) if dotted else None
        if problem is None:
            return
        if caught & self._caught:
            self._optional.add(problem[0])
        self._report(node, *problem)

    def _report(self, node: ast.AST, dotted: str, there: Iterable[str]) -> None:
        if not {dotted, dotted.rpartition(".")[2]} & self._optional:
            self.missing.append((node.lineno, explain(dotted, there)))  # type: ignore[attr-defined]


def _torch_name(dotted: str) -> str | None:
    return dotted if dotted.partition(".")[0] in ROOTS else None


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, without the insides of functions and classes in it."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, _NESTED):
            yield from _own_nodes(child)


def _caught_by(handler: ast.ExceptHandler) -> set[str]:
    """The names of the errors that a handler catches."""
    if handler.type is None:
        return {"BaseException"}
    return {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}


def _problem(dotted: str, asking: bool) -> tuple[str, Iterable[str]] | None:
    """The first part of a dotted name that is missing, and what is there beside it; or None.

    Args:
        dotted: the name.
        asking: whether a layer or dtype that is missing is no problem.
    """
    first, *rest = dotted.split(".")
    value: object = alias(first)
    for name in rest:
        there, first = value, f"{first}.{name}"
        try:
            value = getattr(there, name)
        except AttributeError:
            return first, dir(there)
        absent = isinstance(value, AbsentDType) or (
            isinstance(value, type) and issubclass(value, AbsentLayer)
        )
        if absent and not asking:
            return first, dir(there)
        if not isinstance(value, (Alias, type)):
            return None
    return None
