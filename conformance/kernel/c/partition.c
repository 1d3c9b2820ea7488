/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The partition that the kernel's code runs in: RAM, vPMEM and devices come and go as requests say, and the kernel's
 * entry points are called in the order in which the kernel's core calls them.
 *
 * Each PE is a PHB of its own, whose node carries the window properties and whose bus carries its functions; firmware
 * is taken to know the PE by the config address of any of them. A PE that comes back gets the memory of its old node again,
 * as a slab hands out last what was freed last.
 */
#include "partition.h"
#include <linux/bitmap.h>
#include <asm/pci-bridge.h>
#include <asm/iommu.h>
#include <asm/firmware.h>

struct pci_controller_ops pseries_pci_controller_ops;
struct list_head hose_list = { &hose_list, &hose_list };
struct machdep_calls ppc_md;
bool kdump_kernel;

int initcall_setup_iommu_pool_hash(void);
int initcall_find_existing_ddw_windows(void);

static const struct dma_map_ops *pci_dma_ops;
static struct notifier_block *memory_listener, *tree_listener;
static u64 ram_maximum;

static struct span ram[MOST_SPANS];
static int ram_blocks;
static word added_until; /* end of a block that was added, and is not online: memblock has it already, or still */
static struct span vpmem[MOST_SPANS];
static struct device_node vpmem_nodes[MOST_SPANS];
static int vpmem_ranges;

enum { WINDOW, APPLICABLE, EXTENSIONS, SAVED, FOUND, MOST_PROPERTIES };

static struct pe {
	bool seen, by_dlpar; /* at any time; not the first time, which is at boot */
	int functions;       /* attached ones */
	u32 config;
	u64 buid;
	struct device_node node;
	struct pci_dn dn;
	struct pci_controller phb;
	struct pci_bus bus;
	struct property properties[MOST_PROPERTIES];
	__be32 cells[MOST_PROPERTIES][MOST_CELLS];
} pes[MOST_DEVICES];

static struct function {
	bool attached;
	struct pe *pe;
	struct device_node node;
	struct pci_dn dn;
	struct pci_dev device;
	u64 mask;
} functions[MOST_DEVICES];

void set_pci_dma_ops(const struct dma_map_ops *ops)
{
	pci_dma_ops = ops;
}

int register_memory_notifier(struct notifier_block *block)
{
	memory_listener = block;
	return 0;
}

int of_reconfig_notifier_register(struct notifier_block *block)
{
	tree_listener = block;
	return 0;
}

u64 hot_add_drconf_memory_max(void)
{
	return ram_maximum;
}

u64 memory_hotplug_max(void)
{
	return max(ram_maximum, memblock_end_of_DRAM()); /* arch/powerpc/mm/numa.c */
}

u64 memblock_end_of_DRAM(void)
{
	return max(added_until, ram_blocks ? ram[ram_blocks - 1].stop : 0);
}

/* kernel/resource.c: the parts of RAM within a range of pages, in order, until one is refused. Neighbours are one resource
 * each, as memory blocks that were added are. */
int walk_system_ram_range(unsigned long start, unsigned long pages, void *arg,
			  int (*visit)(unsigned long, unsigned long, void *))
{
	unsigned long end = start + pages;
	int refused = -EINVAL;

	for (int i = 0; i < ram_blocks; i++) {
		unsigned long first = max(start, ram[i].start >> PAGE_SHIFT);
		unsigned long last = min(end, ram[i].stop >> PAGE_SHIFT);

		if (first >= last)
			continue;
		refused = visit(first, last - first, arg);
		if (refused)
			break;
		start = last;
		i = -1; /* RAM may have come or gone meanwhile: look again for what follows */
	}
	return refused;
}

static void add_ram(word start, word stop)
{
	int i = ram_blocks++;

	for (; i && ram[i - 1].start > start; i--)
		ram[i] = ram[i - 1];
	ram[i] = (struct span){ start, stop };
}

static void drop_ram(word start)
{
	int i = 0;

	while (i < ram_blocks && ram[i].start != start)
		i++;
	for (; i < ram_blocks - 1; i++)
		ram[i] = ram[i + 1];
	ram_blocks--;
}

/* The tree anew: PEs with their functions, then vPMEM. */
static void link_nodes(void)
{
	struct device_node **last = &tree.child;

	for (struct pe *pe = pes; pe < pes + MOST_DEVICES; pe++) {
		struct device_node **child = &pe->node.child;

		if (!pe->functions)
			continue;
		for (struct function *one = functions; one < functions + MOST_DEVICES; one++)
			if (one->attached && one->pe == pe) {
				*child = &one->node;
				child = &one->node.sibling;
			}
		*child = NULL;
		*last = &pe->node;
		last = &pe->node.sibling;
	}
	for (int i = 0; i < vpmem_ranges; i++) {
		vpmem_nodes[i] = (struct device_node){ .name = "ibm,pmemory", .type = "ibm,pmemory", .parent = &tree };
		*last = &vpmem_nodes[i];
		last = &(*last)->sibling;
	}
	*last = NULL;
}

static void seen_memory(word stop)
{
	highest_memory = max(highest_memory, stop);
}

void partition_vpmem(word present, word start, word size)
{
	if (present) {
		vpmem[vpmem_ranges++] = (struct span){ start, start + size };
		seen_memory(start + size);
	} else {
		int i = 0;

		while (vpmem[i].start != start)
			i++;
		vpmem[i] = vpmem[--vpmem_ranges];
	}
	link_nodes();
}

/* in: multi-TCE, RAM maximum, kdump, number of RAM blocks, start and stop of each, the same for vPMEM. */
void partition_boot(const word *in)
{
	powerpc_firmware_features = FW_FEATURE_LPAR | (in[0] & LISTS ? FW_FEATURE_PUT_TCE_IND : 0) |
				    (in[0] & STUFF ? FW_FEATURE_STUFF_TCE : 0);
	ram_maximum = in[1];
	kdump_kernel = in[2];
	in += 3;
	for (word n = *in++; n; n--, in += 2) {
		add_ram(in[0], in[1]);
		seen_memory(in[1]);
	}
	for (word n = *in++; n; n--, in += 2)
		partition_vpmem(1, in[0], in[1] - in[0]);
	iommu_init_early_pSeries();
	initcall_setup_iommu_pool_hash();
}

static void give_property(struct pe *pe, int slot, const char *name, const u32 *cells, int count)
{
	struct property *property = &pe->properties[slot];
	/* A sanitizer sees a read beyond a value of its own length; without one, zeros follow, so that runs repeat. */
	__be32 *value = SANITIZED ? host_memory(4 * count) : pe->cells[slot];

	for (int i = 0; i < count; i++)
		value[i] = cpu_to_be32(cells[i]);
	*property = (struct property){ (char *)name, 4 * count, value };
	of_add_property(&pe->node, property);
}

/* in: present, LIOBN, start, size. */
static void give_window(struct pe *pe, int slot, const char *name, const word *in)
{
	u32 cells[5] = { in[1], in[2] >> 32, in[2], in[3] >> 32, in[3] };

	if (in[0])
		give_property(pe, slot, name, cells, 5);
}

/* in: present, whether by the name of a direct one, LIOBN, start, page shift, window shift. */
static void give_found(struct pe *pe, const word *in)
{
	u32 cells[6] = { in[2], 0, in[3] >> 32, in[3], in[4], in[5] };

	if (in[0])
		give_property(pe, FOUND, window_name(in[1]), cells, 6);
}

/* The PE of that name, which keeps its place when it goes; a new one if there is none. */
static struct pe *pe_named(u32 config, u64 buid)
{
	struct pe *pe = pes;

	while (pe->seen && (pe->config != config || pe->buid != buid))
		pe++;
	pe->config = config;
	pe->buid = buid;
	return pe;
}

/* Default window: present, LIOBN, start, size; and so on, see partition_attach(). */
static void bring_up(struct pe *pe, const word *in)
{
	u32 cells[MOST_CELLS], config = pe->config;
	u64 buid = pe->buid;
	bool seen = pe->seen;

	memset(pe, 0, sizeof(*pe));
	pe->config = config;
	pe->buid = buid;
	pe->by_dlpar = seen;
	pe->seen = true;
	pe->node = (struct device_node){ .name = "pci", .full_name = "/pci", .type = "pci", .parent = &tree, .data = &pe->dn };
	pe->dn = (struct pci_dn){ .phb = &pe->phb };
	pe->phb = (struct pci_controller){ .bus = &pe->bus, .dn = &pe->node, .buid = buid,
					   .controller_ops = pseries_pci_controller_ops };
	pe->bus = (struct pci_bus){ .sysdata = &pe->phb, .number = config >> 16 & 0xff, .dev.of_node = &pe->node };
	give_window(pe, WINDOW, "ibm,dma-window", in);
	in += 4;
	if (in[0])
		give_property(pe, APPLICABLE, "ibm,ddw-applicable", (u32[]){ in[1], in[2], in[3] }, 3);
	in += 4;
	for (word i = 0; i < in[0]; i++)
		cells[i] = in[1 + i];
	if (in[0])
		give_property(pe, EXTENSIONS, "ibm,ddw-extensions", cells, in[0]);
	in += 1 + in[0];
	if (in[0])
		pe->phb.mem_resources[0] = (struct resource){ in[1], in[2] - 1, IORESOURCE_MEM };
	in += 3;
	give_window(pe, SAVED, "ibm,dma-window-saved", in);
	give_found(pe, in + 4);
}

/* The initcall that comes before the buses are scanned, for one node after the other. */
static void find_windows_of(struct pe *pe)
{
	tree.child = &pe->node;
	pe->node.sibling = NULL;
	initcall_find_existing_ddw_windows();
	link_nodes();
}

/* pci_device_add() of a function whose node is there. */
static void find_function(struct function *function)
{
	struct pe *pe = function->pe;

	function->mask = DMA_BIT_MASK(32);
	function->device = (struct pci_dev){ .bus = &pe->bus, .devfn = function->dn.devfn,
					     .dev = { .of_node = &function->node, .dma_mask = &function->mask,
						      .coherent_dma_mask = DMA_BIT_MASK(32), .dma_ops = pci_dma_ops,
						      .limits = { SZ_64K, U32_MAX } } };
	pe->phb.controller_ops.dma_dev_setup(&function->device);
}

/*
 * in: device, config address, buid; of the PE, which counts for its first function: default window: present, LIOBN, start,
 * size; ddw-applicable: present, three tokens; number of ddw-extensions cells, the cells; 32-bit MMIO: present, start, stop;
 * what a kernel before this one left: see give_window(), give_found().
 */
void partition_attach(const word *in)
{
	struct function *function = &functions[in[0]];
	struct pe *pe = pe_named(in[1], in[2]);
	bool first = !pe->functions;

	if (first)
		bring_up(pe, in + 3);
	memset(function, 0, sizeof(*function));
	function->attached = true;
	function->pe = pe;
	function->node = (struct device_node){ .name = "device", .full_name = "/pci/device", .parent = &pe->node,
					       .data = &function->dn };
	function->dn = (struct pci_dn){ .busno = pe->config >> 16 & 0xff, .devfn = pe->config >> 8 & 0xff, .phb = &pe->phb };
	pe->functions++;
	link_nodes();
	if (first) {
		find_windows_of(pe);
		pe->phb.controller_ops.dma_bus_setup(&pe->bus);
	}
	find_function(function);
}

static void tell_tree(struct device_node *node)
{
	struct of_reconfig_data gone = { .dn = node };

	cpus[this_cpu].tells_tree = true;
	tree_listener->notifier_call(tree_listener, OF_RECONFIG_DETACH_NODE, &gone);
	cpus[this_cpu].tells_tree = false;
}

/* The function leaves its group before its node goes, and that of its PE with the last one: dlpar_remove_slot(),
 * dlpar_detach_node(). */
void partition_detach(word number)
{
	struct function *function = &functions[number];
	struct pe *pe = function->pe;

	iommu_group_remove_device(&function->device.dev);
	tell_tree(&function->node);
	function->attached = false;
	if (pe->functions == 1) {
		pe->node.child = NULL;
		tell_tree(&pe->node);
	}
	pe->functions--;
	if (!pe->functions && pe->by_dlpar)
		release_node(&pe->node, pe->properties, ARRAY_SIZE(pe->properties));
	link_nodes();
}

/* The function is removed and found again, its node stays: pci_stop_and_remove_bus_device(), pci_scan_slot(). */
void partition_replug(word number)
{
	iommu_group_remove_device(&functions[number].device.dev);
	find_function(&functions[number]);
}

/* dma_set_mask() of kernel/dma/mapping.c. */
int partition_set_mask(word number, word mask)
{
	struct function *function = &functions[number];

	if (!function->device.dev.dma_ops->dma_supported(&function->device.dev, mask))
		return 0;
	function->mask = mask;
	return 1;
}

/* dma_set_coherent_mask(), the same. */
int partition_set_coherent_mask(word number, word mask)
{
	struct device *device = &functions[number].device.dev;

	if (!device->dma_ops->dma_supported(device, mask))
		return 0;
	device->coherent_dma_mask = mask;
	return 1;
}

word partition_required_mask(word number)
{
	return dispatch_required_mask(&functions[number].device.dev);
}

/* Requests that are under way at the same time have CPUs of their own; each begins on the first of them. */
void run_on(word cpu)
{
	current_cpu = (cpu + this_cpu * (MOST_CPUS / MOST_RUNNING)) % MOST_CPUS;
}

word partition_map(word number, word start, word size, word direction, word cpu)
{
	run_on(cpu);
	return dispatch_map(&functions[number].device.dev, start, size, direction);
}

void partition_unmap(word number, word handle, word size, word direction)
{
	dispatch_unmap(&functions[number].device.dev, handle, size, direction);
}

/* in: number of elements, start and size of each. The list as sg_init_table() and sg_set_page() make it. */
static const word *make_list(struct scatterlist *list, const word *in)
{
	word count = *in++;

	if (count > MOST_ELEMENTS)
		host_out_of_scope("a scatterlist of so many elements");
	memset(list, 0, MOST_ELEMENTS * sizeof(*list));
	for (word i = 0; i < count; i++, in += 2) {
		list[i].page_link = in[0] & PAGE_MASK;
		list[i].offset = in[0] & ~PAGE_MASK;
		list[i].length = in[1];
	}
	return in;
}

/* in: device, direction, CPU, the device's limits for a segment, the list. Reply: start and size of each segment. */
void partition_map_sg(const word *in)
{
	struct device *device = &functions[in[0]].device.dev;
	struct device_dma_parameters before = device->limits;
	struct scatterlist list[MOST_ELEMENTS];
	int segments;

	run_on(in[2]);
	device->limits = (struct device_dma_parameters){ in[3], in[4] };
	make_list(list, in + 5);
	segments = dispatch_map_sg(device, list, in[5], in[1]);
	for (int i = 0; i < segments; i++) {
		host_reply(list[i].dma_address);
		host_reply(list[i].dma_length);
	}
	device->limits = before;
}

/* in: device, direction, the list, number of segments, start and size of each. The other elements never had any. */
void partition_unmap_sg(const word *in)
{
	struct device *device = &functions[in[0]].device.dev;
	struct scatterlist list[MOST_ELEMENTS];
	const word *segments = make_list(list, in + 2);

	for (word i = 0; i < segments[0]; i++) {
		list[i].dma_address = segments[1 + 2 * i];
		list[i].dma_length = segments[2 + 2 * i];
	}
	dispatch_unmap_sg(device, list, in[2], in[1]);
}

/* A driver's coherent mask, which it may have set or not. Pages that nobody gives back are a warning. */
word partition_alloc_coherent(word number, word start, word size, word mask, word cpu)
{
	struct device *device = &functions[number].device.dev;
	u64 before = device->coherent_dma_mask;
	dma_addr_t handle;

	run_on(cpu);
	device->coherent_dma_mask = mask;
	pages_are_at(start);
	handle = dispatch_alloc(device, size);
	WARN_ON(handle == DMA_MAPPING_ERROR && !pages_are_back());
	device->coherent_dma_mask = before;
	return handle;
}

void partition_free_coherent(word number, word start, word size, word handle, word mask)
{
	struct device *device = &functions[number].device.dev;
	u64 before = device->coherent_dma_mask;

	device->coherent_dma_mask = mask;
	pages_were_given(start, get_order(size));
	dispatch_free(device, size, __va(start), handle);
	WARN_ON(!pages_are_back());
	device->coherent_dma_mask = before;
}

int partition_memory(word action, word start, word size)
{
	struct memory_notify notice = { start >> PAGE_SHIFT, size >> PAGE_SHIFT };
	int answer;

	added_until = start + size;
	if (action == MEM_GOING_ONLINE)
		seen_memory(start + size);
	if (action == MEM_ONLINE)
		add_ram(start, start + size);
	if (action == MEM_OFFLINE)
		drop_ram(start);
	answer = memory_listener->notifier_call(memory_listener, action, &notice);
	added_until = 0;
	return answer != NOTIFY_BAD;
}

static void show_window(const struct device_node *node, const char *name)
{
	u32 cells[5] = { 0 };

	host_reply(!of_property_read_u32_array(node, name, cells, 5));
	host_reply(cells[0]);
	host_reply((word)cells[1] << 32 | cells[2]);
	host_reply((word)cells[3] << 32 | cells[4]);
}

/* What the device tree has for a kernel that follows, as give_window() and give_found() want it: the default window, its copy,
 * the dynamic one. */
void partition_properties(word number)
{
	struct device_node *node = &functions[number].pe->node;
	bool direct = of_find_property(node, window_name(true), NULL);
	u32 cells[6] = { 0 };

	show_window(node, "ibm,dma-window");
	show_window(node, "ibm,dma-window-saved");
	host_reply(!of_property_read_u32_array(node, window_name(direct), cells, 6));
	host_reply(direct);
	host_reply(cells[0]);
	host_reply((word)cells[2] << 32 | cells[3]);
	host_reply(cells[4]);
	host_reply(cells[5]);
}

int partition_routes(word number, word start, word size)
{
	return dispatch_goes_direct(&functions[number].device.dev, start, size);
}

struct device *device_of(word number)
{
	return &functions[number].device.dev;
}

struct iommu_table_group *table_group_of(word number)
{
	return functions[number].pe->dn.table_group;
}

word pe_of(word number)
{
	return functions[number].pe - pes;
}

/* What user space has mapped, as ranges of entries counted from `base`. */
static void show_used(struct iommu_table *table, unsigned long base)
{
	const struct used *all = used_of(table);

	for (const struct span *span = all->spans; span < all->spans + all->count; span++)
		for (unsigned long at = span->start, end; at < span->stop; at = end) {
			bool taken = table->it_userspace[at - table->it_offset];

			for (end = at; end < span->stop && !table->it_userspace[end - table->it_offset] == !taken; end++)
				;
			if (!taken)
				continue;
			host_reply(1);
			host_reply(at - base);
			host_reply(end - base);
		}
	host_reply(0);
}

/* The bitmap's ones as ranges, counted from `base`, without what is reserved. */
static void show_entries(struct iommu_table *table, unsigned long base)
{
	unsigned long at = 0, end, shift = table->it_offset - base;
	unsigned long from = table->it_reserved_start - table->it_offset, to = table->it_reserved_end - table->it_offset;

	if (table->it_offset == 0)
		at = 1;
	while ((at = find_next_bit(table->it_map, table->it_size, at)) < table->it_size) {
		if (at >= from && at < to) {
			at = to;
			continue;
		}
		end = find_next_zero_bit(table->it_map, table->it_size, at);
		if (at < from && end > from && from < to)
			end = from;
		host_reply(1);
		host_reply(at + shift);
		host_reply(end + shift);
		at = end;
	}
	host_reply(0);
}

static void show_table(struct iommu_table *table, const struct dma_window_view *window)
{
	unsigned long base = table->it_offset;

	if (window && window->liobn == table->it_index)
		base = window->base >> table->it_page_shift;
	host_reply(1);
	host_reply(table->it_index);
	host_reply(table->it_offset << table->it_page_shift);
	host_reply((table->it_offset + table->it_size) << table->it_page_shift);
	host_reply(table->it_map || table->it_userspace);
	if (table->it_userspace)
		show_used(table, base);
	else if (table->it_map)
		show_entries(table, base);
}

/* A table on all of a window is one of a kernel before. */
static bool is_on_all_of(const struct iommu_table *table, const struct dma_window_view *window)
{
	return table->it_offset << table->it_page_shift == window->base &&
	       table->it_size << table->it_page_shift == 1ULL << window->window_shift;
}

/* Where the dynamic part of a window with a direct one starts: at the table on it, at its end if there is none. */
static u64 dynamic_start(const struct dma_window_view *window, struct iommu_table_group *group)
{
	for (int i = 0; group && i < IOMMU_TABLE_GROUP_MAX_TABLES; i++)
		if (group->tables[i] && host_is_live(group->tables[i]) && group->tables[i]->it_index == window->liobn &&
		    !is_on_all_of(group->tables[i], window))
			return group->tables[i]->it_offset << group->tables[i]->it_page_shift;
	return window->base + (1ULL << window->window_shift);
}

/*
 * Reply: mask; LIOBN of the table in use, + 1, or 0; default property; window: present, LIOBN, direct start and stop,
 * dynamic start and stop; tables: 1, LIOBN, start, stop, has a bitmap, then ranges 1, start, stop, ended by 0; ended by 0;
 * number of failed-list entries; whether the table in use was freed; whether a window property has no list entry.
 */
void partition_view(word number)
{
	struct function *function = &functions[number];
	struct iommu_table_group *group = table_group_of(number);
	struct iommu_table *table = get_iommu_table_base(&function->device.dev);
	struct dma_window_view window;
	bool listed = window_of(&function->pe->node, &window), freed = table && !host_is_live(table);
	bool opened = listed && !is_of_user_space(number, window.liobn);

	if (is_owned(number)) { /* no driver maps through what is kept for one */
		table = NULL;
		freed = false;
	}

	host_reply(function->mask);
	host_reply(table && !freed ? table->it_index + 1 : 0);
	host_reply(of_find_property(&function->pe->node, "ibm,dma-window", NULL) != NULL);
	host_reply(opened);
	if (opened) {
		u64 stop = window.base + (1ULL << window.window_shift);
		u64 start = window.direct ? dynamic_start(&window, group) : window.base;

		host_reply(window.liobn);
		host_reply(window.base);
		host_reply(start);
		host_reply(start);
		host_reply(stop);
	}
	for (int i = 0; group && i < IOMMU_TABLE_GROUP_MAX_TABLES; i++) {
		freed |= group->tables[i] && !host_is_live(group->tables[i]);
		if (group->tables[i] && host_is_live(group->tables[i]))
			show_table(group->tables[i], listed ? &window : NULL);
	}
	host_reply(0);
	host_reply(failures_of(&function->pe->node));
	host_reply(freed);
	host_reply(!listed && has_window_property(&function->pe->node));
}
