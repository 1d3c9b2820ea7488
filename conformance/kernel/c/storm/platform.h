/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small PAPR hypervisor, restated from LoPAR for the speed of a storm: model/hypervisor is the reference that it has to
 * agree with, call by call and TCE by TCE (conformance/test_platform.py).
 */
#ifndef DDW_PLATFORM_H
#define DDW_PLATFORM_H

#include "../harness.h"

enum { MOST_RANGES = 1024, MOST_WINDOWS = 4, MOST_EXTENSIONS = 16, MOST_PES = MOST_DEVICES };
enum { FOUR_K = 4096, READ_WRITE = 3 /* TCE control bits: LoPAR table 8 */, MOST_TCES = 512 /* in one call */ };
/* Statuses: LoPAR tables 20 and 184. */
enum { RTAS_HARDWARE = -1, RTAS_PARAMETER = -3 };
enum { H_SUCCESS = 0, H_PARTIAL = 5, H_FUNCTION = -2, H_PARAMETER = -4, H_P4 = -57 };

/* Neighbouring entries [start, stop) of a TCE table: entry start + k holds tce + k * step. */
struct range {
	word start, stop, tce, step;
};

/* The entries of a window that are not zero, as ranges in order. full: one did not fit, and nothing is true any more. */
struct table {
	int used, full;
	struct range ranges[MOST_RANGES];
};

struct window {
	word liobn, base, size, page_shift, window_shift;
	struct table table;
};

/* A PE: config_addr and PHB unit id name it; its windows in the order in which they came. */
struct endpoint {
	word config, buid, default_liobn;
	int count, limited;
	struct window *windows[MOST_WINDOWS], space[MOST_WINDOWS];
};

/* Platform as data: model/profiles.py, in the order of conformance/kernel/platform.py. */
struct profile {
	word windows, block, pages, query_outputs;
	word default_start, default_stop, dma64, limited_start, first_liobn, tokens[3], applicable;
	word has_mmio, mmio_start, mmio_stop;
	/* Where LoPAR is silent: A1, A3, A4, two of A6, A8, two of A13, A17. */
	word saturates, oversize, failed_output, recycles, aligns, refuses_dirty, rejects_unaligned, whole_page, rejects_reserved;
	word multi_tce, extensions, extension[MOST_EXTENSIONS];
};
extern struct profile profile;
extern struct endpoint endpoints[MOST_PES];
extern int number_of_pes;

/* tables.c: TCE tables */
void table_fill(struct table *, word start, word tce, word step, word count);
word table_entry(const struct table *, word index);
int table_valid(const struct table *);

/* owned.c: the partition's memory */
void owned_clear(void);
void owned_assign(word start, word stop);
void owned_release(word start, word stop);
int owned_holds(word start, word size);

/* windows.c: PEs and their windows, and the RTAS calls */
void platform_begin(const word *in, word pes, const word *names);
void platform_reboot(void);
void platform_isolate(word pe);
int platform_release(word start, word stop);
long platform_rtas(word token, int nargs, const unsigned int *args, int nret, unsigned int *outputs);
struct window *platform_window(word liobn);
struct endpoint *platform_owner(word liobn);
int platform_translate(word pe, word address, word *memory, word *control);
int platform_full(void);

/* tces.c: the TCE hypercalls; a list of TCEs is big endian, as in the partition's memory */
long platform_hcall(enum hcall kind, word liobn, word ioba, word tce, word count, const word *list, word misaligned);
long platform_get_tce(word liobn, word ioba, word *tce);

#endif
