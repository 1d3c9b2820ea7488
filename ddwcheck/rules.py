# SPDX-License-Identifier: GPL-2.0-or-later
"""The map of the guest's rules to the kernel functions that they restate, as the rules' own docstrings name them."""

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType

from conformance.kernel.tree import Tree
from ddwcheck import Verdict
from ddwcheck.kernel import open_tree
from model.guest.kernel import Kernel

FUNCTION = re.compile(r"\b[A-Za-z_]\w+\(\)(?:/\w+\(\))*")
"""A function, or the names that it has had: `iommu_map_page()/iommu_map_phys()`."""
SEARCHED = ("arch/powerpc/kernel", "arch/powerpc/platforms/pseries", "arch/powerpc/kexec", "arch/powerpc/include",
            "kernel/dma", "lib", "include/linux")  # fmt: skip
"""Where in a tree the functions are, or are called from."""


def rules() -> Iterator[tuple[str, FunctionType]]:
    """Every rule of the guest, by its name."""
    for name, value in vars(Kernel).items():
        function = getattr(value, "__func__", value)
        if isinstance(function, FunctionType) and not name.startswith("__"):
            yield name, function


def named_in(text: str | None) -> list[str]:
    """The functions that a docstring names, in order."""
    return list(dict.fromkeys(FUNCTION.findall(text or "")))


def rule_map() -> dict[str, tuple[list[str], list[str]]]:
    """By file of `model/guest`: its rules, and the kernel functions that it and they name."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for name, function in rules():
        module = inspect.getmodule(function)
        assert module is not None and module.__file__ is not None
        names, functions = found.setdefault(Path(module.__file__).name, ([], named_in(module.__doc__)))
        names.append(name)
        functions += [other for other in named_in(function.__doc__) if other not in functions]
    return found


def missing(tree: Tree, functions: Mapping[str, list[str]]) -> list[str]:
    """Of functions, those that nothing in a tree defines or calls."""
    left = set(functions)
    for folder in SEARCHED:
        for path in sorted((tree.root / folder).rglob("*.[ch]")):
            text = path.read_text(errors="replace")
            left -= {names for names in left if re.search(rf"\b({names.replace('()', '').replace('/', '|')})\(", text)}
    return sorted(left)


def users() -> dict[str, list[str]]:
    """By kernel function, the files of `model/guest` that restate it."""
    found: dict[str, list[str]] = {}
    for file, (_, functions) in rule_map().items():
        for function in functions:
            found.setdefault(function, []).append(file)
    return found


def judge(named: str | None) -> tuple[list[str], Verdict]:
    """The map, or what of it is not in a tree; BadInput if that cannot be read."""
    if named is None:
        lines = []
        for file, (names, functions) in sorted(rule_map().items()):
            lines += [f"model/guest/{file}", f"  rules  {', '.join(names)}"]
            lines += [f"  Linux  {', '.join(functions) or '-'}"]
        return lines, Verdict.HOLDS
    tree, known = open_tree(named), users()
    gone = missing(tree, known)
    if not gone:
        return [f"Linux {tree.release} has all {len(known)} functions that the rules restate"], Verdict.HOLDS
    return [
        f"not in Linux {tree.release}: {name}, restated in {', '.join(known[name])}" for name in gone
    ], Verdict.VIOLATED
