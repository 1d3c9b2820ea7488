/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames between this process and worker.py: type, number of words, words; all 64 bits, little endian. */
#ifndef DDW_HOST_H
#define DDW_HOST_H

#include "harness.h"

/* Requests. FORK starts a scenario in a child of its own; the others go to that child. */
enum { FORK = 1, END, BOOT, ATTACH, DETACH, SET_MASK, MAP, UNMAP, MEMORY, VPMEM, ROUTES, VIEW, MAP_SG, UNMAP_SG,
       ALLOC_COHERENT, FREE_COHERENT, ASK_MASK, SET_COHERENT_MASK, REPLUG };
/*
 * What the child says, on standard output; RTAS, ODD_HCALL and ALLOCATION want an answer. FORKED and EXITED are its
 * parent's words, on a pipe of their own: so they are read whole even if the child is killed in the middle of a frame.
 */
enum { DONE = 100, RTAS, HCALLS, ODD_HCALL, ALLOCATION, WARNING, CRASH, OUT_OF_SCOPE, FORKED, EXITED };

enum { MOST_WORK = 1 << 25 }; /* TCEs in lists that one event may write; a call costs as much as some (runs.c) */

/* Around a question and its answer: the time limit waits, so that no answer is left behind. */
void question(const void *caller);
void answered(void);
void host_no_end(const void *caller, const char *what) __attribute__((noreturn));

void send_frame(word type, const word *words, word count);
void send_text(word type, word where, const char *text);
word receive_word(void);

void runs_fail(const word *in, word count);
void runs_begin(void);
void runs_flush(void);

#endif
