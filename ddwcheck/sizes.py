# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes as people write and read them: 64G, 0x1000000, 2^36."""

import re

from ddwcheck import BadInput

UNITS = "KMGTPE"
BITS = 64
LIMIT = 1 << BITS

_DECIMAL = re.compile(rf"([0-9]{{1,20}})(?:([{UNITS}])(?:i?B)?)?")
_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_POWER = re.compile(r"2\^([0-9]{1,2})")


def parse(text: str, what: str) -> int:
    """The number of bytes (or of whatever `what` counts) that `text` says; BadInput if it says none below 2^64."""
    if match := _DECIMAL.fullmatch(text):
        unit = UNITS.index(match[2]) + 1 if match[2] else 0
        value = int(match[1]) << 10 * unit
    elif _HEX.fullmatch(text):
        value = int(text, 16)
    elif match := _POWER.fullmatch(text):
        value = 1 << int(match[1])
    else:
        raise BadInput(f"{what}: {text!r} is no size; write it like 64G, 0x1000000 or 2^36")
    if value >= LIMIT:
        raise BadInput(f"{what}: {text!r} does not fit into 64 bits")
    return value


def human(value: int) -> str:
    """A size in the largest unit that divides it: 64 GiB, 2032 MiB, 5 B."""
    unit = 0
    while value and value % 1024 == 0 and unit < len(UNITS):
        value, unit = value // 1024, unit + 1
    return f"{value} {UNITS[unit - 1]}iB" if unit else f"{value} B"


def power(shift: int) -> str:
    """2^shift bytes: 2^37 (128 GiB)."""
    return f"2^{shift} ({human(1 << shift)})" if shift < BITS else f"2^{shift}"


def page(shift: int) -> str:
    """An I/O page size as the kernel names it: 64K, 2M, 16G."""
    if shift >= BITS:
        return f"2^{shift}-byte"
    number, unit = human(1 << shift).split()
    return number + unit[0]


def both(value: int) -> str:
    """A size in hex and for people: 0x1000000000 (64 GiB)."""
    return f"{value:#x} ({human(value)})"
