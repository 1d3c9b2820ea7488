/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VFIO above the DDW code, restated as far as it owns a PE and makes windows: the group's change of owner in
 * drivers/iommu/iommu.c, tce_iommu_create_window() and tce_iommu_remove_window() of drivers/vfio/vfio_iommu_spapr_tce.c.
 */
#include "partition.h"
#include <asm/iommu.h>

#ifdef HAVE_DEVICE_GROUP
/* The container's references to the tables that it has created. */
static struct iommu_table *held[MOST_DEVICES][IOMMU_TABLE_GROUP_MAX_TABLES];

static long create(word number, int window, u32 page_shift, u64 size)
{
	struct iommu_table_group *group = table_group_of(number);
	struct iommu_table *table;
	long refused = group->ops->create_table(group, window, page_shift, size, 1, &table);

	if (refused)
		return refused;
	refused = group->ops->set_window(group, window, table);
	if (refused)
		iommu_tce_table_put(table);
	else
		held[number][window] = table;
	return refused;
}

static long unset(word number, int window)
{
	struct iommu_table_group *group = table_group_of(number);
	long refused = group->ops->unset_window(group, window);

	if (held[number][window])
		iommu_tce_table_put(held[number][window]);
	held[number][window] = NULL;
	return refused;
}

/* in: what, device, window, page shift, size. What came of it, 0 or an error. */
long partition_own(const word *in)
{
	struct iommu_table_group *group = table_group_of(in[1]);

	switch (in[0]) {
	case TAKE:
		return group->ops->take_ownership(group, device_of(in[1]));
	case RELEASE:
		group->ops->release_ownership(group, device_of(in[1]));
		return 0;
	case CREATE_TABLE:
		return create(in[1], in[2], in[3], in[4]);
	default:
		return unset(in[1], in[2]);
	}
}
#else
long partition_own(const word *in)
{
	host_out_of_scope("VFIO on a PE of a release that does not know it on pseries");
}
#endif
