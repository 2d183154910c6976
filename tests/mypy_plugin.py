"""A plugin for mypy: public functions do not return ``Any``.

mypy's own ``disallow_any_explicit`` refuses ``Any`` everywhere, arguments included. This plugin
notes the return annotations of public functions when a file is parsed. When mypy analyses one of
them and finds ``typing.Any``, the plugin reports it, and mypy treats that as an error of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mypy.nodes import ClassDef, Decorator, FuncDef, IfStmt, MypyFile, OverloadedFuncDef, Statement
from mypy.options import Options
from mypy.plugin import AnalyzeTypeContext, Plugin
from mypy.types import AnyType, CallableType, Type, TypeOfAny, UnionType

PACKAGE = "minicnn"
MESSAGE = "public functions do not return Any"


class PublicReturnTypes(Plugin):
    """Reports each ``Any`` among the return types of the package's public functions."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._returned: dict[int, Type] = {}  # by id, which stays theirs as they are kept here

    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        """Called with every file that is parsed; there are no dependencies to add."""
        if file.fullname.partition(".")[0] == PACKAGE:
            for function in _functions(file.defs):
                signature = function.unanalyzed_type
                if not function.name.startswith("_") and isinstance(signature, CallableType):
                    self._returned |= {
                        id(member): member for member in _members(signature.ret_type)
                    }
        return []

    def get_type_analyze_hook(self, fullname: str) -> Callable[[AnalyzeTypeContext], Type] | None:
        """Called with the full name of every type that is written down anywhere."""
        return self._analyze_any if fullname == "typing.Any" else None

    def _analyze_any(self, context: AnalyzeTypeContext) -> Type:
        if id(context.type) in self._returned:
            context.api.fail(MESSAGE, context.context)
        return AnyType(TypeOfAny.explicit, line=context.type.line, column=context.type.column)


def _functions(statements: Iterable[Statement]) -> Iterator[FuncDef]:
    """The functions and methods among some statements, without those inside functions."""
    for statement in statements:
        if isinstance(statement, FuncDef):
            yield statement
        elif isinstance(statement, Decorator):
            yield statement.func
        elif isinstance(statement, OverloadedFuncDef):
            yield from _functions(statement.unanalyzed_items)
        elif isinstance(statement, ClassDef):
            yield from _functions(statement.defs.body)
        elif isinstance(statement, IfStmt):
            for block in filter(None, [*statement.body, statement.else_body]):
                yield from _functions(block.body)


def _members(annotation: Type) -> Iterator[Type]:
    """The annotation, or what it joins: ``Any | None`` allows as much as ``Any``."""
    if isinstance(annotation, UnionType):
        for item in annotation.items:
            yield from _members(item)
    else:
        yield annotation


def plugin(version: str) -> type[Plugin]:
    """mypy's entry point."""
    return PublicReturnTypes
