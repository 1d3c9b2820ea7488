/* SPDX-License-Identifier: GPL-2.0-or-later */
/* H_GET_TCE, H_PUT_TCE, H_STUFF_TCE, H_PUT_TCE_INDIRECT. LoPAR 14.5.4.2. A call that fails changes nothing. */
#include "platform.h"

enum { RESERVED = 0xffc /* TCE bits 52..61 */, ADDRESS_LOW = 0xfff };

/* Whether `count` entries from IOBA on belong to the window. A13: an IOBA inside an I/O page. */
static int inside(const struct window *window, word ioba, word count, word *index)
{
	word offset = ioba - window->base, entries = window->size >> window->page_shift;

	if (ioba < window->base || offset >= window->size)
		return 0;
	if (profile.rejects_unaligned && offset & ((1ULL << window->page_shift) - 1))
		return 0;
	*index = offset >> window->page_shift;
	return *index <= entries && count <= entries - *index;
}

/* Whether a TCE may be stored, and as what. A13, A17: a fault entry is kept as it is. */
static int stored(const struct window *window, word tce, word *entry)
{
	word page = 1ULL << window->page_shift, address = tce & ~(word)ADDRESS_LOW;

	*entry = tce;
	if (tce & RESERVED && profile.rejects_reserved)
		return 0;
	if (!(tce & READ_WRITE))
		return 1;
	if (address & (page - 1)) {
		if (profile.rejects_unaligned)
			return 0;
		address -= address & (page - 1);
	}
	*entry = address | (tce & READ_WRITE);
	return owned_holds(address, profile.whole_page ? page : FOUR_K);
}

static long fill(struct window *window, word ioba, word tce, word count)
{
	word index, entry;

	if (!inside(window, ioba, count, &index) || !stored(window, tce, &entry))
		return H_PARAMETER;
	table_fill(&window->table, index, entry, count == 1 ? 1ULL << window->page_shift : 0, count);
	return H_SUCCESS;
}

/* The list form, 14.5.4.2.4: all of the entries or none; neighbours that go up evenly are stored together. */
static long from_list(struct window *window, word ioba, word count, const word *list)
{
	word index, page = 1ULL << window->page_shift, entries[MOST_TCES];

	if (!inside(window, ioba, count, &index))
		return H_PARAMETER;
	for (word i = 0; i < count; i++)
		if (!stored(window, __builtin_bswap64(list[i]), &entries[i]))
			return H_PARAMETER;
	for (word i = 0, stop; i < count; i = stop) {
		word step = page;

		for (stop = i + 1; stop < count; stop++) {
			word difference = entries[stop] - entries[stop - 1];

			if (stop == i + 1 && difference == 0)
				step = 0;
			if (difference != step || !entries[i])
				break;
		}
		table_fill(&window->table, index + i, entries[i], stop - i == 1 ? page : step, stop - i);
	}
	return H_SUCCESS;
}

/* misaligned: the low bits of the list's address. A18: too many entries are H_P4 in one call, H_PARAMETER in the other. */
long platform_hcall(enum hcall kind, word liobn, word ioba, word tce, word count, const word *list, word misaligned)
{
	struct window *window = platform_window(liobn);
	word index;

	if ((kind == PUT_TCE_INDIRECT && !(profile.multi_tce & LISTS)) || (kind == STUFF_TCE && !(profile.multi_tce & STUFF)))
		return H_FUNCTION;
	if (!window || !inside(window, ioba, 0, &index))
		return H_PARAMETER;
	if (kind == PUT_TCE)
		return fill(window, ioba, tce, 1);
	if (count > MOST_TCES)
		return kind == STUFF_TCE ? H_P4 : H_PARAMETER;
	if (kind == STUFF_TCE)
		return fill(window, ioba, tce, count);
	return misaligned ? H_PARAMETER : from_list(window, ioba, count, list);
}

long platform_get_tce(word liobn, word ioba, word *tce)
{
	struct window *window = platform_window(liobn);
	word index;

	*tce = 0;
	if (!window || !inside(window, ioba, 1, &index))
		return H_PARAMETER;
	*tce = table_entry(&window->table, index);
	if (!(*tce & READ_WRITE) || owned_holds(*tce & ~(word)ADDRESS_LOW, FOUR_K))
		return H_SUCCESS;
	*tce |= ~(word)ADDRESS_LOW;
	return H_PARTIAL;
}
