/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands around the kernel's code where it decides one thing: it answers from `answers`, keeps what it is told in
 * `seen`, and has memory in blocks of one size, however much is asked for, so that no address depends on a word that is asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decisions.h"

enum { BLOCK = 1 << 16, BLOCKS = 64 };

word asked[MOST_ASKED], told[MOST_TOLD];
struct answers answers;
struct seen seen;
static char memory[BLOCKS][BLOCK] __attribute__((aligned(BLOCK)));
static int blocks;

static const struct {
	const char *name;
	void (*decide)(void);
} decisions[] = {
	{ "map_is_direct", map_is_direct },   { "unmap_is_direct", unmap_is_direct }, { "page_shift", page_shift },
	{ "pages_touched", pages_touched },   { "pages_to_clear", pages_to_clear },   { "pages_to_set", pages_to_set },
	{ "init_table", init_table },	      { "plan_window", plan_window },
};

int host_rtas(const void *caller, word token, int nargs, int nret, const unsigned int *args, unsigned int *outputs)
{
	switch (token) {
	case QUERY:
		outputs[0] = seen.queries++ ? 1 : answers.windows;
		outputs[1] = answers.block >> 32;
		outputs[2] = answers.block;
		outputs[3] = answers.pages;
		break;
	case CREATE:
		seen.created++;
		seen.page_shift = args[3];
		seen.window_shift = args[4];
		outputs[0] = NEW_LIOBN;
		outputs[1] = answers.base >> 32;
		outputs[2] = answers.base;
		break;
	}
	return 0;
}

static void log_word(word value)
{
	if (seen.words == MOST_LOGGED)
		host_out_of_scope("more hypercalls than are kept");
	seen.logged[seen.words++] = value;
}

long host_hcall(const void *caller, enum hcall kind, word liobn, word ioba, word tce, word count, const word *list)
{
	if (kind == STUFF_TCE && answers.stuff_fails)
		return -4; /* H_PARAMETER */
	if (liobn == LIOBN) {
		seen.calls++;
		log_word(ioba);
		log_word(count);
		for (word i = 0; list && i < count; i++)
			log_word(__builtin_bswap64(list[i]));
		if (tce)
			log_word(tce);
	}
	return 0;
}

word host_get_tce(const void *caller, word liobn, word ioba, long *status)
{
	*status = 0;
	return 0;
}

int host_allocation(const char *what, int sleeps)
{
	return 1;
}

void *host_memory(word bytes)
{
	if (blocks == BLOCKS)
		host_out_of_scope("more memory than a decision has");
	return memory[blocks++];
}

void host_free(void *start, const char *file, int line)
{
}

int host_is_live(const void *start)
{
	return 1;
}

void host_lock(const void *lock, const char *name)
{
}

void host_unlock(const void *lock, const char *name)
{
}

void host_log(const char *format, ...)
{
}

void host_reply(word value)
{
}

/* A warning or a crash is no answer: proofs/binary takes no path that ends here for one. */
void host_out_of_scope(const char *why)
{
	exit(3);
}

void host_warning(const char *file, int line)
{
	host_out_of_scope("a warning");
}

void host_crash(const char *what, const char *file, int line)
{
	host_out_of_scope(what);
}

int main(int count, char **words)
{
	for (int i = 2; i < count && i < 2 + MOST_ASKED; i++)
		asked[i - 2] = strtoull(words[i], NULL, 0);
	for (unsigned int i = 0; count > 1 && i < sizeof(decisions) / sizeof(decisions[0]); i++) {
		if (strcmp(decisions[i].name, words[1]))
			continue;
		decisions[i].decide();
		for (int k = 0; k < MOST_TOLD; k++)
			printf("%llu\n", told[k]);
		return 0;
	}
	return 2;
}
