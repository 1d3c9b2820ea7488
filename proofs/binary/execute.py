# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine code of one decision as a formula. Run by the Python of an environment with angr; imports nothing of ours.

Each line of standard input is a question: the program, the decision's function, how many words it is asked and tells, a
bound on these, whether paths are to be merged, and the seconds it may take. Each line of standard output is an answer: a path
for each way through the code, as SMT-LIB 2 over asked0.. and told0.., or why there is none.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import angr
import claripy
import z3
from angr.concretization_strategies import SimConcretizationStrategyRange

MOST_ADDRESSES = 128
"""Places that a symbolic address may stand for; each of them is kept. Where there are more, there is no answer."""
MOST_PATHS = 4096
END = "Iend_LE"


class Condition(NamedTuple):
    """A fact in the form that a merge of states asks for."""

    fact: Any

    def to_claripy(self) -> Any:
        """The fact."""
        return self.fact


class NoAnswer(Exception):
    """Why a decision has no formula."""


def answer(question: dict[str, Any], projects: dict[str, Any]) -> dict[str, Any]:
    """Every path of a decision, or an error."""
    began = time.process_time()
    try:
        program = question["program"]
        project = projects.setdefault(program, angr.Project(program, auto_load_libs=False))
        ends = list(explore(start(project, question), question, began + question["seconds"]))
        place = project.loader.find_symbol("told").rebased_addr
        paths = [path(state, place, question["told"]) for state in ends]
    except NoAnswer as reason:
        return {"error": str(reason)}
    except Exception as error:  # of angr's: an answer that it could not give is none
        return {"error": f"{type(error).__name__}: {error}"}
    return {"paths": paths, "seconds": time.process_time() - began}


def start(project: Any, question: dict[str, Any]) -> Any:
    """The state before the first instruction: the words that are asked are free, and bounded."""
    options = {angr.options.ZERO_FILL_UNCONSTRAINED_REGISTERS, angr.options.ZERO_FILL_UNCONSTRAINED_MEMORY}
    function = project.loader.find_symbol(question["decision"])
    if function is None:
        raise NoAnswer(f"the program has no {question['decision']}")
    state = project.factory.call_state(function.rebased_addr, add_options=options)
    place = project.loader.find_symbol("asked").rebased_addr
    for number in range(question["asked"]):
        free = claripy.BVS(f"asked{number}", 64, explicit_name=True)
        state.memory.store(place + 8 * number, free, endness=END)
    state.memory.read_strategies = [SimConcretizationStrategyRange(MOST_ADDRESSES)]
    state.memory.write_strategies = [SimConcretizationStrategyRange(MOST_ADDRESSES)]
    solver = claripy.backends.z3
    state.solver.add(*(solver._abstract(fact) for fact in z3.parse_smt2_string(question["bound"])))
    if not state.solver.satisfiable():
        raise NoAnswer("no input is within the bound")
    return state


def explore(first: Any, question: dict[str, Any], until: float) -> Iterator[Any]:
    """The states in which the decision has returned."""
    manager = first.project.factory.simulation_manager(first)
    manager.populate("waiting", [])
    while manager.active:
        if time.process_time() > until:
            raise NoAnswer(f"not done after {question['seconds']} s")
        if len(manager.active) + len(manager.deadended) > MOST_PATHS:
            raise NoAnswer(f"more than {MOST_PATHS} paths")
        if question["merge"]:
            merge_first(manager)
            manager.step(num_inst=1)  # ways may meet in the middle of a block
            manager.move("waiting", "active")
        else:
            manager.step()
        if manager.errored or getattr(manager, "unconstrained", ()):
            raise NoAnswer(f"a path is lost: {manager.errored or 'it jumps to an address that is not known'}")
    if not manager.deadended:
        raise NoAnswer("no path returns")
    yield from manager.deadended


def merge_first(manager: Any) -> None:
    """Leave active what is furthest behind, as one state: the deepest calls first, then the lowest address.

    Two ways around an `if` meet behind it, since the code of both lies before. A condition for each tells them apart.
    """
    where = {id(state): (-len(state.callstack), state.addr) for state in manager.active}
    behind = min(where.values())
    manager.move("active", "waiting", lambda state: where[id(state)] != behind)
    one, *others = manager.active
    if others:
        facts = [state.solver.constraints for state in manager.active]
        common = [fact for fact in facts[0] if all(any(fact is other for other in those) for those in facts[1:])]
        own = [[fact for fact in those if not any(fact is other for other in common)] for those in facts]
        one, _, _ = one.merge(*others, merge_conditions=[[Condition(fact) for fact in those] for those in own])
        one.solver.reload_solver([*common, claripy.Or(*(claripy.And(*those) for those in own))])
        manager.stashes["active"] = [one]


def path(state: Any, place: int, told: int) -> str:
    """When a path is taken and what is told on it, as SMT-LIB 2."""
    if state.history.jumpkind == "Ijk_Exit" or state.addr != state.project.simos.return_deadend:
        raise NoAnswer("a path ends in a crash, a warning, or what the harness does not supply")
    convert = claripy.backends.z3.convert
    solver = z3.Solver(ctx=convert(claripy.BVV(0, 64)).ctx)
    solver.add(*(convert(fact) for fact in state.solver.constraints))
    for number in range(told):
        value = state.memory.load(place + 8 * number, 8, endness=END)
        word = convert(value)
        solver.add(z3.BitVec(f"told{number}", 64, ctx=word.ctx) == word)
    return str(solver.to_smt2())


def main() -> None:
    """Answer questions until there are no more."""
    logging.disable(logging.CRITICAL)
    projects: dict[str, Any] = {}
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line), projects)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
