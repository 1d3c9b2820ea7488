# SPDX-License-Identifier: GPL-2.0-or-later
"""What obligations are written, found without importing them, so that none can be left out unseen."""

import ast
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent


def written() -> set[str]:
    """Every obligation in this folder's files."""
    found = set()
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and any(_is_obligation(d) for d in node.decorator_list):
                found.add(f"{file.name}::{node.name}")
    return found


def _is_obligation(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func).split(".")[-1] == "obligation"


def differences(ran: Iterable[str]) -> list[str]:
    """What ran but is not written, or is written but did not run; a line each."""
    ran = set(ran)
    return [f"did not run: {key}" for key in sorted(written() - ran)] + [
        f"ran, but is not written: {key}" for key in sorted(ran - written())
    ]
