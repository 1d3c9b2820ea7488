/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that the kernel's code asks for. What is freed is poisoned and never handed out again, so that its use shows;
 * in a sanitized build the sanitizer does that.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness.h"
#include "host.h"

enum { MOST_BLOCKS = 4096, LARGE = 1 << 16, LARGEST = 1 << 30, POISON = 0x6b };

static struct {
	void *start;
	word bytes;
} blocks[MOST_BLOCKS];
static int number_of_blocks;

void *host_memory(word bytes)
{
	void *start;

	if (bytes > LARGEST)
		host_out_of_scope("an allocation of more than 1 GiB");
	if (number_of_blocks == MOST_BLOCKS)
		host_out_of_scope("too many allocations");
	if (bytes >= LARGE)
		start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	else
		start = bytes == 4096 ? aligned_alloc(4096, 4096) : malloc(bytes ? bytes : 1);
	if (!start || start == MAP_FAILED)
		host_out_of_scope("the host has no memory left");
	if (bytes < LARGE)
		memset(start, 0, bytes);
	blocks[number_of_blocks].start = start;
	blocks[number_of_blocks++].bytes = bytes;
	return start;
}

static int find(const void *start)
{
	for (int i = number_of_blocks - 1; i >= 0; i--)
		if (blocks[i].start == start)
			return i;
	return -1;
}

int host_is_live(const void *start)
{
	return find(start) >= 0;
}

void host_free(void *start, const char *file, int line)
{
	int i = find(start);

	if (!start)
		return;
	if (i < 0)
		host_crash("free of memory that is not allocated", file, line);
	if (blocks[i].bytes >= LARGE)
		munmap(start, blocks[i].bytes);
	else if (SANITIZED)
		free(start);
	else
		memset(start, POISON, blocks[i].bytes);
	blocks[i] = blocks[--number_of_blocks];
}
