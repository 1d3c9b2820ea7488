/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A storm: many small scenarios run back to back in one process, each from the state after boot, on the hypervisor of
 * platform.h. It only says which scripts look wrong; storm.py has those judged. Frames as in host.h: type, number of
 * words, words.
 */
#ifndef DDW_STORM_H
#define DDW_STORM_H

#include <setjmp.h>

#include "platform.h"

enum { MOST_EVENTS = 96, MOST_MAPPINGS = 64, MOST_SIGNS = 16, MOST_FAULTS = 2 };

/* Where a run may dictate an answer, in the order of storm.py; allocations by what is allocated, see memory.c. */
enum point { QUERY, CREATE, REMOVE, RESET, H_PUT, H_STUFF, H_LIST, ALLOCATIONS, POINTS = ALLOCATIONS + 8, NO_POINT };

/* The call at `point` that comes after `skip` others there in the same event gets `answer`. */
struct fault {
	word point, skip, answer;
};

enum kind { NOTHING, ATTACH, DETACH, SET_MASK, MAP, UNMAP, ONLINE, OFFLINE, ADD_VPMEM, REMOVE_VPMEM, REBOOT };

/* One event, as model/events.py has it; operands in that order, of a map: device, start, stop, direction, cpu. */
struct event {
	word kind, operand[5], faults;
	struct fault fault[MOST_FAULTS];
};

/* What makes a script suspect: why, after which event, and where in the program, if that is known. */
enum reason {
	WARNED = 1, LOCKED, ODD_HCALL, ODD_RTAS, PARTLY_DIRECT, DIRTY, NO_WINDOW, BAD_HANDLE, UNREACHED, RAM_UNREACHED, STRAY,
	STRAY_AFTER_REFUSAL, LEFT_WINDOW, LEFT_MEMORY, CRASHED, DIED,
};
struct sign {
	word reason, event, place;
};

/* Where the time goes, in ticks of the clock. */
enum part { RESTORING, DRAWING, HYPERVISOR, CHECKING, ALL, PARTS };

/* What the process around a batch knows of it even if it dies; shared with its parent. */
struct progress {
	word booted, number, events, signs, scripts, steps, beyond /* out of scope */, deaths;
	struct event event[MOST_EVENTS];
	struct sign sign[MOST_SIGNS];
	word reached[POINTS]; /* calls and allocations of the present script, by point */
	word ticks[PARTS];
	char text[256];
};
extern struct progress *progress;
extern jmp_buf script_over;
extern int timed;
static inline word ticks(void) { return timed ? __builtin_ia32_rdtsc() : 0; }

/* The partition as the platform knows it. pe: the PE of each device, which has further functions of it beside it. */
struct memory {
	word start, stop, there;
};
struct mapping {
	word live, device, start, stop, direction, handle, own; /* own: TCEs were set for it */
};
struct life {
	word devices, blocks, vpmems, mapped, last_cpu, refusals /* dictated, of calls that clear, remove or reset */, asked_hcalls;
	word pe[MOST_DEVICES], attached[MOST_DEVICES], mask[MOST_DEVICES];
	struct memory block[MOST_SPANS], vpmem[MOST_SPANS];
	struct mapping mapping[MOST_MAPPINGS];
};
extern struct life life;

/* arena.c: memory of the kernel's code, and its state as a whole */
struct snapshot;
struct snapshot *snapshot_take(void);
void snapshot_restore(const struct snapshot *);
const char *arena_left_since(const struct snapshot *);

/* answers.c: what the kernel's code asks for */
void answers_begin(const struct event *);
enum point point_of(const char *allocation);
void suspect(enum reason reason, word place);

/* events.c */
void life_boot(void);
int has_functions(word pe);
int event_impossible(const struct event *);
void event_carry_out(const struct event *);

/* checks.c */
void check_after(const struct event *);
void check_leaving(word pe);

/* draw.c */
void draw_begin(word seed, word number);
word draw_below(word limit);
void draw_event(struct event *);

#endif
