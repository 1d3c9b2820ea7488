/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each decision of the unmodified code, called with words; with pseries.c, since the kernel keeps most of them to itself. */
#include "../pseries.c"
#include <linux/iommu-helper.h>
#include "decisions.h"

#ifdef HAVE_MAP_PHYS
bool arch_dma_map_phys_direct(struct device *, phys_addr_t);
bool arch_dma_unmap_phys_direct(struct device *, dma_addr_t);
#define arch_map_direct arch_dma_map_phys_direct
#define arch_unmap_direct arch_dma_unmap_phys_direct
#else
bool arch_dma_map_page_direct(struct device *, phys_addr_t);
bool arch_dma_unmap_page_direct(struct device *, dma_addr_t);
#define arch_map_direct arch_dma_map_page_direct
#define arch_unmap_direct arch_dma_unmap_page_direct
#endif

static struct device device;

/* address, bus_dma_limit, dma_offset: is direct */
void map_is_direct(void)
{
	device.bus_dma_limit = asked[1];
	device.archdata.dma_offset = asked[2];
	told[0] = arch_map_direct(&device, asked[0]);
}

/* handle, bus_dma_limit, dma_offset: is direct */
void unmap_is_direct(void)
{
	device.bus_dma_limit = asked[1];
	device.archdata.dma_offset = asked[2];
	told[0] = arch_unmap_direct(&device, asked[0]);
}

/* page mask: page shift */
void page_shift(void)
{
	told[0] = iommu_get_page_shift(asked[0]);
}

/* start, size, page shift: number of I/O pages */
void pages_touched(void)
{
	told[0] = iommu_num_pages(asked[0], asked[1], 1UL << asked[2]);
}

static struct dynamic_dma_window_prop window_asked(void)
{
	return (struct dynamic_dma_window_prop){ .liobn = cpu_to_be32(LIOBN), .dma_base = cpu_to_be64(asked[2]),
						 .tce_shift = cpu_to_be32(asked[3]) };
}

static void tell_calls(void)
{
	told[1] = seen.calls;
	memcpy(told + 2, seen.logged, sizeof(seen.logged));
}

/* first pfn, number of pfns, base, page shift: result, calls, IOBA and number of each */
void pages_to_clear(void)
{
	struct dynamic_dma_window_prop window = window_asked();

	told[0] = tce_clearrange_multi_pSeriesLP(asked[0], asked[1], &window);
	tell_calls();
}

/* first pfn, number of pfns, base, page shift: result, calls, IOBA, number and TCEs of each */
void pages_to_set(void)
{
	struct dynamic_dma_window_prop window = window_asked();

	powerpc_firmware_features = FW_FEATURE_LPAR | FW_FEATURE_PUT_TCE_IND | FW_FEATURE_STUFF_TCE;
	told[0] = tce_setrange_multi_pSeriesLP(asked[0], asked[1], &window);
	tell_calls();
}

static void clear_nothing(struct iommu_table *table, long index, long pages)
{
}

/*
 * base as an I/O page number, entries, page shift, start and end of what is reserved as I/O page numbers: is laid out, pools,
 * entries of a pool, start and end of the large one, start and end of what is reserved, first word of the bitmap, which pools
 * are not where they belong
 */
void init_table(void)
{
	static struct iommu_table_ops ops = { .clear = clear_nothing };
	static struct iommu_table table;

	table.it_ops = &ops;
	table.it_offset = asked[0];
	table.it_size = asked[1];
	table.it_page_shift = asked[2];
	told[0] = iommu_init_table(&table, 0, asked[3], asked[4]) == &table;
	told[1] = table.nr_pools;
	told[2] = table.poolsize;
	told[3] = table.large_pool.start;
	told[4] = table.large_pool.end;
	told[5] = table.it_reserved_start;
	told[6] = table.it_reserved_end;
	told[7] = table.it_map[0];
	for (unsigned int i = 0; i < table.nr_pools; i++)
		told[8] |= (word)((table.pools[i].start != i * table.poolsize) | (table.pools[i].end != (i + 1) * table.poolsize))
			   << i;
}

/*
 * RAM maximum, whether there is vPMEM, windows of the first query, largest block, page mask, DMA mask: number of creates, page
 * shift and window shift of the create, says direct, direct window, has a dynamic table, its first I/O page and its entries,
 * bus_dma_limit
 */
void plan_window(void)
{
	const word ram = PAGE_SIZE, vpmem = asked[1] != 0, dma_mask = asked[5];
	const word boot[] = { LISTS | STUFF, asked[0], 0, 1, 0, ram, vpmem, 1ULL << 50, (1ULL << 50) + PAGE_SIZE };
	const word attach[] = { 0, 0x100, 1, 1, LIOBN, 0, 16 << 12, 1, QUERY, CREATE, REMOVE, 3, RESET, 1, 1, 0 };
	struct pci_dev *function;
	struct dma_window_view view;
	struct iommu_table *table;

	answers.stuff_fails = 1; /* so that a table of any size is cleared in one call; nobody looks at what that answers */
	partition_boot(boot);
	partition_attach(attach);
	answers.windows = asked[2];
	answers.block = asked[3];
	answers.pages = asked[4];
	seen.queries = 0; /* one was made when the device came */
	function = to_pci_dev(device_of(0));
	told[3] = iommu_bypass_supported_pSeriesLP(function, dma_mask);
	told[0] = seen.created;
	told[1] = seen.page_shift;
	told[2] = seen.window_shift;
	told[4] = window_of(function->bus->dev.of_node, &view) && view.direct;
	table = get_iommu_table_base(&function->dev);
	told[5] = table && table->it_index == NEW_LIOBN;
	if (told[5]) {
		told[6] = table->it_offset;
		told[7] = table->it_size;
	}
	told[8] = function->dev.bus_dma_limit;
}
