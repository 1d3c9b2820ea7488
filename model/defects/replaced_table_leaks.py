# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a dynamic window takes the place of the default one, the default's table is forgotten, but not freed."""

from model.defects import Defect
from model.guest import enable
from model.guest.windows import Node


def overwritten(node: Node) -> None:
    """Linux: enable_ddw() puts the new table in place of tables[0] without an iommu_tce_table_put()."""
    node.tables.pop("default", None)


DEFECT = Defect(
    id="replaced-table-leaks",
    breaks=None,
    replaces=enable.drop_default_table,
    by=overwritten,
    releases=("6.12", "7.2", "7.3"),
    root_cause="A table and its bitmap are lost for each such window. Another function of the PE goes on through it, though "
    "its window is gone.",
)
