/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scripts drawn from a seed: what properties/strategies.py draws with Hypothesis, as far as C has it at hand. */
#include "storm.h"

static word state;

/* splitmix64 */
static word draw(void)
{
	word z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

word draw_below(word limit)
{
	return draw() % limit;
}

void draw_begin(word seed, word number)
{
	state = seed ^ (number + 1) * 0xd1342543de82ef95ULL;
	draw();
}

static int one_in(word n)
{
	return draw_below(n) == 0;
}

#define PICK(array) ((array)[draw_below(sizeof(array) / sizeof((array)[0]))])

/* LoPAR tables 129, 130, 131, 133, and the hypercalls' codes. */
static word answer_at(enum point point)
{
	static const int query[] = { -1, -3 }, create[] = { -1, -2, -3, 9900, 9905 }, reset[] = { -1, -2, -3 };
	static const int hcall[] = { -1, -4, -44, 1, -16 };

	switch (point) {
	case QUERY:
	case REMOVE:
		return (word)(long)PICK(query);
	case CREATE:
		return (word)(long)PICK(create);
	case RESET:
		return (word)(long)PICK(reset);
	case H_PUT:
	case H_STUFF:
	case H_LIST:
		return (word)(long)PICK(hcall);
	default:
		return 0;
	}
}

static struct fault draw_fault(const unsigned char *points, word count)
{
	enum point point = points[draw_below(count)];

	return (struct fault){ point, one_in(3) ? 1 + draw_below(3) : 0, answer_at(point) };
}

/* In three of five cases none; one, or two. */
static void draw_faults(struct event *event)
{
	static const unsigned char writes[] = { H_PUT, H_STUFF, H_LIST, ALLOCATIONS + 6 };
	static unsigned char all[POINTS - 1];
	int few = event->kind != SET_MASK && event->kind != ATTACH && event->kind != DETACH && event->kind != REBOOT;

	for (int i = 0; i < POINTS - 1; i++) /* all but the group, whose failure the core handles */
		all[i] = i;
	event->faults = draw_below(5) < 3 ? 0 : one_in(4) ? 2 : 1;
	for (word i = 0; i < event->faults; i++)
		event->fault[i] = few ? draw_fault(writes, 4) : draw_fault(all, POINTS - 1);
}

static word draw_mask(void)
{
	word bits = 64;

	if (one_in(3))
		bits = one_in(10) ? 24 + draw_below(9) : 32 + draw_below(32);
	return bits == 64 ? ~0ULL : (1ULL << bits) - 1;
}

/* A buffer somewhere in memory that is there: at its start, its end, across a border, in the middle. */
static void draw_map(struct event *event)
{
	static const word lengths[] = { 1, 4096, 4097, 65536, 65537, 1 << 20, (1 << 21) + 1, 1 << 24 };
	static const word offsets[] = { 0, 0, 1, 4095, 4096, 70000 };
	const struct memory *there[2 * MOST_SPANS], *memory;
	word count = 0, size, offset = PICK(offsets), start;

	for (word i = 0; i < life.vpmems; i++)
		if (life.vpmem[i].there)
			there[count++] = &life.vpmem[i];
	for (word i = 0; i < life.blocks; i++)
		if (life.block[i].there)
			there[count++] = &life.block[i];
	if (!count)
		return;
	memory = there[draw_below(count)];
	size = PICK(lengths);
	if (size > memory->stop - memory->start)
		size = memory->stop - memory->start;
	switch (draw_below(4)) {
	case 0:
		start = memory->start + offset;
		break;
	case 1:
		start = memory->stop - size > offset ? memory->stop - size - offset : 0;
		break;
	case 2:
		start = ((memory->start >> 21) + 1) << 21;
		start = start > size / 2 + offset ? start - size / 2 - offset : 0;
		break;
	default:
		start = memory->start + (memory->stop - memory->start) / 2 + offset;
	}
	if (start > memory->stop - size)
		start = memory->stop - size;
	if (start < memory->start)
		start = memory->start;
	event->operand[1] = start;
	event->operand[2] = start + size;
	event->operand[3] = draw_below(3);
	event->operand[4] = draw_below(4);
}

/* Any event, possible or not; the devices of a new script get a mask first. */
void draw_event(struct event *event)
{
	static const unsigned char kinds[] = { SET_MASK, SET_MASK, MAP, MAP, MAP, MAP, MAP, UNMAP, UNMAP, ONLINE, ONLINE, OFFLINE,
					       OFFLINE, ADD_VPMEM, REMOVE_VPMEM, DETACH, DETACH, ATTACH, ATTACH, REBOOT };
	word first = progress->events < life.devices && !one_in(4);

	*event = (struct event){ first ? SET_MASK : PICK(kinds) };
	switch ((enum kind)event->kind) {
	case SET_MASK:
		event->operand[0] = draw_below(life.devices);
		event->operand[1] = draw_mask();
		break;
	case MAP:
		event->operand[0] = draw_below(life.devices);
		draw_map(event);
		break;
	case UNMAP:
		event->operand[0] = life.mapped ? draw_below(life.mapped) : 0;
		break;
	case ONLINE:
	case OFFLINE:
		event->operand[0] = draw_below(life.blocks);
		event->operand[1] = one_in(4);
		break;
	case ADD_VPMEM:
	case REMOVE_VPMEM:
		event->operand[0] = life.vpmems ? draw_below(life.vpmems) : 0;
		break;
	default:
		event->operand[0] = draw_below(life.devices);
	}
	draw_faults(event);
}
