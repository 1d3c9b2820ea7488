/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls leave as runs: a loop over neighbouring TCEs is one record, however many calls it makes.
 *
 * Each call is answered at once, without asking: as the scenario was told for the call of that number, else as the call
 * before it in the same loop if that was refused, else with success. All calls of a run have the same answer. worker.py
 * passes the run on, and where the hypervisor then disagrees, it runs the scenario again and says so.
 *
 * A loop that reads is a run from its second call on, and finds nothing unless the scenario was told otherwise.
 */
#include <string.h>

#include "harness.h"
#include "host.h"

enum { MOST_REPETITIONS = 1000, MOST_RUNS = 1024, CALL = 32 /* what a call costs beside its entries */, MOST_FAILURES = 256 /* as in worker.py */,
       MOST_PER_CALL = 512, MOST_READS = 4096 /* as in worker.py */, SOME_TCE = 3, PARTIAL = 5 /* H_PARTIAL */ };

struct run {
	word kind, liobn, ioba, first, step, stride, entries, per_call, calls, list, caller, status;
};

static struct run runs[MOST_RUNS];
static int number_of_runs;
static struct run before; /* the last call, alone */
static int closed = 1; /* whether the last run can grow no more */
static word calls_made, work, long_run, repetitions;
static struct {
	word call, status;
} failures[MOST_FAILURES];
static int number_of_failures;
static struct span in_use[MOST_READS]; /* calls that read a TCE which is not 0 */
static int number_of_reads;

/* in: number of calls that are refused, call and status of each; then ranges of calls that find a TCE. */
void runs_know(const word *in, word count)
{
	number_of_failures = in[0] < MOST_FAILURES ? in[0] : MOST_FAILURES;
	memcpy(failures, in + 1, number_of_failures * sizeof(failures[0]));
	in += 1 + 2 * in[0];
	number_of_reads = (count - 1) / 2 - number_of_failures;
	memcpy(in_use, in, number_of_reads * sizeof(in_use[0]));
}

void runs_begin(void)
{
	work = 0;
	before = (struct run){ 0 };
	long_run = 1 << 14;
}

void runs_flush(void)
{
	if (number_of_runs)
		send_frame(HCALLS, (word *)runs, number_of_runs * sizeof(struct run) / sizeof(word));
	number_of_runs = 0;
	closed = 1;
}

/* Whether `next`, one call, goes on where `last` ends; if so, `last` takes it in. */
static int joins(struct run *last, const struct run *next)
{
	word stride = last->stride, step = last->step;

	if (closed || last->kind != next->kind || last->liobn != next->liobn || last->caller != next->caller ||
	    last->status != next->status || next->entries > last->per_call)
		return 0;
	if (last->calls == 1) {
		if (next->ioba <= last->ioba || (next->ioba - last->ioba) % last->per_call)
			return 0;
		stride = (next->ioba - last->ioba) / last->per_call;
		if (last->per_call == 1)
			step = next->first - last->first;
		if (step >> 62 || (last->per_call == 1 && last->kind == PUT_TCE_INDIRECT))
			return 0;
	}
	if (next->ioba != last->ioba + last->entries * stride || next->first != last->first + last->entries * step)
		return 0;
	if (next->entries > 1 && next->step != step)
		return 0;
	last->stride = stride;
	last->step = step;
	last->entries += next->entries;
	last->calls++;
	closed = next->entries < last->per_call;
	return 1;
}

static word foreseen(const struct run *next)
{
	word call = calls_made++;

	for (int i = 0; i < number_of_failures; i++)
		if (failures[i].call == call)
			return failures[i].status;
	if (next->kind == GET_TCE)
		return 0;
	return before.kind == next->kind && before.liobn == next->liobn && before.caller == next->caller ? before.status : 0;
}

/* An entry of a list of TCEs, which is big endian (LoPAR 14.5.4.2.4). */
static word entry(const word *list, word i)
{
	return __builtin_bswap64(list[i]);
}

/* Whether a list of TCEs goes up in even steps. */
static int even(const word *list, word count, word *step)
{
	*step = count > 1 ? entry(list, 1) - entry(list, 0) : 0;
	for (word i = 2; i < count; i++)
		if (entry(list, i) - entry(list, i - 1) != *step)
			return 0;
	return !(*step >> 62);
}

/* A call that no loop can hold: asked for by itself, and answered. */
static long ask(const struct run *call, word count, const word *list)
{
	word out[6 + MOST_PER_CALL] = { call->kind, call->liobn, call->ioba, call->first, count, call->caller };
	word listed = list ? (count < MOST_PER_CALL ? count : MOST_PER_CALL) : 0;
	long status;

	runs_flush();
	for (word i = 0; i < listed; i++)
		out[6 + i] = entry(list, i);
	question((void *)call->caller);
	send_frame(ODD_HCALL, out, 6 + listed);
	await();
	calls_made++;
	status = (long)receive_word();
	answered();
	return status;
}

static void add(const struct run *next)
{
	if (number_of_runs && joins(&runs[number_of_runs - 1], next)) {
		if (runs[number_of_runs - 1].entries >= long_run) {
			/* told in pieces that grow, so that a loop that should have ended early is stopped early */
			long_run <<= 4;
			runs_flush();
		}
		return;
	}
	if (number_of_runs == MOST_RUNS)
		runs_flush();
	runs[number_of_runs++] = *next;
	closed = 0;
}

long host_hcall(const void *caller, enum hcall kind, word liobn, word ioba, word tce, word count, const word *list)
{
	struct run next = { kind, liobn, ioba, tce, 0, 0, count, count, 1, (word)list & 4095, (word)caller, 0 };

	work += CALL + (list ? count : 0);
	if (work > MOST_WORK || (asked_singly && work > MOST_WORK_SINGLY))
		host_out_of_scope("an event that writes too many TCEs");
	if (asked_singly || count == 0 || count > MOST_PER_CALL || (list && !even(list, count, &next.step)) || next.list)
		return ask(&next, count, list);
	if (list)
		next.first = entry(list, 0);
	next.status = foreseen(&next);
	repetitions = before.kind == kind && before.liobn == liobn && before.ioba == ioba && before.entries == count ? repetitions + 1 : 0;
	if (repetitions > MOST_REPETITIONS)
		host_no_end(caller, "the same hypercall over and over");
	before = next;
	add(&next);
	return (long)next.status;
}

/* Whether a read goes on where the one before it was, one I/O page or more further. */
static int goes_on(const struct run *next)
{
	return before.entries && before.kind == GET_TCE && before.liobn == next->liobn && before.caller == next->caller &&
	       before.ioba < next->ioba;
}

static word found(word call)
{
	for (int i = 0; i < number_of_reads; i++)
		if (call >= in_use[i].start && call < in_use[i].stop)
			return SOME_TCE;
	return 0;
}

/* What a refused call gives is what nobody has written over: the LIOBN, with which it was made. */
word host_get_tce(const void *caller, word liobn, word ioba, long *status)
{
	struct run next = { GET_TCE, liobn, ioba, 0, 0, 0, 1, 1, 1, 0, (word)caller, 0 };
	word out[] = { GET_TCE, liobn, ioba, 0, 1, (word)caller }, tce, loop = goes_on(&next) && !asked_singly;

	if (++work > MOST_WORK)
		host_out_of_scope("an event that reads too many TCEs");
	if (loop) {
		tce = found(calls_made);
		next.status = foreseen(&next);
		before = next;
		add(&next);
		*status = (long)next.status;
		return *status ? liobn : tce;
	}
	before = next;
	runs_flush();
	question(caller);
	send_frame(ODD_HCALL, out, 6);
	await();
	*status = (long)receive_word();
	tce = receive_word();
	answered();
	return *status && *status != PARTIAL ? liobn : tce;
}
