/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process around the kernel's code. It waits for requests on standard input and answers on standard output; each
 * scenario runs in a fork of it, so that it starts from a clean state and may crash.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "harness.h"
#include "host.h"

enum { MOST_WORDS = 1 << 16, SECONDS_OF_CPU = 3, MOST_RTAS = 1000, TAIL = 2048, STACK = 1 << 18 };

/* The requests under way: one on the process's own stack, those that come in the middle of it on others. */
static struct {
	ucontext_t context;
	void *stack;
	word type, count, request[MOST_WORDS], replied, reply[MOST_WORDS];
} threads[MOST_RUNNING];
int asked_singly;
static char tail[TAIL]; /* the end of what the kernel printed */
static size_t tail_used;
static volatile sig_atomic_t talking, late; /* the time limit has come while somebody talked */
static const void *asked_by;
static word rtas_calls;

#if COVERAGE
void __gcov_dump(void);

static volatile sig_atomic_t waiting;

/* The counts of a child that waits for a request are kept when it is ended. */
static void on_end(int number)
{
	(void)number;
	if (waiting)
		__gcov_dump();
	_exit(0);
}

/* Whoever ends a child that crashes meanwhile waits until its counts are written. */
static void keep_counts(void)
{
	signal(SIGTERM, SIG_IGN);
	__gcov_dump();
}
#else
static int waiting;

static void keep_counts(void)
{
}
#endif

static void write_all(int file, const void *from, size_t bytes)
{
	for (ssize_t n; bytes; from = (const char *)from + n, bytes -= n) {
		n = write(file, from, bytes);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			_exit(1);
	}
}

static void read_all(void *into, size_t bytes)
{
	for (ssize_t n; bytes; into = (char *)into + n, bytes -= n) {
		n = read(STDIN_FILENO, into, bytes);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			_exit(0); /* whoever asked is gone */
	}
}

void send_frame(word type, const word *words, word count)
{
	static word frame[2 + 12 * 1024];

	talking++;
	frame[0] = type;
	frame[1] = count;
	if (count <= 12 * 1024) {
		memcpy(frame + 2, words, count * sizeof(word));
		write_all(STDOUT_FILENO, frame, (2 + count) * sizeof(word));
	} else {
		write_all(STDOUT_FILENO, frame, 2 * sizeof(word));
		write_all(STDOUT_FILENO, words, count * sizeof(word));
	}
	answered();
}

void question(const void *caller)
{
	asked_by = caller;
	talking++;
}

void answered(void)
{
	if (--talking == 0 && late) {
		late = 0;
		host_no_end(asked_by, "more time than any event needs");
	}
}

void send_text(word type, word where, const char *text)
{
	word words[1 + 512] = { where };
	size_t length = strnlen(text, 4095);

	memcpy(words + 1, text, length);
	send_frame(type, words, 1 + (length + 8) / 8);
}

word receive_word(void)
{
	word value;

	read_all(&value, sizeof(value));
	return value;
}

/* The head of the next frame, and a request's words; those of an answer are left to whoever asked. Whom it is for. */
static word read_frame(void)
{
	word target = receive_word(), how = receive_word();

	waiting = 0;
	if (target >= MOST_RUNNING)
		_exit(2);
	threads[target].type = receive_word();
	threads[target].count = receive_word();
	locks_are_asked = how != ALONE;
	asked_singly = how == STEP_BY_STEP;
	if (threads[target].count > MOST_WORDS)
		_exit(2);
	if (threads[target].type != ANSWER)
		read_all(threads[target].request, threads[target].count * sizeof(word));
	return target;
}

static void serve(void);

/* Until a frame for this CPU comes. */
static void take_turns(void)
{
	word me = this_cpu, next = read_frame();

	if (next == me)
		return;
	if (!threads[next].stack && next) {
		threads[next].stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		getcontext(&threads[next].context);
		threads[next].context.uc_stack = (stack_t){ .ss_sp = threads[next].stack, .ss_size = STACK };
		makecontext(&threads[next].context, serve, 0);
	}
	this_cpu = next;
	swapcontext(&threads[me].context, &threads[next].context);
}

void await(void)
{
	take_turns();
	if (threads[this_cpu].type != ANSWER)
		_exit(2);
}

void host_reply(word value)
{
	if (threads[this_cpu].replied == MOST_WORDS)
		host_out_of_scope("a reply that is too long");
	threads[this_cpu].reply[threads[this_cpu].replied++] = value;
}

/* The lock is had when the answer comes. */
void host_lock(const void *lock, const char *name)
{
	runs_flush();
	question(NULL);
	send_text(LOCK, (word)lock, name);
	await();
	answered();
}

void host_unlock(const void *lock, const char *name)
{
	runs_flush();
	question(NULL);
	send_text(UNLOCK, (word)lock, name);
	await();
	answered();
}

int host_rtas(const void *caller, word token, int nargs, int nret, const unsigned int *args, unsigned int *outputs)
{
	word out[4 + MOST_CELLS] = { token, nargs, nret, (word)caller };
	long status;

	if (++rtas_calls > MOST_RTAS)
		host_no_end(caller, "RTAS calls over and over");
	for (int i = 0; i < nargs; i++)
		out[4 + i] = args[i];
	runs_flush();
	question(caller);
	send_frame(RTAS, out, 4 + nargs);
	await();
	status = (long)receive_word();
	for (word i = 0, n = receive_word(); i < n; i++)
		outputs[i] = receive_word();
	answered();
	return status;
}

int host_allocation(const char *what, int sleeps)
{
	word granted;

	runs_flush();
	question(NULL);
	send_text(ALLOCATION, sleeps, what);
	await();
	granted = receive_word();
	answered();
	return granted;
}

void host_log(const char *format, ...)
{
	char line[512];
	va_list list;
	size_t length;

	va_start(list, format);
	vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	length = strlen(line);
	if (tail_used + length >= TAIL) {
		memmove(tail, tail + TAIL / 2, TAIL / 2);
		tail_used = tail_used > TAIL / 2 ? tail_used - TAIL / 2 : 0;
		if (tail_used + length >= TAIL)
			tail_used = 0;
	}
	memcpy(tail + tail_used, line, length + 1);
	tail_used += length;
}

static void end_badly(word type, word where, const char *text) __attribute__((noreturn));
static void end_badly(word type, word where, const char *text)
{
	char message[TAIL + 512];

	runs_flush();
	snprintf(message, sizeof(message), "%s\n%s", text, tail);
	keep_counts();
	send_text(type, where, message);
	_exit(3);
}

void host_no_end(const void *caller, const char *what)
{
	char text[128];

	snprintf(text, sizeof(text), "no end: %s", what);
	end_badly(CRASH, caller ? (word)caller - 1 : 0, text);
}

void host_warning(const char *file, int line)
{
	char text[256];

	snprintf(text, sizeof(text), "WARN at %s:%d", file, line);
	runs_flush();
	send_text(WARNING, 0, text);
}

void host_crash(const char *what, const char *file, int line)
{
	char text[256];

	snprintf(text, sizeof(text), "%s at %s:%d", what, file, line);
	end_badly(CRASH, 0, text);
}

void host_out_of_scope(const char *why)
{
	end_badly(OUT_OF_SCOPE, 0, why);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	ucontext_t *at = context;
	char text[128];

	if (number == SIGPROF && talking) {
		late = 1;
		return;
	}
	if (number == SIGPROF)
		snprintf(text, sizeof(text), "no end after %d s", SECONDS_OF_CPU);
	else
		snprintf(text, sizeof(text), "%s at %s", strsignal(number),
			 (word)info->si_addr < 4096 ? "a NULL pointer" : "an address that is not there");
	end_badly(CRASH, at->uc_mcontext.gregs[REG_RIP], text);
}

static void catch_signals(void)
{
	static char stack[1 << 16];
	stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND };
	int numbers[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGPROF };

	sigaltstack(&alternative, NULL);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i] == SIGPROF || !SANITIZED)
			sigaction(numbers[i], &action, NULL);
}

static void carry_out(word type, const word *request)
{
	run_on(0);
	switch (type) {
	case BOOT:
		partition_boot(request);
		break;
	case ATTACH:
		partition_attach(request);
		break;
	case DETACH:
		partition_detach(request[0]);
		break;
	case REPLUG:
		partition_replug(request[0]);
		break;
	case SET_MASK:
		host_reply(partition_set_mask(request[0], request[1]));
		break;
	case ASK_MASK:
		host_reply(partition_required_mask(request[0]));
		break;
	case SET_COHERENT_MASK:
		host_reply(partition_set_coherent_mask(request[0], request[1]));
		break;
	case MAP:
		host_reply(partition_map(request[0], request[1], request[2], request[3], request[4]));
		break;
	case UNMAP:
		partition_unmap(request[0], request[1], request[2], request[3]);
		break;
	case MAP_SG:
		partition_map_sg(request);
		break;
	case UNMAP_SG:
		partition_unmap_sg(request);
		break;
	case ALLOC_COHERENT:
		host_reply(partition_alloc_coherent(request[0], request[1], request[2], request[3], request[4]));
		break;
	case FREE_COHERENT:
		partition_free_coherent(request[0], request[1], request[2], request[3], request[4]);
		break;
	case MEMORY:
		host_reply(partition_memory(request[0], request[1], request[2]));
		break;
	case VPMEM:
		partition_vpmem(request[0], request[1], request[2]);
		break;
	case OWN:
		partition_own(request);
		break;
	case PROPERTIES:
		partition_properties(request[0]);
		break;
	case ROUTES:
		host_reply(partition_routes(request[0], request[1], request[2]));
		break;
	case VIEW:
		partition_view(request[0]);
		break;
	default:
		_exit(2);
	}
}

/* Requests of one CPU, one after the other. The first one has come already. */
static void serve(void)
{
	struct itimerval limit = { .it_value.tv_sec = SECONDS_OF_CPU };

	while (threads[this_cpu].type != END) {
		setitimer(ITIMER_PROF, &limit, NULL);
		threads[this_cpu].replied = rtas_calls = 0;
		runs_begin();
		carry_out(threads[this_cpu].type, threads[this_cpu].request);
		locks_at_end();
		runs_flush();
		waiting = 1; /* for the next request, as soon as this one is known to be done */
		send_frame(DONE, threads[this_cpu].reply, threads[this_cpu].replied);
		take_turns();
	}
	exit(0);
}

static void scenario(void)
{
	catch_signals();
#if COVERAGE
	signal(SIGTERM, on_end);
#endif
	take_turns();
	serve();
}

static void tell(int control, word type, word value)
{
	word frame[] = { type, 1, value };

	write_all(control, frame, sizeof(frame));
}

/* Usage: ddw FILE, the number of the open file on which the parent's words go. */
int main(int argc, char **argv)
{
	int control = argc == 2 ? atoi(argv[1]) : STDERR_FILENO, status;
	pid_t child;

	while (read_frame() == 0 && threads[0].type == FORK) {
		runs_know(threads[0].request, threads[0].count);
		child = fork();
		if (child == 0)
			scenario();
		if (child < 0)
			return 1;
		tell(control, FORKED, child);
		if (waitpid(child, &status, 0) != child)
			return 1;
		tell(control, EXITED, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	}
	return 0;
}
