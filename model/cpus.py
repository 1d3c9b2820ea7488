# SPDX-License-Identifier: GPL-2.0-or-later
"""CPUs that take turns: an event that comes in the middle of another one, and waits for the locks that this holds.

One CPU runs at a time. `interrupt` starts another one, which runs until its work ends or a lock is held by somebody else;
a lock that is given back lets the first who waits for it go on. Threads only keep the stacks apart.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Semaphore, Thread
from typing import Generic, TypeVar

from model.interfaces import Crash
from model.locks import Lock

C = TypeVar("C")


class _Abandoned(BaseException):
    """The run is over; whoever still waits for a lock ends here."""


class KernelGone(BaseException):
    """The kernel crashed in the middle of an event; its stacks unwind, and nothing that they still call happens."""


class Cpu(Generic[C]):
    """One CPU: what it is at (`context`), the lock that it waits for, and who goes on when it stops."""

    def __init__(self, context: C) -> None:
        self.context = context
        self.waits_for: Lock | None = None
        self.turn = Semaphore(0)
        self.resumer: Cpu[C] | None = None
        self.error: BaseException | None = None


class Cpus(Generic[C]):
    """All CPUs of a partition and the locks that they hold. running: the one whose turn it is."""

    def __init__(self, context: C) -> None:
        """The first CPU, at `context`."""
        self.running = Cpu(context)
        self._owners: dict[Lock, Cpu[C]] = {}
        self._waiting: list[Cpu[C]] = []
        self._over = False

    @contextmanager
    def locked(self, lock: Lock, waited: Callable[[Lock], None], released: Callable[[], None]) -> Iterator[None]:
        """Hold a lock. waited: told if it had to be waited for; released: called once it is free again.

        Crash if that can never be: the lock is held already, or by somebody who waits for what this CPU holds.
        """
        owner = self._owners.get(lock)
        if owner is not None:
            waited(lock)
            while (owner := self._owners.get(lock)) is not None:
                self._wait(lock, owner)
        self._owners[lock] = self.running
        try:
            yield
        finally:
            del self._owners[lock]
        while lock not in self._owners and (cpu := self._next(lock)) is not None:
            self._waiting.remove(cpu)
            cpu.waits_for = None
            self._run(cpu)
        released()

    def _next(self, lock: Lock) -> Cpu[C] | None:
        return next((cpu for cpu in self._waiting if cpu.waits_for == lock), None)

    def held(self) -> list[Lock]:
        """The locks that the running CPU holds."""
        return [lock for lock, owner in self._owners.items() if owner is self.running]

    def interrupt(self, context: C, work: Callable[[], None]) -> None:
        """Let another CPU do some work until it ends or has to wait; what goes wrong there is raised here."""
        cpu = Cpu(context)

        def run() -> None:
            cpu.turn.acquire()
            try:
                work()
            except _Abandoned:
                pass
            except BaseException as error:
                cpu.error = error
            self._yield(cpu)

        Thread(target=run, daemon=True).start()
        self._run(cpu)

    def abandon(self) -> None:
        """Its kernel is over: those who still wait for a lock are let go, and do nothing any more."""
        self._over = True
        for cpu in self._waiting:
            with suppress(KernelGone):
                self._run(cpu)
        self._waiting, self._owners, self._over = [], {}, False

    def _run(self, cpu: Cpu[C]) -> None:
        me = cpu.resumer = self.running
        self.running = cpu
        cpu.turn.release()
        me.turn.acquire()
        if cpu.error is not None:
            error, cpu.error = cpu.error, None
            raise error

    def _yield(self, cpu: Cpu[C]) -> None:
        assert cpu.resumer is not None
        self.running = cpu.resumer
        cpu.resumer.turn.release()

    def _wait(self, lock: Lock, owner: Cpu[C]) -> None:
        me = self.running
        chain = [lock]
        while owner is not me and owner.waits_for is not None:
            chain.append(owner.waits_for)
            owner = self._owners[owner.waits_for]
        if owner is me:
            raise Crash("locks are waited for in a circle: " + ", ".join(chain))
        me.waits_for = lock
        self._waiting.append(me)
        self._yield(me)
        me.turn.acquire()
        if self._over:
            raise _Abandoned
