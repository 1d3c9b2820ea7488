/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The partition's platform and drivers: each event as model/run.py carries it out, in the same order of calls. */
#include <string.h>

#include "storm.h"

enum { GOING_ONLINE = 8, CANCEL_ONLINE = 16, NOW_ONLINE = 1, NOW_OFFLINE = 4 }; /* linux/memory.h */
static const word no_handle = ~0ULL;

struct life life;
extern word hotplug_max, pe_names[];

/* Start and stop of what is there, in order of their start, behind their number. */
static word *put_sorted(word *out, const struct memory *memory, word count)
{
	word *number = out++, after = 0;

	for (*number = 0;; ++*number, out += 2) {
		const struct memory *next = NULL;

		for (word i = 0; i < count; i++)
			if (memory[i].there && memory[i].start >= after && (!next || memory[i].start < next->start))
				next = &memory[i];
		if (!next)
			return out;
		out[0] = next->start;
		out[1] = next->stop;
		after = next->start + 1;
	}
}

static void attach(word device)
{
	word pe = life.pe[device];
	word in[32 + MOST_EXTENSIONS] = { device, pe_names[2 * pe], pe_names[2 * pe + 1], 1, endpoints[pe].default_liobn,
					  profile.default_start, profile.default_stop - profile.default_start,
					  profile.applicable };
	word *out = in + 8; /* no kernel before has left anything: zeros follow */

	for (int i = 0; i < 3; i++)
		*out++ = profile.applicable ? profile.tokens[i] : 0;
	*out++ = profile.extensions;
	for (word i = 0; i < profile.extensions; i++)
		*out++ = profile.extension[i];
	*out++ = profile.has_mmio;
	*out++ = profile.mmio_start;
	*out++ = profile.mmio_stop;
	partition_attach(in);
	life.attached[device] = 1;
	life.mask[device] = 0xffffffff;
}

int has_functions(word pe)
{
	for (word i = 0; i < life.devices; i++)
		if (life.attached[i] && life.pe[i] == pe)
			return 1;
	return 0;
}

/* The guest starts, with the memory that there is and all attached devices. */
void life_boot(void)
{
	word in[4 + 4 * MOST_SPANS] = { profile.multi_tce, hotplug_max, 0 };
	word *out = put_sorted(in + 3, life.block, life.blocks);

	put_sorted(out, life.vpmem, life.vpmems);
	partition_boot(in);
	for (word i = 0; i < life.devices; i++)
		if (life.attached[i])
			attach(i);
}

static int in_use(const struct memory *memory)
{
	for (word i = 0; i < life.mapped; i++)
		if (life.mapping[i].live && life.mapping[i].start < memory->stop && memory->start < life.mapping[i].stop)
			return 1;
	return 0;
}

static int exists(word start, word stop)
{
	for (word i = 0; i < life.blocks; i++)
		if (life.block[i].there && life.block[i].start <= start && stop <= life.block[i].stop)
			return 1;
	for (word i = 0; i < life.vpmems; i++)
		if (life.vpmem[i].there && life.vpmem[i].start <= start && stop <= life.vpmem[i].stop)
			return 1;
	return 0;
}

/* As Run.impossible(). */
int event_impossible(const struct event *event)
{
	word first = event->operand[0];

	switch ((enum kind)event->kind) {
	case ATTACH:
		return first >= life.devices || life.attached[first];
	case DETACH:
		for (word i = 0; i < life.mapped; i++)
			if (life.mapping[i].live && life.mapping[i].device == first)
				return 1;
		return first >= life.devices || !life.attached[first];
	case SET_MASK:
		return first >= life.devices || !life.attached[first] || !event->operand[1];
	case MAP:
		return first >= life.devices || !life.attached[first] || life.mapped == MOST_MAPPINGS ||
		       !exists(event->operand[1], event->operand[2]);
	case UNMAP:
		return first >= life.mapped || !life.mapping[first].live;
	case ONLINE:
		return first >= life.blocks || life.block[first].there;
	case OFFLINE:
		return first >= life.blocks || !life.block[first].there || in_use(&life.block[first]);
	case ADD_VPMEM:
		return first >= life.vpmems || life.vpmem[first].there;
	case REMOVE_VPMEM:
		return first >= life.vpmems || !life.vpmem[first].there || in_use(&life.vpmem[first]);
	case REBOOT:
		for (word i = 0; i < life.mapped; i++)
			if (life.mapping[i].live)
				return 1;
		return 0;
	case NOTHING:
		break;
	}
	return 1;
}

static void map(const word *in)
{
	word size = in[2] - in[1], asked = life.asked_hcalls;
	struct mapping *mapping = &life.mapping[life.mapped];

	life.last_cpu = in[4];
	*mapping = (struct mapping){ 1, in[0], in[1], in[2], in[3] };
	mapping->handle = partition_map(in[0], in[1], size, in[3], in[4]);
	mapping->own = life.asked_hcalls != asked;
	life.mapped += mapping->handle != no_handle;
}

static void online(struct memory *block, word cancelled)
{
	word size = block->stop - block->start;

	owned_assign(block->start, block->stop);
	if (partition_memory(GOING_ONLINE, block->start, size) && !cancelled) {
		partition_memory(NOW_ONLINE, block->start, size);
		block->there = 1;
		return;
	}
	partition_memory(CANCEL_ONLINE, block->start, size);
	platform_release(block->start, block->stop);
}

void restart_kernel(void); /* storm.c: its state is that before boot */

void event_carry_out(const struct event *event)
{
	const word *in = event->operand;
	struct memory *memory = &(event->kind == ADD_VPMEM || event->kind == REMOVE_VPMEM ? life.vpmem : life.block)[in[0]];

	run_on(0); /* what names no CPU */
	switch ((enum kind)event->kind) {
	case ATTACH:
		attach(in[0]);
		break;
	case DETACH:
		partition_detach(in[0]);
		life.attached[in[0]] = 0;
		if (!has_functions(life.pe[in[0]])) {
			check_leaving(life.pe[in[0]]);
			platform_isolate(life.pe[in[0]]);
		}
		break;
	case SET_MASK:
		if (partition_set_mask(in[0], in[1]))
			life.mask[in[0]] = in[1];
		break;
	case MAP:
		map(in);
		break;
	case UNMAP:
		life.mapping[in[0]].live = 0;
		partition_unmap(life.mapping[in[0]].device, life.mapping[in[0]].handle,
				life.mapping[in[0]].stop - life.mapping[in[0]].start, life.mapping[in[0]].direction);
		break;
	case ONLINE:
		online(memory, in[1]);
		break;
	case OFFLINE:
		if (in[1])
			break; /* refused before the guest hears of it */
		memory->there = 0;
		partition_memory(NOW_OFFLINE, memory->start, memory->stop - memory->start);
		platform_release(memory->start, memory->stop);
		break;
	case ADD_VPMEM:
		owned_assign(memory->start, memory->stop);
		memory->there = 1;
		partition_vpmem(1, memory->start, memory->stop - memory->start);
		break;
	case REMOVE_VPMEM:
		partition_vpmem(0, memory->start, memory->stop - memory->start);
		memory->there = 0;
		platform_release(memory->start, memory->stop);
		break;
	case REBOOT:
		platform_reboot();
		restart_kernel();
		life_boot();
		break;
	case NOTHING:
		break;
	}
}
