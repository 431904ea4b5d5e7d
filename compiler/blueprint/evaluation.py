"""Evaluate the syntax tree of one Jinja2 expression.

Jinja2 parses; its tree is then walked here, not compiled to Python code: so there is no code to
escape from, each step is counted, and each part's result is checked before the next part sees it.
Pure: values in, a value out, `Refused` raised for everything that is wrong.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, cast

from jinja2 import nodes

from compiler.blueprint.limits import Budget, Missing, Refused, Value, check_size, is_mapping, text
from compiler.blueprint.sandbox import (
    FAILURES,
    OTHER_FILTERS,
    binary,
    call_filter,
    call_method,
    call_test,
    kind,
    lookup,
    private,
    suggestion,
)

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
    "in": lambda left, right: left in right,
    "notin": lambda left, right: left not in right,
}


class Evaluator:
    """Evaluates the expressions of one scalar: they share a budget."""

    def __init__(self, scope: Mapping[str, Value], budget: Budget) -> None:
        self._scope = scope
        self._budget = budget

    def result(self, node: nodes.Expr) -> Value:
        """The value of `node`: plain dicts, lists and scalars."""
        return self._budget.settle(self._evaluate(node))

    def _evaluate(self, node: nodes.Node) -> Value:
        """The value, which may be Missing or a mapping of the scope."""
        self._budget.spend(1)
        handler = _HANDLERS.get(type(node))
        if handler is None:
            name = type(node).__name__
            raise Refused("E105", f"this is not available in a blueprint ({name})")
        return handler(self, node)

    # ---------------------------------------------------------------- names and parts

    def _name(self, node: nodes.Name) -> Value:
        if node.name in self._scope:
            return self._scope[node.name]
        if node.name.startswith("_"):
            raise private(node.name)
        hint = suggestion(node.name, list(self._scope))
        return Missing(Refused("E102", f'"{node.name}" is not defined', hint, node.name))

    def _attribute(self, node: nodes.Getattr) -> Value:
        return lookup(self._evaluate(node.node), node.attr, _label(node.node))

    def _item(self, node: nodes.Getitem) -> Value:
        value = self._evaluate(node.node)
        if isinstance(node.arg, nodes.Slice):
            return self._slice(self._budget.settle(value), node.arg)
        return lookup(value, self.result(node.arg), _label(node.node))

    def _slice(self, value: Value, node: nodes.Slice) -> Value:
        bounds = [self.result(n) if n else None for n in (node.start, node.stop, node.step)]
        if not isinstance(value, str | list):
            raise Refused("E107", f"only text and lists have slices; this is {kind(value)}")
        try:
            return self._budget.settle(value[slice(*cast(list[Any], bounds))])
        except FAILURES as error:
            raise Refused("E107", f"this slice does not work: {error}") from error

    # ---------------------------------------------------------------- literals

    def _constant(self, node: nodes.Const) -> Value:
        return self._budget.settle(node.value)

    def _series(self, node: nodes.List | nodes.Tuple) -> Value:
        return self._budget.settle([self.result(item) for item in node.items])

    def _dictionary(self, node: nodes.Dict) -> Value:
        entries: dict[Value, Value] = {}
        for pair in node.items:
            key = self.result(pair.key)
            if not isinstance(key, str):
                raise Refused("E107", f"{kind(key)} as a key; text was expected", "quote the key")
            entries[key] = self.result(pair.value)
        return self._budget.settle(entries)

    # ---------------------------------------------------------------- operators

    def _binary(self, node: nodes.BinExpr) -> Value:
        left, right = self.result(node.left), self.result(node.right)
        return self._budget.settle(binary(node.operator, left, right))

    def _unary(self, node: nodes.UnaryExpr) -> Value:
        value = self.result(node.node)
        if not isinstance(value, int | float):
            raise Refused("E107", f'"{node.operator}" needs a number; this is {kind(value)}')
        return -value if node.operator == "-" else +value

    def _not(self, node: nodes.Not) -> Value:
        return not self._truth(node.node)

    def _and(self, node: nodes.And) -> Value:
        left = self._present(node.left)
        return self._evaluate(node.right) if left else left

    def _or(self, node: nodes.Or) -> Value:
        left = self._present(node.left)
        return left if left else self._evaluate(node.right)

    def _present(self, node: nodes.Expr) -> Value:
        value = self._evaluate(node)
        if isinstance(value, Missing):
            raise value.problem
        return value

    def _truth(self, node: nodes.Expr) -> bool:
        return bool(self._present(node))

    def _concatenation(self, node: nodes.Concat) -> Value:
        parts = [text(self.result(part)) for part in node.nodes]
        check_size(sum(map(len, parts)))
        return self._budget.settle("".join(parts))

    def _comparison(self, node: nodes.Compare) -> Value:
        left = self.result(node.expr)
        for operand in node.ops:
            right = self.result(operand.expr)
            try:
                holds = _COMPARE[operand.op](left, right)
            except FAILURES as error:
                raise Refused(
                    "E107", f"{kind(left)} and {kind(right)} cannot be compared this way"
                ) from error
            if not holds:
                return False
            left = right
        return True

    def _condition(self, node: nodes.CondExpr) -> Value:
        if self._truth(node.test):
            return self._evaluate(node.expr1)
        if node.expr2 is not None:
            return self._evaluate(node.expr2)
        problem = Refused("E107", 'the "if" does not hold and there is no "else"', "add `else …`")
        return Missing(problem)

    # ---------------------------------------------------------------- calls, filters, tests

    def _call(self, node: nodes.Call) -> Value:
        args, kwargs = self._arguments(node)
        target = node.node
        if not isinstance(target, nodes.Getattr):
            what = f'"{target.name}"' if isinstance(target, nodes.Name) else "this"
            word = target.name if isinstance(target, nodes.Name) else None
            raise Refused(
                "E105",
                f"{what} cannot be called: a blueprint has no functions",
                "use a filter: `value | filter`",
                word,
            )
        value = self._present(target.node)
        if is_mapping(value):
            return self._call_of_mapping(value, target, args, kwargs)
        return call_method(value, target.attr, args, kwargs, self._budget)

    def _call_of_mapping(
        self,
        value: Mapping[str, Value],
        target: nodes.Getattr,
        args: list[Value],
        kwargs: dict[str, Value],
    ) -> Value:
        found = lookup(value, target.attr, _label(target.node))
        if not isinstance(found, Missing):
            raise Refused(
                "E105",
                f'"{target.attr}" is a value and cannot be called',
                "leave the brackets out",
                target.attr,
            )
        if target.attr != "get":
            return call_method(value, target.attr, args, kwargs, self._budget)
        if kwargs or not 1 <= len(args) <= 2:
            raise Refused("E107", '"get" takes a key and a default', word="get")
        part = lookup(value, args[0], _label(target.node))
        return (args[1] if len(args) == 2 else None) if isinstance(part, Missing) else part

    def _arguments(
        self, node: nodes.Call | nodes.Filter | nodes.Test
    ) -> tuple[list[Value], dict[str, Value]]:
        if node.dyn_args or node.dyn_kwargs:
            raise Refused(
                "E105", '"*" and "**" cannot stand in brackets here', "write the values out"
            )
        args = [self.result(argument) for argument in node.args]
        return args, {str(pair.key): self.result(pair.value) for pair in node.kwargs}

    def _filter(self, node: nodes.Filter) -> Value:
        if node.node is None:
            raise Refused("E103", "filter blocks are statements")
        value = self._evaluate(node.node)
        args, kwargs = self._arguments(node)
        if node.name in ("default", "d"):
            return _default(value, args, kwargs)
        settled = self._budget.settle(value)
        if node.name in OTHER_FILTERS:
            return self._item_by_item(node.name, settled, args, kwargs)
        return call_filter(node.name, settled, args, kwargs, self._budget)

    def _test(self, node: nodes.Test) -> Value:
        value = self._evaluate(node.node)
        if node.name in ("defined", "undefined"):
            return isinstance(value, Missing) == (node.name == "undefined")
        args, kwargs = self._arguments(node)
        return call_test(
            node.name, self._budget.settle(value), [*args, *kwargs.values()], self._budget
        )

    def _item_by_item(
        self, name: str, value: Value, args: list[Value], kwargs: dict[str, Value]
    ) -> Value:
        """`map`, `select`, `reject`, `selectattr` and `rejectattr`, as Jinja2 defines them."""
        if is_mapping(value):
            value = list(value)
        if not isinstance(value, list):
            raise Refused("E107", f'"{name}" needs a list; this is {kind(value)}', word=name)
        if name == "map":
            return self._budget.settle([self._mapped(item, args, kwargs) for item in value])
        wanted = name.startswith("select")
        by_part = name.endswith("attr")
        if by_part and not args:
            raise Refused("E107", f'"{name}" needs the name of a part', word=name)
        path, rest = (args[0], args[1:]) if by_part else (None, args)
        return [item for item in value if self._holds(self._part(item, path), rest) == wanted]

    def _mapped(self, item: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
        if "attribute" in kwargs:
            part = self._part(item, kwargs["attribute"])
            return kwargs["default"] if isinstance(part, Missing) and "default" in kwargs else part
        if not args:
            raise Refused("E107", '"map" needs a filter or `attribute=…`', word="map")
        if not isinstance(args[0], str):
            raise Refused("E107", '"map" needs the name of a filter in quotes', word="map")
        if args[0] in OTHER_FILTERS:
            raise Refused("E105", f'"map" cannot run "{args[0]}"', word="map")
        return call_filter(args[0], item, args[1:], kwargs, self._budget)

    def _part(self, item: Value, path: Value) -> Value:
        """`path` is None for the item itself, or names with dots between them."""
        self._budget.spend(2)
        for step in str(path).split(".") if path is not None else ():
            item = lookup(item, int(step) if step.isdecimal() else step, "an item of the list")
        return item

    def _holds(self, value: Value, test: list[Value]) -> bool:
        if test and test[0] in ("defined", "undefined"):
            return isinstance(value, Missing) == (test[0] == "undefined")
        if isinstance(value, Missing):
            raise value.problem
        if not test:
            return bool(value)
        if not isinstance(test[0], str):
            raise Refused("E107", "a test is named in quotes", "write it as `select('odd')`")
        return call_test(test[0], value, test[1:], self._budget)


def _default(value: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """Jinja2's `default(value='', boolean=false)`."""
    if len(args) > 2 or set(kwargs) - {"default_value", "boolean"}:
        raise Refused("E107", '"default" takes a value and true or false', word="default")
    instead = args[0] if args else kwargs.get("default_value", "")
    falsy_too = args[1] if len(args) > 1 else kwargs.get("boolean", False)
    return instead if isinstance(value, Missing) or (falsy_too and not value) else value


def _label(node: nodes.Node) -> str:
    """How a message calls the value of `node`: `vars.limits`, or "this"."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        before = _label(node.node)
        return "this" if before == "this" else f"{before}.{node.attr}"
    return "this"


_HANDLERS: dict[type[nodes.Node], Callable[[Evaluator, Any], Value]] = {
    nodes.Name: Evaluator._name,
    nodes.Getattr: Evaluator._attribute,
    nodes.Getitem: Evaluator._item,
    nodes.Const: Evaluator._constant,
    nodes.List: Evaluator._series,
    nodes.Tuple: Evaluator._series,
    nodes.Dict: Evaluator._dictionary,
    nodes.Neg: Evaluator._unary,
    nodes.Pos: Evaluator._unary,
    nodes.Not: Evaluator._not,
    nodes.And: Evaluator._and,
    nodes.Or: Evaluator._or,
    nodes.Concat: Evaluator._concatenation,
    nodes.Compare: Evaluator._comparison,
    nodes.CondExpr: Evaluator._condition,
    nodes.Call: Evaluator._call,
    nodes.Filter: Evaluator._filter,
    nodes.Test: Evaluator._test,
    **dict.fromkeys(
        (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow),
        Evaluator._binary,
    ),
}
