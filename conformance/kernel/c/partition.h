/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What partition.c and the files beside it share: the pieces of the machine that the kernel's code runs in. */
#ifndef DDW_PARTITION_H
#define DDW_PARTITION_H

#include "shim.h"

extern struct device_node tree;
void release_node(struct device_node *, struct property *ours, int count);

struct iommu_group *group_of(struct pci_dev *);
struct device *device_of(word number);
struct iommu_table_group *table_group_of(word number);
word pe_of(word number);

/* ownership.c: whether user space has a function, or a table on a window of its PE; entries that it may have mapped */
struct used {
	int count;
	struct span spans[MOST_SPANS];
};
const struct used *used_of(const struct iommu_table *);
bool is_owned(word number);
bool is_of_user_space(word number, u32 liobn);

/* dispatch.c: kernel/dma/mapping.c and direct.h, restated */
bool dispatch_goes_direct(struct device *, phys_addr_t start, size_t size);
u64 dispatch_required_mask(struct device *device);
dma_addr_t dispatch_map(struct device *, phys_addr_t start, size_t size, enum dma_data_direction);
void dispatch_unmap(struct device *, dma_addr_t, size_t size, enum dma_data_direction);
int dispatch_map_sg(struct device *, struct scatterlist *, int count, enum dma_data_direction);
void dispatch_unmap_sg(struct device *, struct scatterlist *, int count, enum dma_data_direction);
dma_addr_t dispatch_alloc(struct device *, size_t size);
void dispatch_free(struct device *, size_t size, void *address, dma_addr_t);
extern u64 highest_memory;

/* memory.c: the pages that a coherent buffer will get, or has; whether they are back */
void pages_are_at(phys_addr_t start);
void pages_were_given(phys_addr_t start, unsigned int order);
bool pages_are_back(void);

/* pseries.c: the statics of pseries/iommu.c */
struct dma_window_view {
	u32 liobn, page_shift, window_shift;
	u64 base;
	bool direct;
};
const char *window_name(bool direct);
bool window_of(struct device_node *, struct dma_window_view *);
bool has_window_property(struct device_node *);
int failures_of(struct device_node *);

#endif
