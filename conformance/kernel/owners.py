# SPDX-License-Identifier: GPL-2.0-or-later
"""What the harness does not have as events: user space that owns a PE; `CompiledKernel.own` calls the same C by itself."""

from typing import Never

from conformance.scope import OutOfScope
from model.types import BusAddress, Direction, PhysAddr, Span


def _not_yet() -> Never:
    raise OutOfScope("a PE that user space owns")


class HostAlone:
    """The part of a guest that is about ownership, every call of which is out of scope."""

    def take_ownership(self, device: int) -> bool:
        """spapr_tce_take_ownership() is no event here."""
        _not_yet()

    def create_table(
        self, device: int, number: int, page_shift: int, window_size: int, levels: int
    ) -> BusAddress | None:
        """spapr_tce_create_table() is no event here."""
        _not_yet()

    def set_window(self, device: int, number: int, source: int) -> bool:
        """spapr_tce_set_window() is no event here."""
        _not_yet()

    def unset_window(self, device: int, number: int) -> bool:
        """spapr_tce_unset_window() is no event here."""
        _not_yet()

    def map_user(
        self, device: int, number: int, iova: BusAddress, memory: Span[PhysAddr], direction: Direction
    ) -> BusAddress | None:
        """tce_exchange_pseries() is no event here."""
        _not_yet()

    def unmap_user(self, device: int, number: int, handle: Span[BusAddress]) -> None:
        """tce_exchange_pseries() is no event here."""
        _not_yet()

    def release_ownership(self, device: int) -> None:
        """spapr_tce_release_ownership() is no event here."""
        _not_yet()
