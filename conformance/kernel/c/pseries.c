/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arch/powerpc/platforms/pseries/iommu.c itself, unmodified, and readers for what it keeps to itself. */
#include "shim.h"
#include PSERIES_IOMMU_C
#include "partition.h"

const char *window_name(bool direct)
{
	return direct ? DIRECT64_PROPNAME : DMA64_PROPNAME;
}

bool window_of(struct device_node *node, struct dma_window_view *view)
{
	struct dma_win *window;

	list_for_each_entry(window, &dma_win_list, list) {
		if (window->device != node)
			continue;
		view->liobn = be32_to_cpu(window->prop->liobn);
		view->base = be64_to_cpu(window->prop->dma_base);
		view->page_shift = be32_to_cpu(window->prop->tce_shift);
		view->window_shift = be32_to_cpu(window->prop->window_shift);
#ifdef WINDOW_HAS_DIRECT
		view->direct = window->direct;
#else
		view->direct = of_find_property(node, DIRECT64_PROPNAME, NULL) != NULL;
#endif
		return true;
	}
	return false;
}

bool has_window_property(struct device_node *node)
{
	return of_find_property(node, DIRECT64_PROPNAME, NULL) || of_find_property(node, DMA64_PROPNAME, NULL);
}

int failures_of(struct device_node *node)
{
	struct failed_ddw_pdn *entry;
	int count = 0;

	list_for_each_entry(entry, &failed_ddw_pdn_list, list)
		count += entry->pdn == node;
	return count;
}

#ifdef HAVE_DEVICE_GROUP
/* spapr_tce_iommu_device_group() of kernel/iommu.c asks the same. */
struct iommu_group *group_of(struct pci_dev *device)
{
	return pSeries_pci_device_group(device->bus->sysdata, device);
}
#endif
