# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings that are known of a tree, each with the trace that shows it: what is new, and what is gone, is seen from it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.trace import BadTrace, Trace, from_json, to_json

VERSION = 1


class BadBaseline(ValueError):
    """A file that is no baseline; the message is one line."""


@dataclass(frozen=True, slots=True)
class Known:
    """A finding that is known. explained: its entry of FINDINGS.md, "" while nobody has explained it."""

    trace: Trace
    explained: str = ""


def load(path: Path) -> dict[str, Known]:
    """The findings of a baseline file by fingerprint; BadBaseline if it is none, OSError if it cannot be read."""
    try:
        data = json.loads(path.read_text())
        if not isinstance(data, dict) or data.get("ddwcheck_baseline") != VERSION:
            raise BadBaseline("not a ddwcheck baseline of version 1")
        return {name: _known(entry) for name, entry in data["findings"].items()}
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise BadBaseline("not JSON, no baseline") from None
    except (BadTrace, KeyError, TypeError, AttributeError) as wrong:
        raise BadBaseline(f"damaged: {wrong}") from None


def _known(entry: Mapping[str, Any]) -> Known:
    return Known(from_json(entry["trace"]), str(entry["explained"]))


def store(path: Path, release: str, findings: Mapping[str, Known]) -> None:
    """Write a baseline, whole or not at all."""
    data = {
        "licence": "SPDX-License-Identifier: GPL-2.0-or-later",
        "ddwcheck_baseline": VERSION,
        "release": release,
        "findings": {
            name: {"explained": known.explained, "trace": to_json(known.trace)}
            for name, known in sorted(findings.items())
        },
    }
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(data, indent=1) + "\n")
    fresh.replace(path)
