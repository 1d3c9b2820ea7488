/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boundary between the kernel's code (and what stands for its neighbours) and the process around it. Plain C types
 * only: what includes this knows either the kernel's headers or libc's, never both.
 */
#ifndef DDW_HARNESS_H
#define DDW_HARNESS_H

typedef unsigned long long word;

enum { MOST_CPUS = 16, MOST_RUNNING = 4 /* requests under way */, MOST_DEVICES = 8, MOST_SPANS = 64, MOST_CELLS = 16, MOST_ELEMENTS = 64 };

struct span {
	word start, stop;
};

/* The request that runs, of those under way, each as on a CPU of its own; whether its locks are asked for: locks.c. */
extern int this_cpu, locks_are_asked;

/* What the kernel side asks of the process around it: host.c. */
void host_lock(const void *lock, const char *name);
void host_unlock(const void *lock, const char *name);
enum hcall { GET_TCE, PUT_TCE, STUFF_TCE, PUT_TCE_INDIRECT };
enum multi_tce { LISTS = 1, STUFF = 2 }; /* model.profiles.MultiTce */
int host_rtas(const void *caller, word token, int nargs, int nret, const unsigned int *args, unsigned int *outputs);
long host_hcall(const void *caller, enum hcall kind, word liobn, word ioba, word tce, word count, const word *list);
word host_get_tce(const void *caller, word liobn, word ioba, long *status);
int host_allocation(const char *what, int sleeps);
void *host_memory(word bytes);
void host_free(void *memory, const char *file, int line);
int host_is_live(const void *memory);
void host_out_of_scope(const char *why) __attribute__((noreturn));
void host_log(const char *format, ...);
void locks_at_end(void); /* nothing may be held once an event is over: locks.c */
void host_warning(const char *file, int line);
void host_crash(const char *what, const char *file, int line) __attribute__((noreturn));

/* What the process asks of the kernel side: partition.c. Requests and replies are words, as worker.py writes them. */
void run_on(word cpu);
void partition_boot(const word *in);
void partition_attach(const word *in);
void partition_detach(word device);
void partition_replug(word device);
int partition_set_mask(word device, word mask);
int partition_set_coherent_mask(word device, word mask);
word partition_required_mask(word device);
word partition_map(word device, word start, word size, word direction, word cpu);
void partition_unmap(word device, word handle, word size, word direction);
void partition_map_sg(const word *in);
void partition_unmap_sg(const word *in);
word partition_alloc_coherent(word device, word start, word size, word mask, word cpu);
void partition_free_coherent(word device, word start, word size, word handle, word mask);
int partition_memory(word action, word start, word size);
void partition_vpmem(word present, word start, word size);
enum own { TAKE, RELEASE, CREATE_TABLE, SET_WINDOW, UNSET_WINDOW, MAP_USER, UNMAP_USER };
void partition_own(const word *in);
void partition_properties(word device);
int partition_routes(word device, word start, word size);
void partition_view(word device);
void host_reply(word value); /* one more word of the reply to the request that is being carried out */

#endif
