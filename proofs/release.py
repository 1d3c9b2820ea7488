# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of a release: which of them a theorem is about there, if the release runs it at all."""

from collections.abc import Callable, Iterable, Iterator
from dis import Instruction, get_instructions
from types import CodeType, FunctionType, ModuleType
from typing import Any

from model.defects import apply, of_release
from model.guest.kernel import Kernel
from model.interfaces import Guest
from proofs.prover import Rule


def rule_in(kernel: type[Kernel], about: Rule) -> Rule | None:
    """What a kernel runs where the reference runs `about`; None if it decides in another way."""
    if kernel is Kernel:
        return about
    name = next((name for name, rule in vars(Kernel).items() if getattr(rule, "__func__", rule) is about), None)
    rule: Rule = getattr(kernel, name) if name else about
    return rule if rule in reached(kernel) else None


def reached(kernel: type[Kernel]) -> set[Callable[..., Any]]:
    """The model's functions that the events of a guest lead to."""
    return leads_to([getattr(kernel, name, None) for name in vars(Guest)], kernel)


def leads_to(roots: Iterable[Any], kernel: type[Kernel]) -> set[Callable[..., Any]]:
    """Functions, and those of the model that they lead to by the names in their code."""
    found: set[Callable[..., Any]] = set()
    todo = [root for root in roots if isinstance(root, FunctionType)]
    while todo:
        function = todo.pop()
        if function not in found:
            found.add(function)
            todo += [f for f in _named_in(function, kernel) if f.__module__.startswith("model.")]
    return found


def _named_in(function: FunctionType, kernel: type[Kernel]) -> Iterator[FunctionType]:
    """What a function's code names: globals of its module, and attributes of these or of the kernel."""
    instructions = list(_instructions(function.__code__))
    attributes = {i.argval for i in instructions if i.opname in ("LOAD_ATTR", "LOAD_METHOD")}
    values = [function.__globals__.get(i.argval) for i in instructions if i.opname == "LOAD_GLOBAL"]
    owners = (kernel, *(value for value in values if isinstance(value, ModuleType)))
    values += [getattr(owner, name, None) for owner in owners for name in attributes]
    for value in values:
        of_class = isinstance(value, type) and not issubclass(value, Kernel)
        for part in vars(value).values() if of_class else (value,):
            if isinstance(part, FunctionType):
                yield part


def _instructions(code: CodeType) -> Iterator[Instruction]:
    yield from get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)


def kernel_of(release: str) -> type[Kernel]:
    """The guest of a release; KeyError for one that is not known."""
    return apply(Kernel, of_release(release))
