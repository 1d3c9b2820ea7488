/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCE table kept as ranges (LoPAR 3.2.2.2): entries that go up by a constant step, the I/O page or 0. */
#include <string.h>

#include "platform.h"

/* The position of the first range that ends behind `at`. */
static int position(const struct table *table, word at)
{
	int low = 0, high = table->used;

	while (low < high) {
		int middle = (low + high) / 2;

		if (table->ranges[middle].stop > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static struct range cut(const struct range *range, word start, word stop)
{
	return (struct range){ start, stop, range->tce + (start - range->start) * range->step, range->step };
}

/* Put `count` ranges in the place of those from position `first` to before `last`. */
static void splice(struct table *table, int first, int last, const struct range *ranges, int count)
{
	if (table->used - (last - first) + count > MOST_RANGES) {
		table->full = 1;
		return;
	}
	memmove(table->ranges + first + count, table->ranges + last, (table->used - last) * sizeof(*ranges));
	memcpy(table->ranges + first, ranges, count * sizeof(*ranges));
	table->used += count - (last - first);
}

static void clear(struct table *table, word start, word stop)
{
	int first = position(table, start), last = first, count = 0;
	struct range left[2];

	while (last < table->used && table->ranges[last].start < stop)
		last++;
	if (first == last)
		return;
	if (table->ranges[first].start < start)
		left[count++] = cut(&table->ranges[first], table->ranges[first].start, start);
	if (table->ranges[last - 1].stop > stop)
		left[count++] = cut(&table->ranges[last - 1], stop, table->ranges[last - 1].stop);
	splice(table, first, last, left, count);
}

/* Whether `after` goes on where `before` ends; a single entry has no step of its own. */
static int continues(const struct range *before, const struct range *after)
{
	word step = before->step;

	if (before->stop - before->start == 1)
		step = after->stop - after->start == 1 ? after->tce - before->tce : after->step;
	else if (after->stop - after->start > 1 && after->step != step)
		return 0;
	/* a single entry may begin a range of equal entries or of whole I/O pages, and no other */
	return before->stop == after->start && (step == before->step || step == 0) &&
	       after->tce == before->tce + (before->stop - before->start) * step;
}

static void join(struct range *before, const struct range *after)
{
	if (before->stop - before->start == 1)
		before->step = after->tce - before->tce;
	before->stop = after->stop;
}

/* Store tce, tce + step, ... from entry `start` on; step is 0 or the I/O page, of one entry always the I/O page. */
void table_fill(struct table *table, word start, word tce, word step, word count)
{
	struct range range = { start, start + count, tce, step };
	int first, last;

	if (!count)
		return;
	clear(table, start, start + count);
	if (!tce)
		return; /* zero is not held */
	first = last = position(table, start);
	if (last < table->used && continues(&range, &table->ranges[last]))
		join(&range, &table->ranges[last++]);
	if (first > 0 && continues(&table->ranges[first - 1], &range)) {
		struct range joined = table->ranges[--first];

		join(&joined, &range);
		range = joined;
	}
	splice(table, first, last, &range, 1);
}

word table_entry(const struct table *table, word index)
{
	int at = position(table, index);

	if (at == table->used || table->ranges[at].start > index)
		return 0;
	return cut(&table->ranges[at], index, index + 1).tce;
}

/* Whether any entry grants access. */
int table_valid(const struct table *table)
{
	for (int i = 0; i < table->used; i++)
		if (table->ranges[i].tce & READ_WRITE)
			return 1;
	return 0;
}
