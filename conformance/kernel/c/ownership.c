/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VFIO above the DDW code, restated: drivers/vfio/vfio_iommu_spapr_tce.c, whose container holds one group here. The group's
 * change of owner, which drivers/iommu/iommu.c makes device by device, is told so.
 *
 * Pages are not pinned; an address of user space is where its memory is, plus 1, so that none is 0.
 */
#include "partition.h"
#include <asm/iommu.h>

#ifdef HAVE_DEVICE_GROUP
/* The container's references to the tables that it has created, and the functions that user space has. */
static struct iommu_table *held[MOST_DEVICES][IOMMU_TABLE_GROUP_MAX_TABLES];
static bool owned[MOST_DEVICES];
/* The entries of each table that user space may have mapped, in order, so that nobody has to look at all of them. */
static struct used used[MOST_DEVICES][IOMMU_TABLE_GROUP_MAX_TABLES];

bool is_owned(word number)
{
	return owned[number];
}

bool is_of_user_space(word number, u32 liobn)
{
	for (int i = 0; i < IOMMU_TABLE_GROUP_MAX_TABLES; i++)
		if (held[pe_of(number)][i] && held[pe_of(number)][i]->it_index == liobn)
			return true;
	return false;
}

const struct used *used_of(const struct iommu_table *table)
{
	static const struct used none;

	for (int pe = 0; pe < MOST_DEVICES; pe++)
		for (int i = 0; i < IOMMU_TABLE_GROUP_MAX_TABLES; i++)
			if (held[pe][i] == table)
				return &used[pe][i];
	return &none;
}

static void note(struct used *all, word start, word stop)
{
	int kept = 0, at;

	for (int i = 0; i < all->count; i++) {
		struct span other = all->spans[i];

		if (other.stop < start || other.start > stop) {
			all->spans[kept++] = other;
			continue;
		}
		start = min(start, other.start);
		stop = max(stop, other.stop);
	}
	if (kept == MOST_SPANS)
		host_out_of_scope("so many maps of user space");
	for (at = kept; at && all->spans[at - 1].start > start; at--)
		all->spans[at] = all->spans[at - 1];
	all->spans[at] = (struct span){ start, stop };
	all->count = kept + 1;
}

/* spapr_tce_blocked_iommu_attach_dev(), spapr_tce_platform_iommu_attach_dev() */
static bool take(word number)
{
	struct iommu_table_group *group = table_group_of(number);

	owned[number] = !group->ops->take_ownership(group, device_of(number));
	return owned[number];
}

static void give_back(word number)
{
	struct iommu_table_group *group = table_group_of(number);

	group->ops->release_ownership(group, device_of(number));
	owned[number] = false;
}

/* tce_iommu_create_window(). Reply: whether there is a table now, where it begins. */
static void create(word number, int window, word page_shift, word size, word levels)
{
	struct iommu_table_group *group = table_group_of(number);
	struct iommu_table *table = NULL;
	bool known = page_shift < 64 && group->pgsizes & 1ULL << page_shift;
	bool made = known && group->ops->get_table_size(page_shift, size, levels) &&
		    !group->ops->create_table(group, window, page_shift, size, levels, &table);

	held[pe_of(number)][window] = made ? table : NULL;
	used[pe_of(number)][window].count = 0;
	host_reply(made);
	host_reply(made ? table->it_offset << table->it_page_shift : 0);
}

static bool set(word number, int window, word source)
{
	struct iommu_table_group *group = table_group_of(number);

	return !group->ops->set_window(group, window, held[pe_of(source)][window]);
}

/* tce_iommu_clear(). TCEs of which user space has mapped nothing are left alone, where VFIO clears them once more. */
static void clear(struct iommu_table *table, unsigned long entry, unsigned long count)
{
	for (unsigned long end = entry + count; entry < end; entry++) {
		__be64 *user = table->it_ops->useraddrptr(table, entry, true);
		enum dma_data_direction direction = DMA_NONE;
		unsigned long memory = 0;

		if (!user || !*user || iommu_tce_xchg_no_kill(NULL, table, entry, &memory, &direction) || direction == DMA_NONE)
			continue;
		*user = 0;
	}
	iommu_tce_kill(table, entry - count, count);
}

/* tce_iommu_remove_window() */
static bool unset(word number, int window)
{
	struct iommu_table_group *group = table_group_of(number);
	struct iommu_table *table = held[pe_of(number)][window];
	const struct used *all = used_of(table);
	bool agreed;

	for (int i = 0; i < all->count; i++)
		clear(table, all->spans[i].start, all->spans[i].stop - all->spans[i].start);
	agreed = !group->ops->unset_window(group, window);
	iommu_tce_table_put(table);
	held[pe_of(number)][window] = NULL;
	return agreed;
}

/* tce_iommu_ioctl() with VFIO_IOMMU_MAP_DMA, tce_iommu_build_v2(). What goes beyond the table is refused as a whole. */
static bool map(struct iommu_table *table, struct used *all, word iova, word memory, word size, word direction)
{
	unsigned long page = IOMMU_PAGE_SIZE(table), entry = iova >> table->it_page_shift, count = size >> table->it_page_shift;

	if ((iova | memory | size) & (page - 1) || entry < table->it_offset ||
	    entry + count > table->it_offset + table->it_size)
		return false;
	note(all, entry, entry + count);
	for (unsigned long i = 0; i < count; i++) {
		__be64 *user = table->it_ops->useraddrptr(table, entry + i, true);
		enum dma_data_direction before = direction;
		unsigned long old = memory + i * page;

		if (iommu_tce_xchg_no_kill(NULL, table, entry + i, &old, &before)) {
			clear(table, entry, i);
			return false;
		}
		if (!user)
			host_crash("NULL dereference of it_userspace in tce_iommu_build_v2()", __FILE__, __LINE__);
		*user = cpu_to_be64(memory + i * page + 1);
	}
	iommu_tce_kill(table, entry, count);
	return true;
}

/* in: what, device, table, and the rest as Own of guest.py says. Reply: whether it could be, and what else there is to say. */
void partition_own(const word *in)
{
	struct iommu_table *table = held[pe_of(in[1])][in[2]];

	switch (in[0]) {
	case TAKE:
		host_reply(take(in[1]));
		break;
	case RELEASE:
		give_back(in[1]);
		break;
	case CREATE_TABLE:
		create(in[1], in[2], in[3], in[4], in[5]);
		break;
	case SET_WINDOW:
		host_reply(set(in[1], in[2], in[3]));
		break;
	case UNSET_WINDOW:
		host_reply(unset(in[1], in[2]));
		break;
	case MAP_USER:
		host_reply(map(table, &used[pe_of(in[1])][in[2]], in[3], in[4], in[5], in[6]));
		break;
	case UNMAP_USER:
		clear(table, in[3] >> table->it_page_shift, in[4] >> table->it_page_shift);
		break;
	}
}
#else
const struct used *used_of(const struct iommu_table *table)
{
	static const struct used none;

	return &none;
}

bool is_owned(word number)
{
	return false;
}

bool is_of_user_space(word number, u32 liobn)
{
	return false;
}

void partition_own(const word *in)
{
	host_out_of_scope("VFIO on a PE of a release that does not know it on pseries");
}
#endif
