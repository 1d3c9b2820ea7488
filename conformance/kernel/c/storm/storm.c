/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process of a storm. A batch, read from standard input, is a platform, a partition, and scripts: drawn from a seed, or
 * given. Its scripts run in a child, one after the other, each from the state after boot. A script that kills the child is
 * told by the parent, and the batch goes on with the next in a fresh child.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "storm.h"

enum { MOST_WORDS = 1 << 20, SECONDS_OF_CPU = 3, MOST_DEATHS = 32 /* after these a batch is given up */ };
enum { SUSPECT = 1, REACHED, FINISHED }; /* frames */

struct progress *progress;
jmp_buf script_over;
int timed;
word hotplug_max, pe_names[2 * MOST_PES];
static word batch_pes;

static word request[MOST_WORDS];
static const struct event *given; /* scripts of a batch, NULL if they are drawn */
static struct batch {
	word seed, first, scripts, steps, timed, told /* what each script reached */, given /* scripts, over and over */;
	word patience; /* microseconds of CPU time after which no further script is begun */
	word everything; /* is sent, suspect or not */
} batch;
static struct life at_boot;
static const word *platform_words;
static struct snapshot *pristine, *booted;

static void transfer(ssize_t (*move)(int, void *, size_t), int file, void *data, size_t bytes)
{
	for (char *at = data; bytes;) {
		ssize_t n = move(file, at, bytes);

		if (n <= 0)
			_exit(0);
		at += n;
		bytes -= n;
	}
}

static ssize_t give(int file, void *data, size_t bytes)
{
	return write(file, data, bytes);
}

static void send(word type, word *words, word count)
{
	word head[] = { type, count };

	transfer(give, STDOUT_FILENO, head, sizeof(head));
	transfer(give, STDOUT_FILENO, words, count * sizeof(word));
}

/* number; number of signs, the signs; number of events, the events; text. */
static void send_suspect(void)
{
	static word out[3 + (sizeof(progress->sign) + sizeof(progress->event) + sizeof(progress->text)) / sizeof(word)];
	word *at = out;

	*at++ = progress->number;
	*at++ = progress->signs;
	memcpy(at, progress->sign, progress->signs * sizeof(struct sign));
	at += progress->signs * sizeof(struct sign) / sizeof(word);
	*at++ = progress->events;
	memcpy(at, progress->event, progress->events * sizeof(struct event));
	at += progress->events * sizeof(struct event) / sizeof(word);
	memcpy(at, progress->text, sizeof(progress->text));
	send(SUSPECT, out, at - out + sizeof(progress->text) / sizeof(word));
}

void restart_kernel(void)
{
	snapshot_restore(pristine);
}

/* Platform and partition as they are before boot. */
static void begin_life(void)
{
	life = at_boot;
	platform_begin(platform_words, batch_pes, pe_names);
	for (word i = 0; i < life.blocks; i++)
		if (life.block[i].there)
			owned_assign(life.block[i].start, life.block[i].stop);
	for (word i = 0; i < life.vpmems; i++)
		if (life.vpmem[i].there)
			owned_assign(life.vpmem[i].start, life.vpmem[i].stop);
}

/* What cannot happen is left out, as when a trace is watched. */
static void run(const struct event *event)
{
	struct event *copy = &progress->event[progress->events];

	if (progress->events == MOST_EVENTS || event_impossible(event))
		return;
	if (copy != event)
		*copy = *event;
	progress->events++;
	progress->steps++;
	answers_begin(copy);
	event_carry_out(copy);
	if (platform_full())
		host_out_of_scope("more ranges than a table has room for");
	check_after(copy);
}

/* Whether something has happened whose consequences would only be noise. */
static int over(void)
{
	for (word i = 0; i < progress->signs; i++)
		if (progress->sign[i].reason >= DIRTY && progress->sign[i].reason != STRAY_AFTER_REFUSAL)
			return 1;
	return 0;
}

/* The drivers go: every mapping ends, every device is detached, and nothing of them is left. */
static void tear_down(void)
{
	const char *left;

	for (word i = 0; i < life.mapped && !over(); i++)
		run(&(struct event){ UNMAP, { i } });
	for (word i = 0; i < life.devices && !over(); i++)
		run(&(struct event){ DETACH, { i } });
	left = over() ? NULL : arena_left_since(booted);
	if (left)
		suspect(LEFT_MEMORY, point_of(left));
}

static void script(word number)
{
	word start = ticks();

	snapshot_restore(booted);
	begin_life();
	progress->number = number;
	progress->events = progress->signs = progress->text[0] = 0;
	memset(progress->reached, 0, sizeof(progress->reached));
	progress->ticks[RESTORING] += ticks() - start;
	if (given) {
		const struct event *at = given + number % batch.given * batch.steps;

		for (word i = 0; i < batch.steps && at[i].kind != NOTHING && !over(); i++)
			run(&at[i]);
	} else {
		word steps;

		draw_begin(batch.seed, number);
		steps = 1 + draw_below(batch.steps);
		for (word i = 0; i < 2 * steps && progress->events < steps && !over(); i++) {
			word drawing = ticks();
			struct event event;

			draw_event(&event);
			progress->ticks[DRAWING] += ticks() - drawing;
			run(&event);
		}
	}
	if (!over())
		tear_down();
}

static void boot(void)
{
	begin_life();
	if (!pristine)
		host_free(host_memory(1), __FILE__, __LINE__); /* the arena is there */
	pristine = snapshot_take();
	answers_begin(&(struct event){ NOTHING });
	life_boot();
	booted = snapshot_take();
	at_boot = life;
	progress->booted = 1;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	static word last = ~0ULL, times;
	ucontext_t *at = context;

	if (number == SIGPROF) { /* every second */
		times = progress->number == last ? times + 1 : 0;
		last = progress->number;
		if (times < SECONDS_OF_CPU)
			return;
	}
	snprintf(progress->text, sizeof(progress->text), number == SIGPROF ? "no end" : strsignal(number));
	suspect(DIED, number == SIGPROF ? 0 : (word)at->uc_mcontext.gregs[REG_RIP]);
	_exit(3);
}

static void catch_signals(void)
{
	static char stack[1 << 16];
	stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	struct itimerval every = { { 1, 0 }, { 1, 0 } };
	int numbers[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGPROF };

	sigaltstack(&alternative, NULL);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i] == SIGPROF || !SANITIZED)
			sigaction(numbers[i], &action, NULL);
	setitimer(ITIMER_PROF, &every, NULL);
}

/* What this process or its children have used, in microseconds of CPU time. */
static word cpu_time(int who)
{
	struct rusage used;

	getrusage(who, &used);
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000ULL + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

/* The scripts of a batch from number `next` on. */
static void run_batch(volatile word next)
{
	int why;

	catch_signals();
	if (setjmp(script_over))
		_exit(4); /* no boot: nothing can be run */
	boot();
	for (; next < batch.first + batch.scripts && (next & 7 || cpu_time(RUSAGE_SELF) < batch.patience); next++) {
		volatile word start = ticks();

		why = setjmp(script_over);
		if (!why)
			script(next);
		progress->ticks[ALL] += ticks() - start;
		progress->scripts++;
		if (why && why != CRASHED)
			progress->beyond++;
		else if (progress->signs || batch.everything)
			send_suspect();
		if (batch.told)
			send(REACHED, progress->reached, POINTS);
	}
	_exit(0);
}

/*
 * Batch: struct batch; struct profile; hotplug maximum; number of PEs, config_addr and PHB unit id of each; number of
 * devices, the PE of each; number of RAM blocks, start, stop, online of each; the same for vPMEM; the given scripts, `steps` events each.
 */
static void read_batch(const word *in)
{
	memcpy(&batch, in, sizeof(batch));
	in += sizeof(batch) / sizeof(word);
	timed = batch.timed;
	platform_words = in;
	in += sizeof(struct profile) / sizeof(word);
	memset(&at_boot, 0, sizeof(at_boot));
	hotplug_max = *in++;
	batch_pes = *in++;
	for (word i = 0; i < 2 * batch_pes; i++)
		pe_names[i] = *in++;
	at_boot.devices = *in++;
	for (word i = 0; i < at_boot.devices; i++) {
		at_boot.pe[i] = *in++;
		at_boot.attached[i] = 1;
	}
	at_boot.blocks = *in++;
	memcpy(at_boot.block, in, at_boot.blocks * sizeof(struct memory));
	in += at_boot.blocks * sizeof(struct memory) / sizeof(word);
	at_boot.vpmems = *in++;
	memcpy(at_boot.vpmem, in, at_boot.vpmems * sizeof(struct memory));
	in += at_boot.vpmems * sizeof(struct memory) / sizeof(word);
	given = batch.given ? (const struct event *)in : NULL;
}

static void serve_batch(void)
{
	word next = batch.first, out[6 + PARTS], before = cpu_time(RUSAGE_CHILDREN);
	int status;

	memset(progress, 0, sizeof(*progress));
	while (next < batch.first + batch.scripts && progress->deaths < MOST_DEATHS && cpu_time(RUSAGE_CHILDREN) - before < batch.patience) {
		pid_t child;

		progress->booted = 0;
		progress->number = next;
		child = fork();
		if (child == 0)
			run_batch(next);
		if (child < 0 || waitpid(child, &status, 0) != child)
			exit(1);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			break;
		if (!progress->booted)
			break;
		progress->deaths++;
		progress->scripts++;
		if (WIFSIGNALED(status) || WEXITSTATUS(status) != 3)
			suspect(DIED, 0);
		send_suspect();
		if (batch.told)
			send(REACHED, progress->reached, POINTS);
		next = progress->number + 1;
	}
	out[0] = progress->booted;
	out[1] = progress->scripts;
	out[2] = progress->steps;
	out[3] = progress->beyond;
	out[4] = progress->deaths;
	out[5] = cpu_time(RUSAGE_CHILDREN) - before;
	memcpy(out + 6, progress->ticks, sizeof(progress->ticks));
	send(FINISHED, out, 6 + PARTS);
}

int main(void)
{
	word head[1];

	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (;;) {
		transfer(read, STDIN_FILENO, head, sizeof(head));
		if (head[0] > MOST_WORDS)
			return 2;
		transfer(read, STDIN_FILENO, request, head[0] * sizeof(word));
		read_batch(request);
		serve_batch();
	}
}
