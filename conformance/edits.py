# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel tree with one line changed, the rest being links to the original."""

from pathlib import Path
from typing import NamedTuple

from conformance.kernel.build import PSERIES
from conformance.kernel.tree import Tree


class Edit(NamedTuple):
    """In `file` the first `old` after the text `after` becomes `new`."""

    file: str
    old: str
    new: str
    after: str = ""


def apply(tree: Tree, folder: Path, edit: Edit) -> Tree:
    """The tree with the edit, below `folder`; ValueError if the tree has no such text."""
    _link(tree.root, folder, Path(edit.file).parts)
    text = (tree.root / edit.file).read_text()
    start = text.find(edit.after)
    at = text.find(edit.old, start)
    if start < 0 or at < 0:
        raise ValueError(f"{edit.file} has no {edit.old!r} after {edit.after!r}")
    (folder / edit.file).write_text(text[:at] + edit.new + text[at + len(edit.old) :])
    return Tree(folder, tree.release, tree.version)


def _link(original: Path, folder: Path, parts: tuple[str, ...]) -> None:
    """Link everything in a folder of the original except what leads to the edited file."""
    folder.mkdir(exist_ok=True)
    for entry in original.iterdir():
        if entry.name != parts[0]:
            (folder / entry.name).symlink_to(entry)
        elif len(parts) > 1:
            _link(entry, folder / entry.name, parts[1:])


SLIPS = {
    "the dynamic part starts where the direct part does": Edit(
        PSERIES, "dynamic_addr = win_addr + dynamic_offset", "dynamic_addr = win_addr"
    ),
    "the window is not put on the list": Edit(
        PSERIES, "list_add(&window->list, &dma_win_list);", ";", "static bool enable_ddw("
    ),
    "a window is removed without being cleared": Edit(
        PSERIES, "if (cleanup)", "if (0)", "static void remove_dma_window("
    ),
    "the default window goes though it is in use": Edit(
        PSERIES, "if (iommu_table_in_use(", "if (0 && iommu_table_in_use(", "static bool enable_ddw("
    ),
    "a failed attempt does not reset the windows": Edit(
        PSERIES, "reset_dma_window(dev, pdn);", ";", "out_failed:"
    ),
    "the device does not learn where its window starts": Edit(
        PSERIES, "dev->dev.archdata.dma_offset = win_addr;", ";", "static bool enable_ddw("
    ),
    "the device keeps the old table": Edit(
        PSERIES, "set_iommu_table_base(&dev->dev, newtbl);", ";"
    ),
    "memory that goes offline stays mapped": Edit(
        PSERIES, "case MEM_OFFLINE:", "", "static int iommu_mem_notifier("
    ),
    "too small a window is taken for direct": Edit(
        PSERIES, "if (ddw_sz < len)", "if (ddw_sz + 1 < len)"
    ),
    "RAM is mapped without the right to write": Edit(
        PSERIES, "TCE_PCI_READ | TCE_PCI_WRITE", "TCE_PCI_READ", "static int tce_setrange_multi_pSeriesLP("
    ),
    "the limit is one bit too high": Edit(
        PSERIES, "(1ULL << max_ram_len);", "(2ULL << max_ram_len);", "dev->dev.bus_dma_limit ="
    ),
    "page 0 is handed out": Edit(
        "arch/powerpc/kernel/iommu.c", "set_bit(0, tbl->it_map);", ";"
    ),
}  # fmt: skip
"""One-line mistakes of the kind that a patch makes, by what they do."""


KERNEL = "arch/powerpc/kernel/iommu.c"
HANDED_OVER = {
    "user space's TCE is set one page further": Edit(
        PSERIES, "plpar_tce_put((u64)tbl->it_index, ioba, newtce)",
        "plpar_tce_put((u64)tbl->it_index, ioba + 4096, newtce)", "static int tce_exchange_pseries("
    ),
    "user space may always write": Edit(
        PSERIES, "*tce | proto_tce", "*tce | proto_tce | TCE_PCI_WRITE", "static int tce_exchange_pseries("
    ),
    "the host's function has no table": Edit(
        PSERIES, "set_iommu_table_base(&pdev->dev, tbl);", ";", "static long pseries_setup_default_iommu_config("
    ),
}  # fmt: skip
"""Mistakes in what VFIO calls."""
FOLLOWED = {
    "a kernel that dumps clears the table": Edit(
        KERNEL, "if (!is_kdump_kernel()", "if (1", "void iommu_table_clear("
    ),
    "a kernel that dumps takes all entries for free": Edit(
        KERNEL, "__set_bit(index, tbl->it_map);", ";", "void iommu_table_clear("
    ),
    "a kernel that follows clears nothing": Edit(
        KERNEL, "tbl->it_ops->clear(tbl, tbl->it_offset, tbl->it_size);", ";", "void iommu_table_clear("
    ),
    "a window that was found is a default one": Edit(
        PSERIES, "prop->liobn = p->liobn;", "prop->liobn = 0;", "static struct device_node *pci_dma_find("
    ),
}  # fmt: skip
"""Mistakes that show after kexec."""


MISUSE = {
    "no end: the same hypercall": Edit(PSERIES, "next += limit * tce_size;\n\t\tnum_tce -= limit;", "",
                                       "tce_clearrange_multi_pSeriesLP("),
    "no end: RTAS calls": Edit(PSERIES, "while (rtas_busy_delay(ret));", "while (1);", "static int create_ddw("),
    "no end": Edit(PSERIES, "window->direct = direct_mapping;", "while (window) ;", "static bool enable_ddw("),
    "ends with a lock held": Edit(PSERIES, "spin_unlock(&dma_win_list_lock);", "", "static bool enable_ddw("),
    "sleeping under a spinlock": Edit(PSERIES, "ret = of_add_property(pdn, win64);",
                                      "spin_lock(&dma_win_list_lock); ret = of_add_property(pdn, win64); "
                                      "spin_unlock(&dma_win_list_lock);", "static bool enable_ddw("),
    "sleeping with interrupts off": Edit(PSERIES, "GFP_ATOMIC", "GFP_KERNEL", "static int tce_setrange_multi_pSeriesLP("),
    "a notifier of the device tree changes it": Edit(PSERIES, "remove_dma_window_named(np, false, DIRECT64_PROPNAME, true)",
                                                     "remove_dma_window_named(np, true, DIRECT64_PROPNAME, true)",
                                                     "static int iommu_reconfig_notifier("),
}  # fmt: skip
"""Mistakes that no invariant is about, by what the verdict on them says."""
