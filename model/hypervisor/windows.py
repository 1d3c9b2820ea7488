# SPDX-License-Identifier: GPL-2.0-or-later
"""Windows and the PEs that own them. LoPAR 7.3.27, general requirements."""

from dataclasses import dataclass, field

from model.hypervisor.table import TceTable
from model.interfaces import DefaultWindow
from model.types import BusAddress, Liobn, PageShift, Pe, Span, TceIndex, WindowShift

PAGE_SHIFTS = (12, 16, 24, 25, 26, 27, 28, 34, 21)
"""I/O page shift by bit of the page-size mask: LoPAR 7.3.27.1, and bit 8, which PowerVM uses for 2 MB."""

DEFAULT_PAGE_SHIFT = PageShift(12)
"""R1-7.3.27-4."""


@dataclass(slots=True)
class Window:
    """One window: `size` bytes of bus addresses from `base`, which are its `span`, and the table that translates them."""

    liobn: Liobn
    base: BusAddress
    page_shift: PageShift
    window_shift: WindowShift
    size: int
    span: Span[BusAddress] = field(init=False)
    table: TceTable = field(init=False)

    def __post_init__(self) -> None:
        self.span = Span(self.base, BusAddress(self.base + self.size))
        self.table = TceTable(1 << self.page_shift)

    @property
    def entries(self) -> int:
        """Number of TCEs."""
        return self.size >> self.page_shift

    def index_of(self, address: BusAddress) -> TceIndex:
        """The TCE that translates `address`. LoPAR 3.2.2.2."""
        return TceIndex((address - self.base) >> self.page_shift)


def default_window(spec: DefaultWindow) -> Window:
    """The window that `ibm,dma-window` describes, empty. R1-7.3.27-4, -6."""
    size = spec.span.size
    return Window(spec.liobn, spec.span.start, DEFAULT_PAGE_SHIFT, WindowShift((size - 1).bit_length()), size)


@dataclass(slots=True)
class Endpoint:
    """A PE: its boot-time default window, the windows that exist, and whether it is in limited-addressing mode."""

    pe: Pe
    default: DefaultWindow
    windows: dict[Liobn, Window] = field(default_factory=dict)
    limited: bool = False

    def restore(self) -> None:
        """Windows as at boot. R1-7.3.27-5, -6."""
        self.windows = {self.default.liobn: default_window(self.default)}

    @property
    def has_default(self) -> bool:
        """Whether the default window exists."""
        return self.default.liobn in self.windows
