/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PEs, their windows, and the four RTAS calls on them. LoPAR 7.3.27. */
#include <string.h>

#include "platform.h"

typedef unsigned __int128 wide; /* the end of the bus is 2^64 */

struct profile profile;
struct endpoint endpoints[MOST_PES];
int number_of_pes;
static word last_liobn;

/* Table 129: I/O page shift by bit of the page-size mask. */
static const unsigned char page_shifts[] = { 12, 16, 24, 25, 26, 27, 28, 34, 21 };

static struct window *add_window(struct endpoint *pe, word liobn, word base, word size, word page_shift, word window_shift)
{
	struct window *window = pe->space;

	for (int i = 0; i < pe->count; i++)
		if (pe->windows[i] == window) {
			window++;
			i = -1; /* taken: look at the next from the start */
		}
	window->liobn = liobn;
	window->base = base;
	window->size = size;
	window->page_shift = page_shift;
	window->window_shift = window_shift;
	window->table.used = window->table.full = 0; /* A7: all invalid */
	return pe->windows[pe->count++] = window;
}

/* R1-7.3.27-4, -5, -6: the default window, of 4 KB pages, and no other. */
static void restore(struct endpoint *pe)
{
	word size = profile.default_stop - profile.default_start, shift = 0;

	while ((size - 1) >> shift)
		shift++;
	pe->count = 0;
	add_window(pe, pe->default_liobn, profile.default_start, size, 12, shift);
}

/* in: struct profile; names: config_addr and PHB unit id of each PE. */
void platform_begin(const word *in, word pes, const word *names)
{
	memcpy(&profile, in, sizeof(profile));
	number_of_pes = pes;
	for (word i = 0; i < pes; i++) {
		endpoints[i].config = names[2 * i];
		endpoints[i].buid = names[2 * i + 1];
		endpoints[i].default_liobn = profile.first_liobn + 0x10000 * i;
	}
	last_liobn = profile.first_liobn + 0x1000;
	owned_clear();
	platform_reboot();
}

void platform_isolate(word pe)
{
	restore(&endpoints[pe]);
	endpoints[pe].limited = 0;
}

void platform_reboot(void)
{
	for (int i = 0; i < number_of_pes; i++)
		platform_isolate(i);
}

static struct endpoint *find(word liobn, int *position)
{
	for (int i = 0; i < number_of_pes; i++)
		for (int k = 0; k < endpoints[i].count; k++)
			if (endpoints[i].windows[k]->liobn == liobn) {
				*position = k;
				return &endpoints[i];
			}
	return NULL;
}

struct endpoint *platform_owner(word liobn)
{
	int position;

	return find(liobn, &position);
}

struct window *platform_window(word liobn)
{
	int position;
	struct endpoint *pe = find(liobn, &position);

	return pe ? pe->windows[position] : NULL;
}

static struct endpoint *named(int nargs, const unsigned int *args)
{
	for (int i = 0; nargs >= 3 && i < number_of_pes; i++)
		if (endpoints[i].config == args[0] && endpoints[i].buid == ((word)args[1] << 32 | args[2]))
			return &endpoints[i];
	return NULL;
}

/* A8: whether a table that still holds valid TCEs may not go. */
static int stays(const struct window *window)
{
	return profile.refuses_dirty && table_valid(&window->table);
}

static word available(const struct endpoint *pe)
{
	return profile.windows > (word)pe->count ? profile.windows - pe->count : 0;
}

/* 7.3.27.1, table 129. */
static long query(int nargs, const unsigned int *args, int nret, unsigned int *outputs)
{
	struct endpoint *pe = named(nargs, args);

	if (!pe || nargs != 3 || !(nret == 5 || (nret == 6 && profile.query_outputs == 6)))
		return RTAS_PARAMETER;
	*outputs++ = available(pe);
	if (nret == 6)
		*outputs++ = profile.block >> 32;
	/* A1: a block that does not fit into one cell */
	*outputs++ = nret == 5 && profile.saturates && profile.block >> 32 ? 0xffffffff : profile.block;
	*outputs++ = profile.pages;
	*outputs = 0;
	return 0;
}

static wide round_up(wide value, word step)
{
	return (value + step - 1) / step * step;
}

/* R1-5.1-3, A6: the first place from the platform's lowest on that is clear of the windows below the same PHB. */
static wide place(const struct endpoint *pe, word page_shift, word window_shift)
{
	word size = 1ULL << window_shift, step = profile.aligns ? size : 1ULL << page_shift;
	wide base = round_up(pe->limited ? profile.limited_start : profile.dma64, step), before = 0;

	/* the others in order of their start; two that start together differ in nothing but their end */
	for (;;) {
		const struct window *next = NULL;

		for (int i = 0; i < number_of_pes; i++)
			for (int k = 0; endpoints[i].buid == pe->buid && k < endpoints[i].count; k++) {
				const struct window *other = endpoints[i].windows[k];

				if (other->base >= before && (!next || other->base < next->base ||
							      (other->base == next->base && other->size > next->size)))
					next = other;
			}
		if (!next)
			return base;
		if (next->base < base + size && base < (wide)next->base + next->size)
			base = round_up((wide)next->base + next->size, step);
		before = (wide)next->base + 1;
	}
}

static word new_liobn(const struct endpoint *pe)
{
	word liobn = pe->default_liobn + 1;

	if (!profile.recycles)
		return ++last_liobn;
	for (int i = 0; i < pe->count; i++)
		if (pe->windows[i]->liobn == liobn) {
			liobn++;
			i = -1;
		}
	return liobn;
}

/* 7.3.27.2, table 130. */
static long create(int nargs, const unsigned int *args, int nret, unsigned int *outputs)
{
	struct endpoint *pe = named(nargs, args);
	unsigned int page_shift = nargs == 5 ? args[3] : 0, window_shift = nargs == 5 ? args[4] : 0;
	int offered = 0;
	wide base;

	if (!pe || nargs != 5 || nret != 4)
		return RTAS_PARAMETER;
	for (unsigned int bit = 0; bit < sizeof(page_shifts); bit++)
		offered |= page_shifts[bit] == page_shift && profile.pages >> bit & 1;
	if (!offered || window_shift < page_shift || window_shift > 63)
		return RTAS_PARAMETER;
	if (!available(pe) || 1ULL << (window_shift - page_shift) > profile.block)
		return (long)profile.oversize;
	base = place(pe, page_shift, window_shift);
	if (base + (1ULL << window_shift) > (wide)1 << 64)
		return (long)profile.oversize;
	outputs[0] = new_liobn(pe);
	outputs[1] = (word)base >> 32;
	outputs[2] = base;
	add_window(pe, outputs[0], base, 1ULL << window_shift, page_shift, window_shift);
	return 0;
}

/* 7.3.27.3, table 131; R1-7.3.27.3-3: the default comes back when the last window went and was not the default. */
static long delete(int nargs, const unsigned int *args, int nret)
{
	int position;
	struct endpoint *pe = nargs == 1 ? find(args[0], &position) : NULL;

	if (!pe || nret != 1 || stays(pe->windows[position]))
		return RTAS_PARAMETER;
	pe->count--;
	memmove(pe->windows + position, pe->windows + position + 1, (pe->count - position) * sizeof(pe->windows[0]));
	if (!pe->count && args[0] != pe->default_liobn)
		restore(pe);
	return 0;
}

/* 7.3.27.4, table 133; a fourth input asks for limited addressing, if extension index 4 offers it. */
static long reset(int nargs, const unsigned int *args, int nret)
{
	struct endpoint *pe = named(nargs, args);
	int offers = profile.extensions > 3 && profile.extension[0] >= 3 && profile.extension[3];

	if (!pe || nret != 1 || (nargs != 3 && nargs != 4) || (nargs == 4 && (!offers || args[3] > 1)))
		return RTAS_PARAMETER;
	for (int i = 0; i < pe->count; i++)
		if (stays(pe->windows[i]))
			return RTAS_PARAMETER;
	restore(pe);
	pe->limited = nargs == 4 && args[3] == 1;
	return 0;
}

/* Status; outputs has nret - 1 cells. A4: what they hold after a failure. */
long platform_rtas(word token, int nargs, const unsigned int *args, int nret, unsigned int *outputs)
{
	long status = RTAS_PARAMETER;

	if (profile.applicable && token == profile.tokens[0])
		status = query(nargs, args, nret, outputs);
	else if (profile.applicable && token == profile.tokens[1])
		status = create(nargs, args, nret, outputs);
	else if (profile.applicable && token == profile.tokens[2])
		status = delete(nargs, args, nret);
	else if (profile.applicable && profile.extensions > 1 && token == profile.extension[1])
		status = reset(nargs, args, nret);
	for (int i = 0; status && i < nret - 1; i++)
		outputs[i] = profile.failed_output;
	return status;
}

static int reaches(const struct window *window, word start, word stop)
{
	for (int i = 0; i < window->table.used; i++) {
		const struct range *range = &window->table.ranges[i];
		word from = range->tce & ~0xfffULL, pages = range->step ? range->stop - range->start : 1;

		if (range->tce & READ_WRITE && from < stop && start < from + (pages << window->page_shift))
			return 1;
	}
	return 0;
}

/* R1-13.7.4.1.2-2: memory stays while a TCE reaches it. */
int platform_release(word start, word stop)
{
	for (int i = 0; i < number_of_pes; i++)
		for (int k = 0; k < endpoints[i].count; k++)
			if (reaches(endpoints[i].windows[k], start, stop))
				return 0;
	owned_release(start, stop);
	return 1;
}

/* LoPAR 3.2.2.2 and figure 5: whether the PE reaches anything at a bus address, and what. */
int platform_translate(word pe, word address, word *memory, word *control)
{
	for (int i = 0; i < endpoints[pe].count; i++) {
		const struct window *window = endpoints[pe].windows[i];
		word offset = address - window->base, tce;

		if (address < window->base || offset >= window->size)
			continue;
		tce = table_entry(&window->table, offset >> window->page_shift);
		*memory = (tce & ~0xfffULL) + (offset & ((1ULL << window->page_shift) - 1));
		*control = tce & READ_WRITE;
		return *control != 0;
	}
	return 0;
}

/* Whether some table has run out of space, so that nothing that it says is true. */
int platform_full(void)
{
	for (int i = 0; i < number_of_pes; i++)
		for (int k = 0; k < endpoints[i].count; k++)
			if (endpoints[i].windows[k]->table.full)
				return 1;
	return 0;
}
