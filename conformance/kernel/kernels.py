# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs of one tree: what `Run` makes its guest with, and where in the tree a call came from."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from conformance.kernel.build import BuildFailed, Variant, build
from conformance.kernel.guest import CompiledKernel
from conformance.kernel.places import Place, place
from conformance.kernel.tree import Tree
from conformance.kernel.worker import Program
from conformance.scope import drives
from conformance.storm import Storm
from model.events import Event
from model.interfaces import Boot, Port
from model.profiles import Lpar
from model.run import Done, Run

PAGES = (12, 16)
"""log2 of the sizes that a kernel's page can have."""


class Kernels:
    """A tree's programs, one for each size of the kernel's page, compiled and started when first needed.

    Called as `Run` calls its maker of guests. Context manager: what it started ends with it. BuildFailed as from build().
    callers: addresses from which calls came, for all boots since it was last cleared. counts: a folder for what programs
    built for coverage count, see conformance.coverage.
    """

    def __init__(self, tree: Tree, folder: Path, variant: Variant | None = None, counts: Path | None = None) -> None:
        self.tree, self._folder, self._variant, self._counts = tree, folder, variant or Variant(), counts
        self.callers: list[int] = []
        self._programs: dict[int, Program] = {}
        self._storms: dict[int, Storm] = {}
        self._stack = ExitStack()

    def __enter__(self) -> "Kernels":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, lpar: Lpar, port: Port, _reached: Callable[[str], None], boot: Boot) -> CompiledKernel:
        """One boot."""
        return CompiledKernel(self.program(lpar.page), lpar, port, self.callers, boot)

    def drives(self, event: Event) -> bool:
        """Whether an event can happen to this kernel at all."""
        return drives(self.tree.version, event)

    def program(self, page: int) -> Program:
        """The program for kernel pages of 2^page bytes."""
        if page not in self._programs:
            self._programs[page] = self._stack.enter_context(
                Program(self._build(page), self._counts and self.counts_of(page))
            )
        return self._programs[page]

    def _build(self, page: int) -> Path:
        try:
            return build(self.tree, replace(self._variant, page=page), self._folder)
        except BuildFailed as failed:
            raise BuildFailed(f"{self.tree.root}: Linux {self.tree.release} does not build here: {failed}") from None

    def storm(self, page: int) -> Storm:
        """The process for storms on kernel pages of 2^page bytes."""
        if page not in self._storms:
            self._storms[page] = self._stack.enter_context(Storm(self._build(page).with_name("storm")))
        return self._storms[page]

    def start(self) -> None:
        """Compile and start what a search needs, so that its time is its own."""
        for page in PAGES:
            self.program(page)

    def anew(self) -> None:
        """End what was started; it starts again when next needed. For after an interruption, which may come in any answer."""
        self._stack.close()
        self._programs.clear()
        self._storms.clear()

    def counts_of(self, page: int) -> Path:
        """Where the program for that page size leaves its counts."""
        assert self._counts is not None
        folder = self._counts / str(page)
        folder.mkdir(exist_ok=True)
        return folder

    def paths(self) -> dict[int, Path]:
        """The programs that have been started, by log2 of the kernel's page."""
        return {page: program.path for page, program in self._programs.items()}

    def last_place(self, run: Run) -> Place | None:
        """Where the last call of a run's last step came from, if that made one; `callers` must end with that run's."""
        made = bool(run.history and run.history[-1].crossings and self.callers)
        return place(self.program(run.lpar.page).path, self.callers[-1]) if made else None

    def places(self, run: Run) -> list[list[Place | None]]:
        """Where the calls of each step of a run came from, None where it is not known; clear `callers` before such a run.

        Which call is whose is not told apart in a step in which other CPUs were let in.
        """
        program = self.program(run.lpar.page).path
        at = len(self.callers) - sum(map(_crossed, run.history))
        places: list[list[Place | None]] = []
        for done in run.history:
            callers = self.callers[at : at + _crossed(done)]
            at += len(callers)
            places.append([None] * len(done.crossings) if done.inside else [place(program, one) for one in callers])
        return places


def _crossed(done: Done) -> int:
    """The calls of a step, and of what came inside it."""
    return len(done.crossings) + sum(_crossed(other) for _, other in done.inside)
