# SPDX-License-Identifier: GPL-2.0-or-later
"""z3 expressions as a Python function of their inputs, so that they can be worked out a hundred thousand times.

SMT-LIB's meaning of each operation, written apart from `proofs.symbolic` and from z3.
"""

from collections.abc import Callable, Sequence
from typing import Any

import z3

FORMS = {
    z3.Z3_OP_TRUE: "True", z3.Z3_OP_FALSE: "False",
    z3.Z3_OP_BADD: "({all+}) & {mask}", z3.Z3_OP_BMUL: "({all*}) & {mask}", z3.Z3_OP_BSUB: "({0} - {1}) & {mask}",
    z3.Z3_OP_BUDIV: "({0} // {1} if {1} else {mask})", z3.Z3_OP_BUREM: "({0} % {1} if {1} else {0})",
    z3.Z3_OP_BSHL: "(({0} << {1}) & {mask} if {1} < {size} else 0)",
    z3.Z3_OP_BLSHR: "({0} >> {1} if {1} < {size} else 0)",
    z3.Z3_OP_BAND: "{all&}", z3.Z3_OP_BOR: "{all|}", z3.Z3_OP_BXOR: "{all^}", z3.Z3_OP_BNOT: "{0} ^ {mask}",
    z3.Z3_OP_BNEG: "-{0} & {mask}", z3.Z3_OP_ZERO_EXT: "{0}",
    z3.Z3_OP_ULEQ: "{0} <= {1}", z3.Z3_OP_ULT: "{0} < {1}", z3.Z3_OP_UGEQ: "{0} >= {1}", z3.Z3_OP_UGT: "{0} > {1}",
    z3.Z3_OP_EQ: "{0} == {1}", z3.Z3_OP_DISTINCT: "({0} != {1})", z3.Z3_OP_ITE: "({1} if {0} else {2})",
    z3.Z3_OP_AND: "({all and })", z3.Z3_OP_OR: "({all or })", z3.Z3_OP_NOT: "not {0}",
}  # fmt: skip
"""Python for each kind of operation; `all` is all operands with a sign between them."""
SAME = {z3.Z3_OP_BUDIV_I: z3.Z3_OP_BUDIV, z3.Z3_OP_BUREM_I: z3.Z3_OP_BUREM}


def compiled(inputs: Sequence[str], expressions: Sequence[Any]) -> Callable[[Sequence[int]], list[Any]]:
    """A function of the named inputs that answers the values of all expressions; KeyError for an unknown operation."""
    names: dict[int, str] = {}
    lines = [f"    {', '.join(inputs)}, = values"]

    def visit(node: Any) -> str:
        if node.get_id() not in names:
            text = _text(node, [visit(child) for child in node.children()])
            names[node.get_id()] = f"v{len(names)}"
            lines.append(f"    {names[node.get_id()]} = {text}")
        return names[node.get_id()]

    answers = ", ".join(visit(expression) for expression in expressions)
    space: dict[str, Any] = {}
    exec("\n".join(["def function(values):", *lines, f"    return [{answers}]"]), space)
    function: Callable[[Sequence[int]], list[Any]] = space["function"]
    return function


def _text(node: Any, operands: list[str]) -> str:
    kind = node.decl().kind()
    size = node.size() if z3.is_bv(node) else 1
    if z3.is_bv_value(node):
        return str(node.as_long())
    if kind == z3.Z3_OP_UNINTERPRETED and not operands:
        return str(node)
    if kind == z3.Z3_OP_EXTRACT:
        _, low = node.params()
        return f"{operands[0]} >> {low} & {(1 << size) - 1}"
    if kind == z3.Z3_OP_CONCAT:
        text = operands[0]
        for operand, child in zip(operands[1:], node.children()[1:], strict=True):
            text = f"({text} << {child.size()} | {operand})"
        return text
    if kind == z3.Z3_OP_DISTINCT and len(operands) > 2:
        raise KeyError(node)
    form = FORMS[SAME.get(kind, kind)]
    if "{all" in form:
        before, sign, after = (
            form.partition("{all")[0],
            form.partition("{all")[2].partition("}")[0],
            form.partition("}")[2],
        )
        form = before + sign.join(operands) + after
    return form.format(*operands, mask=(1 << size) - 1, size=size)
