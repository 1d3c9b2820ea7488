# SPDX-License-Identifier: GPL-2.0-or-later
"""What must hold after every step. The oracle is what devices can reach, never the guest's own bookkeeping alone.

An invariant has an id, one sentence (its docstring), the subjects it is about in a scene, and a predicate on one
subject. Ids and sentences are `../DESIGN.md`'s; where a sentence here says more, `note` gives the reason.
"""

from model.invariants import calls, events, kexec, mappings, regions  # noqa: F401 importing them fills the registry, in order
from model.invariants.registry import INVARIANTS, Invariant, Violation, judge
from model.invariants.scene import Scene

__all__ = ["INVARIANTS", "Invariant", "Scene", "Violation", "judge"]
