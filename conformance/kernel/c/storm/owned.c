/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory that belongs to the partition (LoPAR 14.5.4.2): ranges in order, none touching the next. */
#include <string.h>

#include "platform.h"

static struct span owned[MOST_SPANS];
static int spans, last; /* last: where the last question was answered */

void owned_clear(void)
{
	spans = last = 0;
}

static void add(word start, word stop)
{
	int at = spans;

	if (start >= stop || spans == MOST_SPANS)
		return;
	while (at && owned[at - 1].start > start)
		at--;
	memmove(owned + at + 1, owned + at, (spans++ - at) * sizeof(owned[0]));
	owned[at] = (struct span){ start, stop };
}

/* Take what lies in [start, stop) away, and put the pieces before and behind it back. */
void owned_release(word start, word stop)
{
	struct span old[MOST_SPANS];
	int count = spans;

	memcpy(old, owned, sizeof(old));
	spans = last = 0;
	for (int i = 0; i < count; i++) {
		int apart = old[i].stop <= start || stop <= old[i].start;

		add(old[i].start, apart || old[i].start >= start ? (apart ? old[i].stop : old[i].start) : start);
		if (!apart)
			add(old[i].stop > stop ? stop : old[i].stop, old[i].stop);
	}
}

void owned_assign(word start, word stop)
{
	for (int i = 0; i < spans;) {
		if (owned[i].stop < start || stop < owned[i].start) {
			i++;
			continue;
		}
		start = owned[i].start < start ? owned[i].start : start;
		stop = owned[i].stop > stop ? owned[i].stop : stop;
		memmove(owned + i, owned + i + 1, (--spans - i) * sizeof(owned[0]));
	}
	last = 0;
	add(start, stop);
}

/* Whether every byte of [start, start + size) is owned. */
int owned_holds(word start, word size)
{
	if (last < spans && owned[last].start <= start && start < owned[last].stop)
		return owned[last].stop - start >= size;
	for (last = 0; last < spans; last++)
		if (owned[last].start <= start && start < owned[last].stop)
			return owned[last].stop - start >= size;
	return 0;
}
