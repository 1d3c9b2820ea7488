/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One decision of the kernel's code at a time, from words to words: what proofs/binary executes symbolically, and the program
 * carries out on numbers. The words are named in proofs/binary/comparisons.py.
 */
#ifndef DDW_DECISIONS_H
#define DDW_DECISIONS_H

#include "../harness.h"

enum { MOST_ASKED = 16, MOST_TOLD = 32 };
extern word asked[MOST_ASKED], told[MOST_TOLD];

/* What the process around the kernel's code answers, and keeps of what it is told: answers.c. */
enum token { QUERY = 1, CREATE, REMOVE, RESET };
enum { MOST_LOGGED = 16, LIOBN = 0x10, NEW_LIOBN = 0x20 };
extern struct answers {
	word windows, block, pages, base; /* of query, the first time; of create */
	int stuff_fails;
} answers;
extern struct seen {
	int queries, created;
	word page_shift, window_shift;
	word logged[MOST_LOGGED]; /* of hypercalls: IOBA, number of TCEs, the TCEs of a list */
	int words, calls;
} seen;

void unmap_is_direct(void);
void map_is_direct(void);
void page_shift(void);
void pages_touched(void);
void pages_to_clear(void);
void pages_to_set(void);
void init_table(void);
void plan_window(void);

#endif
