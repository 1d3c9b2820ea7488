# SPDX-License-Identifier: GPL-2.0-or-later
"""CPUs that take turns: who waits for whom, and what can never end."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from model.cpus import Cpus
from model.interfaces import Crash
from model.locks import Lock

A, B = Lock("a"), Lock("b")


class Story:
    """CPUs that write down what they do."""

    def __init__(self) -> None:
        self.cpus = Cpus("first")
        self.told: list[str] = []

    def lock(self, lock: Lock, released: Callable[[], None] = lambda: None) -> AbstractContextManager[None]:
        return self.cpus.locked(lock, lambda waited: self.told.append(f"waits for {waited}"), released)

    def second(self, *locks: Lock) -> Callable[[], None]:
        def work() -> None:
            if locks:
                with self.lock(locks[0]):
                    self.second(*locks[1:])()
            else:
                self.told.append(f"{self.cpus.running.context} works")

        return work


def test_an_event_that_needs_no_lock_runs_to_its_end() -> None:
    story = Story()
    with story.lock(A):
        story.cpus.interrupt("second", story.second(B))
        story.told.append("first goes on")
    assert story.told == ["second works", "first goes on"]
    assert story.cpus.running.context == "first"


def test_one_that_needs_a_lock_goes_on_when_it_is_given_back() -> None:
    story = Story()
    with story.lock(A, lambda: story.told.append("released")):
        story.cpus.interrupt("second", story.second(B, A))
        story.told.append("first goes on")
    assert story.told == ["waits for a", "first goes on", "second works", "released"]


def test_two_wait_in_the_order_in_which_they_came() -> None:
    story = Story()
    with story.lock(A):
        story.cpus.interrupt("second", story.second(A))
        story.cpus.interrupt("third", story.second(A))
    assert story.told == ["waits for a", "waits for a", "second works", "third works"]


def test_a_lock_taken_twice_is_a_crash() -> None:
    story = Story()
    with pytest.raises(Crash, match="circle: a"), story.lock(A), story.lock(A):
        pass


def test_a_circle_of_waits_is_a_crash() -> None:
    story = Story()
    with pytest.raises(Crash, match="circle: b, a"), story.lock(A):
        story.cpus.interrupt("second", story.second(B, A))
        with story.lock(B):
            pass
    story.cpus.abandon()
    assert story.told == ["waits for a", "waits for b"]


def test_what_goes_wrong_on_another_cpu_is_raised_where_it_was_let_in() -> None:
    def broken() -> None:
        raise Crash("broken")

    story = Story()
    with pytest.raises(Crash, match="broken"), story.lock(A):
        story.cpus.interrupt("second", broken)
    assert story.cpus.held() == []
