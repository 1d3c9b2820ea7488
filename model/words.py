# SPDX-License-Identifier: GPL-2.0-or-later
"""64-bit unsigned words for pure decisions: the same text runs on ints here and on bit-vectors in `proofs/`.

A decision is written with C's unsigned operators, plain `if` for control flow and `select`, `umin`, `umax` for data.
What C leaves undefined (a shift count of 64 or more) or what would wrap silently is an error here and an obligation
in a proof. A bit-vector offers the same operators; its comparisons answer conditions that offer `select`.
"""

from typing import Any

BITS = 64
LIMIT = 1 << BITS


class WordError(ArithmeticError):
    """A shift count of 64 or more, or a result outside 0 .. 2^64 - 1."""


class Word(int):
    """An int in 0 .. 2^64 - 1 whose operators raise WordError instead of wrapping."""

    __slots__ = ()

    def __add__(self, other: int) -> "Word":
        return _checked(int.__add__(self, other), "+")

    def __radd__(self, other: int) -> "Word":
        return _checked(int.__add__(self, other), "+")

    def __sub__(self, other: int) -> "Word":
        return _checked(int.__sub__(self, other), "-")

    def __rsub__(self, other: int) -> "Word":
        return _checked(int.__sub__(other, self), "-")

    def __mul__(self, other: int) -> "Word":
        return _checked(int.__mul__(self, other), "*")

    def __rmul__(self, other: int) -> "Word":
        return _checked(int.__mul__(self, other), "*")

    def __floordiv__(self, other: int) -> "Word":
        return _checked(int.__floordiv__(self, other), "//")

    def __mod__(self, other: int) -> "Word":
        return _checked(int.__mod__(self, other), "%")

    def __lshift__(self, count: int) -> "Word":
        return _checked(int.__lshift__(self, _shift_count(count)), "<<")

    def __rlshift__(self, value: int) -> "Word":
        return _checked(int.__lshift__(value, _shift_count(self)), "<<")

    def __rshift__(self, count: int) -> "Word":
        return _checked(int.__rshift__(self, _shift_count(count)), ">>")

    def __rrshift__(self, value: int) -> "Word":
        return _checked(int.__rshift__(value, _shift_count(self)), ">>")

    def __and__(self, other: int) -> "Word":
        return _checked(int.__and__(self, other), "&")

    __rand__ = __and__

    def __or__(self, other: int) -> "Word":
        return _checked(int.__or__(self, other), "|")

    __ror__ = __or__

    def fls(self) -> "Word":
        """The number of the highest one bit counted from 1; 0 for 0. Linux: fls64()."""
        return _new(Word, self.bit_length())


_new = int.__new__


def _checked(value: int, operator: str) -> Word:
    if value is NotImplemented:
        return NotImplemented  # type: ignore[no-any-return]  # the other operand is a bit-vector: Python asks it next
    if 0 <= value < LIMIT:
        return _new(Word, value)
    raise WordError(f"result of {operator} is outside 64 bits: {value:#x}")


def _shift_count(count: int) -> int:
    if not isinstance(count, int):
        return NotImplemented
    if not 0 <= count < BITS:
        raise WordError(f"shift count {count} is outside 0..63")
    return int(count)


def word(value: int) -> Word:
    """`value` as a word; WordError if it does not fit. A bit-vector is one already."""
    if not isinstance(value, int):
        return value
    return _new(Word, value) if 0 <= value < LIMIT else _checked(value, "conversion")


def plain(value: Any) -> Any:
    """A word as an int that may be added to and taken from without limits. A bit-vector has no other form."""
    return int(value) if isinstance(value, int) else value


def select(condition: Any, yes: Any, no: Any) -> Word:
    """`yes` if `condition` else `no`, as data: a symbolic condition becomes an if-then-else, not a second path."""
    if isinstance(condition, bool):
        return word(yes if condition else no)
    return condition.select(yes, no)  # type: ignore[no-any-return]


def umin(a: Any, b: Any) -> Word:
    """The smaller of two words."""
    return select(a < b, a, b)


def umax(a: Any, b: Any) -> Word:
    """The larger of two words."""
    return select(a < b, b, a)


def floor_to(value: Any, shift: Any) -> Word:
    """`value` rounded down to a multiple of 2^shift."""
    return (value >> shift) << shift  # type: ignore[no-any-return]


def ceil_to(value: Any, shift: Any) -> Word:
    """`value` rounded up to a multiple of 2^shift."""
    size = word(1) << shift
    return floor_to(value + (size - 1), shift)
