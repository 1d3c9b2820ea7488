/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's code asks of the process around it, answered by the hypervisor of platform.h or as an event dictates. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "storm.h"

enum { MOST_WORK = 1 << 25 /* TCEs in lists that one event may write */, CALL = 32 /* TCEs that cost as much as a call */ };

static const struct event *running;
static word skips[MOST_FAULTS], given; /* given: bit k for fault k */
static word work;
extern const char *allocating;

static const char *const allocations[] = { "bitmap", "table", "property", "list-entry", "failed-entry", "saved-property",
					   "tce-page", "group" };

enum point point_of(const char *what)
{
	for (word i = 0; i < sizeof(allocations) / sizeof(allocations[0]); i++)
		if (!strcmp(allocations[i], what))
			return ALLOCATIONS + i;
	return NO_POINT;
}

void answers_begin(const struct event *event)
{
	running = event;
	given = work = 0;
	for (word i = 0; i < event->faults; i++)
		skips[i] = event->fault[i].skip;
}

/* Whether this event dictates the answer to this call, which is the next at its point. */
static int dictated(enum point point, long *answer)
{
	if (point < POINTS)
		progress->reached[point]++;
	for (word i = 0; running && i < running->faults; i++) {
		if (running->fault[i].point != point || given >> i & 1)
			continue;
		if (skips[i]--)
			continue;
		given |= 1 << i;
		*answer = (long)running->fault[i].answer;
		return 1;
	}
	return 0;
}

/* Each once in a script; what comes after one may be its consequence, and is not told apart. */
void suspect(enum reason reason, word place)
{
	word event = progress->events ? progress->events - 1 : 0;

	for (word i = 0; i < progress->signs; i++)
		if (progress->sign[i].reason == reason && progress->sign[i].place == place)
			return;
	if (progress->signs < MOST_SIGNS)
		progress->sign[progress->signs++] = (struct sign){ reason, event, place };
}

static enum point rtas_point(word token)
{
	for (int i = 0; i < 3; i++)
		if (token == profile.tokens[i])
			return QUERY + i;
	return profile.extensions > 1 && token == profile.extension[1] ? RESET : NO_POINT;
}

/* Whether a remove or reset takes a window away that holds valid TCEs which nobody refused to clear. */
static int dirty(enum point point, int nargs, const unsigned int *args)
{
	for (int i = 0; i < number_of_pes && nargs; i++)
		for (int k = 0; k < endpoints[i].count; k++) {
			const struct window *window = endpoints[i].windows[k];

			if ((point == REMOVE ? window->liobn == args[0] : endpoints[i].config == args[0]) &&
			    table_valid(&window->table))
				return 1;
		}
	return 0;
}

int host_rtas(const void *caller, word token, int nargs, int nret, const unsigned int *args, unsigned int *outputs)
{
	enum point point = rtas_point(token);
	word start = ticks();
	long status;

	work += CALL;
	if (work > MOST_WORK)
		host_crash("no end of RTAS calls", __FILE__, __LINE__);
	if (dictated(point, &status)) {
		for (int i = 0; i < nret - 1; i++)
			outputs[i] = 0xffffffff;
		life.refusals += status && (point == REMOVE || point == RESET);
	} else {
		if ((point == REMOVE || point == RESET) && dirty(point, nargs, args))
			suspect(life.refusals ? STRAY_AFTER_REFUSAL : DIRTY, (word)caller);
		status = platform_rtas(token, nargs, args, nret, outputs);
		if (status)
			suspect(ODD_RTAS, (word)caller);
	}
	progress->ticks[HYPERVISOR] += ticks() - start;
	return status;
}

long host_hcall(const void *caller, enum hcall kind, word liobn, word ioba, word tce, word count, const word *list)
{
	word start = ticks();
	long status;

	work += CALL + (list ? count : 0);
	if (work > MOST_WORK)
		host_out_of_scope("an event that writes too many TCEs");
	if (kind != STUFF_TCE || tce)
		life.asked_hcalls++;
	if (dictated(H_PUT + (kind - PUT_TCE), &status)) {
		life.refusals += status && kind != PUT_TCE_INDIRECT && !(tce & READ_WRITE);
	} else {
		status = platform_hcall(kind, liobn, ioba, tce, count, list, (word)list & (FOUR_K - 1));
		if (status || !count)
			suspect(ODD_HCALL, (word)caller);
	}
	progress->ticks[HYPERVISOR] += ticks() - start;
	return status;
}

word host_get_tce(const void *caller, word liobn, word ioba, long *status)
{
	word tce;

	*status = platform_get_tce(liobn, ioba, &tce);
	if (*status)
		suspect(ODD_HCALL, (word)caller);
	return tce;
}

/* One request runs at a time in a storm. */
void host_lock(const void *lock, const char *name)
{
}

void host_unlock(const void *lock, const char *name)
{
}

int host_allocation(const char *what, int sleeps)
{
	long answer;

	allocating = what;
	return !dictated(point_of(what), &answer);
}

void host_reply(word value)
{
}

/* The last line is kept. */
void host_log(const char *format, ...)
{
}

void host_warning(const char *file, int line)
{
	suspect(WARNED, line);
}

void host_crash(const char *what, const char *file, int line)
{
	snprintf(progress->text, sizeof(progress->text), "%s at %s:%d", what, file, line);
	suspect(CRASHED, line);
	longjmp(script_over, CRASHED);
}

void host_out_of_scope(const char *why)
{
	longjmp(script_over, NOTHING + 1);
}
