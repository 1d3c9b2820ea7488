/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The slab, by who asks: a run may let an allocation fail, and names it as the reference guest names its own. */
#include "partition.h"

static const struct {
	const char *function, *what;
} names[] = {
	{ "iommu_pseries_alloc_table", "table" },
	{ "iommu_pseries_alloc_group", "group" },
	{ "iommu_init_table", "bitmap" },
	{ "ddw_property_create", "property" },
	{ "ddw_list_new_entry", "list-entry" },
	{ "enable_ddw", "failed-entry" },
	{ "copy_property", "saved-property" },
	{ "pseries_tce_iommu_userspace_view_alloc", "userspace-view" },
	{ "tce_setrange_multi_pSeriesLP", "tce-page" },
	{ "tce_buildmulti_pSeriesLP", "tce-page" },
};

static const char *name_of(const char *function)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].function, function))
			return names[i].what;
	return function;
}

void *allocate(size_t size, gfp_t flags, const char *function, const char *file, int line)
{
	if (!(flags & GFP_ATOMIC))
		may_sleep(file, line);
	return host_allocation(name_of(function), !(flags & GFP_ATOMIC)) ? host_memory(size) : NULL;
}

void release(const void *memory, const char *file, int line)
{
	host_free((void *)memory, file, line);
}

void *duplicate(const void *from, size_t size, gfp_t flags, const char *function, const char *file, int line)
{
	void *copy = allocate(size, flags, function, file, line);

	return copy ? memcpy(copy, from, size) : NULL;
}

char *duplicate_string(const char *from, gfp_t flags, const char *function, const char *file, int line)
{
	return duplicate(from, strlen(from) + 1, flags, function, file, line);
}

/* The page allocator: what it gives is part of the event. What it has given for one buffer it wants back as it was. */
static struct {
	phys_addr_t start;
	unsigned int order;
	bool given;
} all_pages[MOST_RUNNING];
#define pages (all_pages[this_cpu])

void pages_are_at(phys_addr_t start)
{
	pages.start = start;
	pages.given = false;
}

bool pages_are_back(void)
{
	return !pages.given;
}

struct page *alloc_pages_node(int node, gfp_t flags, unsigned int order)
{
	if (!(flags & GFP_ATOMIC))
		may_sleep(__FILE__, __LINE__);
	if (!host_allocation("coherent", !(flags & GFP_ATOMIC)))
		return NULL;
	if (pages.given || pages.start & ((PAGE_SIZE << order) - 1))
		host_out_of_scope("more pages than a coherent buffer needs");
	pages.order = order;
	pages.given = true;
	return pfn_to_page(pages.start >> PAGE_SHIFT);
}

void pages_were_given(phys_addr_t start, unsigned int order)
{
	pages.start = start;
	pages.order = order;
	pages.given = true;
}

void free_pages(unsigned long address, unsigned int order)
{
	if (!pages.given || __pa(address) != pages.start || order != pages.order)
		host_crash("free of pages that were not given", __FILE__, __LINE__);
	pages.given = false;
}
