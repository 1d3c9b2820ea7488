/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What looks wrong after an event, from what the devices reach and what was asked for; no invariant of model/invariants
 * is restated in full. It may say too much: whoever judges the script decides.
 */
#include "storm.h"

enum { KERNEL_PAGE = 1 << PAGE_SHIFT };
static const word no_handle = ~0ULL;

int locks_held(void);

static int reaches(word device, word address, word memory, word needs)
{
	word found, control;

	return platform_translate(life.pe[device], address, &found, &control) && found == memory && (control & needs) == needs;
}

/* Whether a device reaches memory without TCEs of its own, and the handle, which may be refused. Asking changes nothing. */
static int goes_directly(word device, word start, word size, word *handle)
{
	if (!partition_routes(device, start, size))
		return 0;
	*handle = partition_map(device, start, size, 0, life.last_cpu);
	return 1;
}

static const struct window *window_at(word device, word address)
{
	const struct endpoint *pe = &endpoints[life.pe[device]];

	for (int i = 0; i < pe->count; i++)
		if (address - pe->windows[i]->base < pe->windows[i]->size)
			return pe->windows[i];
	return 0;
}

static void check_mapping(const struct mapping *mapping)
{
	static const word needs[] = { READ_WRITE, 1, 2 }; /* by enum dma_data_direction */
	word last = mapping->handle + (mapping->stop - 1 - mapping->start), need = needs[mapping->direction];

	if (!reaches(mapping->device, mapping->handle, mapping->start, need) ||
	    !reaches(mapping->device, last, mapping->stop - 1, need))
		suspect(UNREACHED, 0);
}

static void check_handle(const struct mapping *mapping)
{
	word last = mapping->handle + (mapping->stop - 1 - mapping->start);
	const struct window *window = window_at(mapping->device, mapping->handle);
	word page = window ? 1ULL << window->page_shift : 1;

	if (last > life.mask[mapping->device] || !window || window != window_at(mapping->device, last))
		suspect(BAD_HANDLE, 1);
	if (mapping->handle < FOUR_K)
		suspect(BAD_HANDLE, 2);
	if (profile.has_mmio && profile.mmio_start <= (last | (page - 1)) && (mapping->handle & -page) < profile.mmio_stop)
		suspect(BAD_HANDLE, 3);
}

/* What is routed directly is there, to its first and last page. */
static void check_memory(const struct memory *memory, word device)
{
	word places[] = { memory->start, memory->stop - KERNEL_PAGE }, handle;

	for (int i = 0; memory->there && i < 2; i++)
		if (goes_directly(device, places[i], KERNEL_PAGE, &handle) &&
		    (handle == no_handle || !reaches(device, handle, places[i], READ_WRITE)))
			suspect(RAM_UNREACHED, handle == no_handle);
}

/* Of the RAM blocks, some are routed directly and some are not: right only where a window holds no more. */
static void check_evenness(word device)
{
	int routed[2] = { 0, 0 };

	for (word k = 0; k < life.blocks; k++)
		if (life.block[k].there)
			routed[!!partition_routes(device, life.block[k].start, KERNEL_PAGE)] = 1;
	if (routed[0] && routed[1])
		suspect(PARTLY_DIRECT, 0);
}

static int mapped_at(word pe, word address, word page)
{
	for (word i = 0; i < life.mapped; i++) {
		const struct mapping *mapping = &life.mapping[i];
		word last = mapping->handle + (mapping->stop - 1 - mapping->start);

		if (mapping->live && life.pe[mapping->device] == pe && (mapping->handle & -page) <= address && address <= last)
			return 1;
	}
	return 0;
}

/* Whether an I/O page is beyond the function's mask, or is where it goes directly; RAM blocks may share the page. */
static int may_reach(word device, word address, word page, word memory)
{
	word handle;

	if (address + page - 1 > life.mask[device])
		return 1;
	for (word i = 0; i < life.blocks; i++) {
		const struct memory *block = &life.block[i];
		word start = block->start > memory ? block->start : memory;

		if (block->there && start < block->stop && start < memory + page &&
		    goes_directly(device, start, KERNEL_PAGE, &handle) && handle == address + (start - memory))
			return 1;
	}
	return 0;
}

/* A valid TCE that no mapping has, and that no function of the PE may reach. */
static void check_entry(word number, const struct window *window, word index)
{
	word page = 1ULL << window->page_shift, address = window->base + index * page;
	word memory = table_entry(&window->table, index) & ~0xfffULL;

	if (mapped_at(number, address, page))
		return;
	for (word i = 0; i < life.devices; i++)
		if (life.attached[i] && life.pe[i] == number && may_reach(i, address, page, memory))
			return;
	suspect(life.refusals ? STRAY_AFTER_REFUSAL : STRAY, 0);
}

static void check_windows(word number)
{
	const struct endpoint *pe = &endpoints[number];

	if (!pe->count)
		suspect(NO_WINDOW, 0);
	for (int i = 0; i < pe->count; i++) {
		const struct table *table = &pe->windows[i]->table;

		for (int k = 0; k < table->used; k++)
			if (table->ranges[k].tce & READ_WRITE) {
				check_entry(number, pe->windows[i], table->ranges[k].start);
				check_entry(number, pe->windows[i], table->ranges[k].stop - 1);
			}
	}
}

void check_after(const struct event *event)
{
	word start = ticks();

	if (locks_held())
		suspect(LOCKED, 0);
	if (event->kind == MAP && life.mapped && life.mapping[life.mapped - 1].live)
		check_handle(&life.mapping[life.mapped - 1]);
	for (word i = 0; i < life.mapped; i++)
		if (life.mapping[i].live)
			check_mapping(&life.mapping[i]);
	for (word i = 0; i < life.devices; i++) {
		if (!life.attached[i])
			continue;
		for (word k = 0; k < life.blocks; k++)
			check_memory(&life.block[k], i);
		for (word k = 0; k < life.vpmems; k++)
			check_memory(&life.vpmem[k], i);
		check_evenness(i);
	}
	for (int i = 0; i < number_of_pes; i++)
		if (has_functions(i))
			check_windows(i);
	progress->ticks[CHECKING] += ticks() - start;
}

/* The last function of a PE has gone: the default window alone is there, and empty. */
void check_leaving(word number)
{
	const struct endpoint *pe = &endpoints[number];

	if (pe->count != 1 || pe->windows[0]->liobn != pe->default_liobn || table_valid(&pe->windows[0]->table))
		suspect(life.refusals ? STRAY_AFTER_REFUSAL : LEFT_WINDOW, 0);
}
