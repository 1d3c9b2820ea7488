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
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "harness.h"
#include "host.h"

enum { MOST_WORDS = 1 << 16, SECONDS_OF_CPU = 3, MOST_RTAS = 1000, TAIL = 2048 };

static word request[MOST_WORDS], reply[MOST_WORDS];
static word replied;
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

static word read_request(word *count)
{
	word type = receive_word();

	waiting = 0;
	*count = receive_word();
	if (*count > MOST_WORDS)
		_exit(2);
	read_all(request, *count * sizeof(word));
	return type;
}

void host_reply(word value)
{
	if (replied == MOST_WORDS)
		host_out_of_scope("a reply that is too long");
	reply[replied++] = value;
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
	status = (long)receive_word();
	for (word i = 0, n = receive_word(); i < n; i++)
		outputs[i] = receive_word();
	answered();
	return status;
}

int host_allocation(const char *what)
{
	word granted;

	runs_flush();
	question(NULL);
	send_text(ALLOCATION, 0, what);
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

static void carry_out(word type)
{
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

static void scenario(void)
{
	struct itimerval limit = { .it_value.tv_sec = SECONDS_OF_CPU };
	word type, count;

	catch_signals();
#if COVERAGE
	signal(SIGTERM, on_end);
#endif
	while ((type = read_request(&count)) != END) {
		setitimer(ITIMER_PROF, &limit, NULL);
		replied = rtas_calls = 0;
		runs_begin();
		carry_out(type);
		locks_at_end();
		runs_flush();
		waiting = 1; /* for the next request, as soon as this one is known to be done */
		send_frame(DONE, reply, replied);
	}
	exit(0);
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
	word count;
	pid_t child;

	while (read_request(&count) == FORK) {
		runs_fail(request, count / 2);
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
