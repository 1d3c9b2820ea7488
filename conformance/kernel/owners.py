# SPDX-License-Identifier: GPL-2.0-or-later
"""User space that owns a PE of the kernel's C: VFIO above the DDW code, as c/ownership.c restates it."""

from collections.abc import Callable, Sequence
from enum import IntEnum

from conformance.kernel.worker import Ask
from model.types import BusAddress, Direction, PhysAddr, Span

DIRECTIONS = {Direction.BIDIRECTIONAL: 0, Direction.TO_DEVICE: 1, Direction.FROM_DEVICE: 2}
"""Linux: enum dma_data_direction."""


class Own(IntEnum):
    """What VFIO does with a PE, as c/harness.h numbers it."""

    TAKE = 0
    RELEASE = 1
    CREATE_TABLE = 2
    SET_WINDOW = 3
    UNSET_WINDOW = 4
    MAP_USER = 5
    UNMAP_USER = 6


class UserSpace:
    """The part of a guest that is about ownership. _ask: sends a request to the program."""

    _ask: Callable[..., Sequence[int]]

    def _own(self, what: Own, device: int, number: int = 0, *more: int) -> Sequence[int]:
        return self._ask(Ask.OWN, what, device, number, *more)

    def take_ownership(self, device: int) -> bool:
        """spapr_tce_take_ownership()."""
        return bool(self._own(Own.TAKE, device)[0])

    def create_table(
        self, device: int, number: int, page_shift: int, window_size: int, levels: int
    ) -> BusAddress | None:
        """spapr_tce_create_table()."""
        made, start = self._own(Own.CREATE_TABLE, device, number, page_shift, window_size, levels)
        return BusAddress(start) if made else None

    def set_window(self, device: int, number: int, source: int) -> bool:
        """spapr_tce_set_window()."""
        return bool(self._own(Own.SET_WINDOW, device, number, source)[0])

    def unset_window(self, device: int, number: int) -> bool:
        """spapr_tce_unset_window()."""
        return bool(self._own(Own.UNSET_WINDOW, device, number)[0])

    def map_user(
        self, device: int, number: int, iova: BusAddress, memory: Span[PhysAddr], direction: Direction
    ) -> BusAddress | None:
        """tce_exchange_pseries()."""
        words = (iova, memory.start, memory.size, DIRECTIONS[direction])
        return iova if self._own(Own.MAP_USER, device, number, *words)[0] else None

    def unmap_user(self, device: int, number: int, handle: Span[BusAddress]) -> None:
        """tce_exchange_pseries()."""
        self._own(Own.UNMAP_USER, device, number, handle.start, handle.size)

    def release_ownership(self, device: int) -> None:
        """spapr_tce_release_ownership()."""
        self._own(Own.RELEASE, device)
