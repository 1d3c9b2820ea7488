/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames between this process and worker.py: type, number of words, words; all 64 bits, little endian. Those to this
 * process have two words before: which of the requests under way it is for, and how that is asked from now on.
 */
#ifndef DDW_HOST_H
#define DDW_HOST_H

#include "harness.h"

/* Requests. FORK starts a scenario in a child of its own; the others go to that child. */
enum { ANSWER, FORK, END, BOOT, ATTACH, DETACH, SET_MASK, MAP, UNMAP, MEMORY, VPMEM, ROUTES, VIEW, MAP_SG, UNMAP_SG,
       ALLOC_COHERENT, FREE_COHERENT, ASK_MASK, SET_COHERENT_MASK, REPLUG, OWN,
       PROPERTIES };
/*
 * What the child says, on standard output; RTAS, ODD_HCALL, ALLOCATION, LOCK and UNLOCK want an answer. FORKED and EXITED are its
 * parent's words, on a pipe of their own: so they are read whole even if the child is killed in the middle of a frame.
 */
enum { DONE = 100, RTAS, HCALLS, ODD_HCALL, ALLOCATION, WARNING, CRASH, OUT_OF_SCOPE, FORKED, EXITED, LOCK, UNLOCK };

/* Alone; among others, so that locks are asked for and told; the same, and each hypercall by itself. */
enum { ALONE, AMONG_OTHERS, STEP_BY_STEP };

/* TCEs in lists that one event may write, also if each call is asked for; a call costs as much as some (runs.c). */
enum { MOST_WORK = 1 << 25, MOST_WORK_SINGLY = 1 << 17 };

/* Around a question and its answer: the time limit waits, so that no answer is left behind. */
void question(const void *caller);
void answered(void);
void host_no_end(const void *caller, const char *what) __attribute__((noreturn));

void send_frame(word type, const word *words, word count);
void send_text(word type, word where, const char *text);
void await(void); /* an answer; other requests may run meanwhile */
word receive_word(void);
extern int asked_singly;

void runs_know(const word *in, word count);
void runs_begin(void);
void runs_flush(void);

#endif
