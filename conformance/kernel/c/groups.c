/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups: drivers/iommu/iommu.c as far as a group counts its devices and tells its owner when it goes. */
#include "shim.h"
#include "partition.h"

struct iommu_group {
	int references;
	void *data;
	void (*gone)(void *data);
	struct device *devices[MOST_DEVICES];
};

struct iommu_group *iommu_group_alloc(void)
{
	struct iommu_group *group = host_memory(sizeof(*group));

	group->references = 1;
	return group;
}

void iommu_group_put(struct iommu_group *group)
{
	if (--group->references)
		return;
	if (group->gone)
		group->gone(group->data);
	host_free(group, __FILE__, __LINE__);
}

struct iommu_group *iommu_group_ref_get(struct iommu_group *group)
{
	group->references++;
	return group;
}

struct iommu_group *iommu_group_get(struct device *device)
{
	return device->iommu_group ? iommu_group_ref_get(device->iommu_group) : NULL;
}

void iommu_group_set_iommudata(struct iommu_group *group, void *data, void (*gone)(void *))
{
	group->data = data;
	group->gone = gone;
}

void *iommu_group_get_iommudata(struct iommu_group *group)
{
	return group->data;
}

int iommu_group_for_each_dev(struct iommu_group *group, void *data, int (*visit)(struct device *, void *))
{
	int result = 0;

	for (int i = 0; i < MOST_DEVICES && !result; i++)
		if (group->devices[i])
			result = visit(group->devices[i], data);
	return result;
}

int iommu_group_add_device(struct iommu_group *group, struct device *device)
{
	device->iommu_group = iommu_group_ref_get(group);
	for (int i = 0; i < MOST_DEVICES; i++)
		if (!group->devices[i]) {
			group->devices[i] = device;
			return 0;
		}
	return -ENOMEM;
}

void iommu_group_remove_device(struct device *device)
{
	struct iommu_group *group = device->iommu_group;

	if (!group)
		return;
	for (int i = 0, gone = 0; i < MOST_DEVICES; i++) { /* the others stay in the order in which they came */
		gone |= group->devices[i] == device;
		if (gone)
			group->devices[i] = i + 1 < MOST_DEVICES ? group->devices[i + 1] : NULL;
	}
	device->iommu_group = NULL;
	iommu_group_put(group);
}

#ifdef HAVE_DEVICE_GROUP
/* The core asks the platform for the device's group and joins the device to it. */
int iommu_probe_device(struct device *device)
{
	struct pci_dev *pci = to_pci_dev(device);
	struct iommu_group *group = group_of(pci);

	if (IS_ERR(group))
		return PTR_ERR(group);
	iommu_group_add_device(group, device);
	iommu_group_put(group);
	return 0;
}
#endif
