# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of proofs that went through, kept by the hash of all that they rest on. Anything else is proved anew each time."""

import ast
import json
import sys
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from model.defects import of_release
from proofs import judged
from proofs.judged import Question, Row
from proofs.obligation import Obligation
from proofs.prover import Verdict
from proofs.symbolic import RLIMIT

OURS = ("model", "proofs")
SOLVERS = ("z3-solver", "bitwuzla", "dratify", "cdclkit-native")


def solvers() -> dict[str, str]:
    """The solvers' versions."""
    return {name: version(name) for name in SOLVERS}


def key(obligation: Obligation, question: Question) -> str:
    """A name for all that the row depends on: the sources, the solvers, Python, the question."""
    modules = {obligation.body.__module__, judged.__name__}
    modules |= {defect.by.__module__ for defect in of_release(question.release)}
    texts = sorted((name, digest) for root in modules for name, digest in sources(root))
    parts = [obligation.key, texts, solvers(), sys.version, RLIMIT, question]
    return sha256(json.dumps(parts).encode()).hexdigest()


@cache
def sources(root: str) -> frozenset[tuple[str, str]]:
    """A module of ours and all of ours that it imports, in turn: names and hashes."""
    found: dict[str, str] = {}
    todo = [root]
    while todo:
        name = todo.pop()
        if name not in found:
            found[name], imports = _read(name)
            todo += imports
    return frozenset(found.items())


@cache
def _read(name: str) -> tuple[str, list[str]]:
    """A module's hash, and the modules of ours that it imports."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    text = Path(spec.origin).read_bytes()
    names = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OURS:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    ours = [n for n in names if n.split(".")[0] in OURS and _is_module(n)]
    return sha256(text).hexdigest(), ours


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is no package
        return False


def load(folder: Path, name: str) -> Row | None:
    """The row kept under a name; None if there is none that can be read."""
    try:
        row = cast(Row, json.loads((folder / f"{name}.json").read_text()))
        row["cached"] = True
        return row if is_kept(row) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def store(folder: Path, name: str, row: Row) -> None:
    """Keep a row if it is one of a proof that went through."""
    if is_kept(row):
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"{name}.{row['id'].replace(':', '-')}.new"
        fresh.write_text(json.dumps(row))
        fresh.replace(folder / f"{name}.json")


def is_kept(row: Row) -> bool:
    """Whether a row says PROVED without a complaint."""
    return row["verdict"] == Verdict.PROVED and row["complaints"] == []
