# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that dumps another one begins with an empty table."""

from typing import TYPE_CHECKING

from model.defects import Defect
from model.guest import kexec
from model.guest.table import Table

if TYPE_CHECKING:
    from model.guest.kernel import Kernel


def always_empty(kernel: "Kernel", table: Table) -> None:
    """Clear it, whoever runs."""
    kernel.clear_table(table)


DEFECT = Defect(
    id="kdump-clears-its-table",
    breaks="kexec-keeps-running",
    replaces=kexec.take_over,
    by=always_empty,
    root_cause="A missing is_kdump_kernel().",
)
