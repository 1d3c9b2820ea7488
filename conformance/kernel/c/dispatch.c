/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DMA core above the DDW code, restated: dma_map_page_attrs(), __dma_map_sg_attrs(), dma_alloc_attrs() and what ends
 * them of kernel/dma/mapping.c, dma_direct_map_page(), dma_direct_map_sg(), dma_direct_alloc() of kernel/dma/direct.[ch],
 * dma_capable() of include/linux/dma-direct.h. From 6.18 on the same by physical address (map_phys,
 * arch_dma_map_phys_direct()).
 */
#include "partition.h"

u64 highest_memory;

/* kernel/dma/direct.c: what the highest page ever present needs. */
u64 dma_direct_get_required_mask(struct device *device)
{
	u64 highest = phys_to_dma(device, highest_memory - PAGE_SIZE);

	return (1ULL << (fls64(highest) - 1)) * 2 - 1;
}

static bool go_direct(struct device *device, u64 mask)
{
	if (!device->dma_ops)
		return true;
	return device->dma_ops_bypass &&
	       min_not_zero(mask, device->bus_dma_limit) >= dma_direct_get_required_mask(device);
}

/* dma_get_required_mask() of kernel/dma/mapping.c. */
u64 dispatch_required_mask(struct device *device)
{
	if (go_direct(device, device->coherent_dma_mask))
		return dma_direct_get_required_mask(device);
	return device->dma_ops->get_required_mask(device);
}

static bool dma_map_direct(struct device *device)
{
	return go_direct(device, *device->dma_mask);
}

#ifdef HAVE_MAP_PHYS
bool arch_dma_map_phys_direct(struct device *, phys_addr_t);
bool arch_dma_unmap_phys_direct(struct device *, dma_addr_t);
#define arch_map_direct(device, address) arch_dma_map_phys_direct(device, address)
#define arch_unmap_direct(device, handle) arch_dma_unmap_phys_direct(device, handle)
#else
bool arch_dma_map_page_direct(struct device *, phys_addr_t);
bool arch_dma_unmap_page_direct(struct device *, dma_addr_t);
#define arch_map_direct(device, address) arch_dma_map_page_direct(device, address)
#define arch_unmap_direct(device, handle) arch_dma_unmap_page_direct(device, handle)
#endif

bool dispatch_goes_direct(struct device *device, phys_addr_t start, size_t size)
{
	return dma_map_direct(device) || arch_map_direct(device, start + size);
}

static dma_addr_t map_direct(struct device *device, phys_addr_t start, size_t size)
{
	dma_addr_t handle = phys_to_dma(device, start);

	if (handle + size - 1 > min_not_zero(*device->dma_mask, device->bus_dma_limit)) {
		host_warning("kernel/dma/direct.h", 0); /* an address that dma_capable() refuses */
		return DMA_MAPPING_ERROR;
	}
	return handle;
}

dma_addr_t dispatch_map(struct device *device, phys_addr_t start, size_t size, enum dma_data_direction direction)
{
	if (dispatch_goes_direct(device, start, size))
		return map_direct(device, start, size);
#ifdef HAVE_MAP_PHYS
	return device->dma_ops->map_phys(device, start, size, direction, 0);
#else
	return device->dma_ops->map_page(device, pfn_to_page(start >> PAGE_SHIFT), start & ~PAGE_MASK, size, direction, 0);
#endif
}

void dispatch_unmap(struct device *device, dma_addr_t handle, size_t size, enum dma_data_direction direction)
{
	if (dma_map_direct(device) || arch_unmap_direct(device, handle + size))
		return;
#ifdef HAVE_MAP_PHYS
	device->dma_ops->unmap_phys(device, handle, size, direction, 0);
#else
	device->dma_ops->unmap_page(device, handle, size, direction, 0);
#endif
}

bool arch_dma_map_sg_direct(struct device *, struct scatterlist *, int);
bool arch_dma_unmap_sg_direct(struct device *, struct scatterlist *, int);

static int map_sg_direct(struct device *device, struct scatterlist *list, int count)
{
	struct scatterlist *element;
	int i;

	for_each_sg(list, element, count, i) {
		element->dma_address = map_direct(device, sg_phys(element), element->length);
		if (element->dma_address == DMA_MAPPING_ERROR)
			return -EIO;
		element->dma_length = element->length;
	}
	return count;
}

/* The number of segments, 0 for a failure. */
int dispatch_map_sg(struct device *device, struct scatterlist *list, int count, enum dma_data_direction direction)
{
	int segments;

	if (dma_map_direct(device) || arch_dma_map_sg_direct(device, list, count))
		segments = map_sg_direct(device, list, count);
	else
		segments = device->dma_ops->map_sg(device, list, count, direction, 0);
	if (segments > 0)
		return segments;
	WARN_ON_ONCE(segments != -EINVAL && segments != -ENOMEM && segments != -EIO && segments != -EREMOTEIO);
	return 0;
}

void dispatch_unmap_sg(struct device *device, struct scatterlist *list, int count, enum dma_data_direction direction)
{
	if (dma_map_direct(device) || arch_dma_unmap_sg_direct(device, list, count))
		return;
	device->dma_ops->unmap_sg(device, list, count, direction, 0);
}

#ifdef HAVE_ALLOC_DIRECT
bool arch_dma_alloc_direct(struct device *);
bool arch_dma_free_direct(struct device *, dma_addr_t);
#else
#define arch_dma_alloc_direct(device) false
#define arch_dma_free_direct(device, handle) false
#endif

static bool dma_alloc_direct(struct device *device)
{
	return go_direct(device, device->coherent_dma_mask);
}

static dma_addr_t alloc_direct(struct device *device, size_t size)
{
	unsigned int order = get_order(size);
	struct page *page = alloc_pages_node(dev_to_node(device), GFP_KERNEL, order);
	dma_addr_t handle;

	if (!page)
		return DMA_MAPPING_ERROR;
	handle = phys_to_dma(device, page_to_phys(page));
	if (handle + size - 1 <= min_not_zero(device->coherent_dma_mask, device->bus_dma_limit))
		return handle;
	free_pages((unsigned long)page_address(page), order); /* other zones, which the kernel tries next, are empty here */
	return DMA_MAPPING_ERROR;
}

dma_addr_t dispatch_alloc(struct device *device, size_t size)
{
	dma_addr_t handle;

	if (dma_alloc_direct(device) || arch_dma_alloc_direct(device))
		return alloc_direct(device, PAGE_ALIGN(size));
	return device->dma_ops->alloc(device, size, &handle, GFP_KERNEL, 0) ? handle : DMA_MAPPING_ERROR;
}

void dispatch_free(struct device *device, size_t size, void *address, dma_addr_t handle)
{
	if (dma_alloc_direct(device) || arch_dma_free_direct(device, handle))
		free_pages((unsigned long)address, get_order(size));
	else
		device->dma_ops->free(device, size, address, handle, 0);
}
