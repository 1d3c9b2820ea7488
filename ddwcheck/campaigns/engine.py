# SPDX-License-Identifier: GPL-2.0-or-later
"""The workers of a campaign: Dask's, on this machine or on a cluster. What a lost one had is given out again."""

import logging
import signal
import warnings
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import Any

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, WorkerPlugin
from hypothesis.errors import HypothesisDeprecationWarning

logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)  # of what happens to workers, this module tells
AHEAD = 2
"""Tasks that are given out for each worker: one to be carried out, one that waits."""
TRIES = 5
"""How often a task may end the worker that carries it out; the scheduler itself gives it to ALLOWED of them."""
ALLOWED = 10
PATIENCE = 600.0
"""Seconds to wait for a lost scheduler, or for a first worker."""
CONNECT = 30
"""Seconds in which a scheduler must answer."""
TICK, LOOK = 0.5, 0.02
"""Seconds after which `answers` comes back with nothing, and between two looks at what has ended."""


class NoWorkers(Exception):
    """There is no scheduler at that address, or nobody to carry out what it is given; the message is one line."""


@dataclass(frozen=True, slots=True)
class Task:
    """A call to be carried out by a worker. what: whatever the caller knows it by."""

    what: Any
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """In place of an answer: why there is none."""

    why: str


class Quiet(WorkerPlugin):  # type: ignore[misc]  # of a package without all types
    """Ctrl-C is for the process that collects the answers. And it is Dask's own thread that uses `random`, no strategy."""

    name = "quiet"

    def setup(self, worker: Any) -> None:
        """On each worker's start."""
        warnings.filterwarnings("ignore", "Do not use the `random` module", HypothesisDeprecationWarning)
        with suppress(ValueError):  # a worker that is a thread of something else
            signal.signal(signal.SIGINT, signal.SIG_IGN)


class Engine:
    """Workers, one process for each core that they may use. Context manager: what it started ends with it."""

    def __init__(self, jobs: int, scheduler: str | None) -> None:
        self._jobs, self._scheduler = jobs, scheduler
        self._stack = ExitStack()
        self.lost = 0
        """How often a worker or the scheduler went away with a task."""

    def __enter__(self) -> "Engine":
        try:
            self._client = self._connect()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _connect(self) -> Client:
        """Start the workers or find them. NoWorkers if nothing answers."""
        self._stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": ALLOWED}))
        try:
            where = self._scheduler or self._stack.enter_context(self._local())
            client = self._stack.enter_context(Client(where, timeout=CONNECT))
            client.register_plugin(Quiet())
        except (OSError, ValueError, RuntimeError) as error:
            what = f"no scheduler answers at {self._scheduler}" if self._scheduler else "no worker starts"
            raise NoWorkers(f"{what}: {error}") from None
        self._last_seen = monotonic()
        return client

    def _local(self) -> LocalCluster:
        return LocalCluster(
            n_workers=self._jobs, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1",
            silence_logs=logging.CRITICAL + 1,
        )  # fmt: skip

    def _again(self) -> None:
        """Connect to a scheduler that was lost; NoWorkers if none comes back in time."""
        end = monotonic() + PATIENCE
        while True:
            with suppress(Exception):  # of a connection that is gone already
                self._stack.close()
            try:
                self._client = self._connect()
                return
            except NoWorkers as gone:
                if monotonic() > end:
                    raise NoWorkers(f"the scheduler was lost and did not come back: {gone}") from None
                sleep(TICK)

    def answers(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Any] | None]:
        """Each task with its answer, or Failed, in the order in which they end; None now and then while nothing has ended.

        Tasks are taken as there is room for them, so that their end may depend on answers, or on the clock.
        """
        waiting, under_way = list[Task](), dict[Future, Task]()
        source = iter(tasks)
        while True:
            try:
                for _ in range(self._room() - len(under_way)):
                    task = waiting.pop() if waiting else next(source, None)
                    if task is not None:
                        waiting.append(task)  # until it is given out
                        under_way[self._submit(task)] = waiting.pop()
                if not under_way:
                    return
                ended = self._ended(under_way)
            except (OSError, RuntimeError):
                waiting += self._lost(under_way)
                continue
            yield None
            for future in ended:
                task = under_way.pop(future)
                answer = self._answer(future, task)
                if isinstance(answer, Task):
                    self.lost += 1
                    waiting.append(answer)
                else:
                    yield task, answer
            if self._client.status != "running":
                waiting += self._lost(under_way)

    def _room(self) -> int:
        """How many tasks may be under way. NoWorkers if there has been nobody for too long to carry them out."""
        threads = sum(map(int, self._client.nthreads().values()))
        self._last_seen = monotonic() if threads else self._last_seen
        if monotonic() - self._last_seen > PATIENCE:
            raise NoWorkers(f"the scheduler has had no worker for {PATIENCE:.0f} s")
        return AHEAD * max(1, threads)

    def _submit(self, task: Task) -> Future:
        return self._client.submit(task.function, *task.arguments, pure=False)

    @staticmethod
    def _ended(under_way: Iterable[Future]) -> list[Future]:
        """Those that have ended, in the order in which they were given out; none, after a while."""
        end = monotonic() + TICK
        while True:
            ended = [future for future in under_way if future.status != "pending"]
            if ended or monotonic() > end:
                return ended
            sleep(LOOK)

    def _answer(self, future: Future, task: Task) -> Any:
        """What a task came to; the task itself if it was lost."""
        if future.status == "finished":
            try:
                return future.result(timeout=PATIENCE)
            except (Exception, CancelledError):  # with the worker that had it
                return task
        if future.status != "error":
            return task
        error = future.exception()
        if not isinstance(error, KilledWorker):
            return Failed(f"{type(error).__name__}: {error}")
        if task.tries + 1 < TRIES:
            return replace(task, tries=task.tries + 1)
        return Failed(f"{TRIES * ALLOWED} workers that had it ended")

    def _lost(self, under_way: dict[Future, Task]) -> list[Task]:
        """What was under way with a scheduler that is gone; there is another one then."""
        tasks = list(under_way.values())
        under_way.clear()
        self.lost += len(tasks)
        self._again()
        return tasks
