/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that the kernel's code asks for in a storm, and its state as a whole: what it keeps in variables (build.py puts
 * these into sections of their own) and what it has allocated. A block that was freed is poisoned and not handed out
 * again before the next script; a sanitized build has ASan watch the arena.
 */
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "storm.h"

enum { MOST_BLOCKS = 1024, LARGE = 1 << 20, LARGEST = 1 << 28, SPACE = 1 << 27, PAGE = 4096, GAP = 32, POISON = 0x6b };

struct block {
	void *start;
	word bytes;
	const char *what;
};

struct snapshot {
	void *data, *bss, *arena;
	word used;
	int count;
	struct block blocks[MOST_BLOCKS];
};

extern char __start_storm_data[], __stop_storm_data[], __start_storm_bss[], __stop_storm_bss[];
static char *arena;
static word used;
static struct block blocks[MOST_BLOCKS];
static int count;
const char *allocating; /* what the next block is for */

/* As it is, whatever a sanitizer holds of what lies between the variables. */
static void copy(void *to, const void *from, word bytes)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

static void *copy_of(const void *from, word bytes)
{
	void *to = malloc(bytes + 1);

	copy(to, from, bytes);
	return to;
}

struct snapshot *snapshot_take(void)
{
	struct snapshot *taken = calloc(1, sizeof(*taken));

	taken->data = copy_of(__start_storm_data, __stop_storm_data - __start_storm_data);
	taken->bss = copy_of(__start_storm_bss, __stop_storm_bss - __start_storm_bss);
	taken->arena = copy_of(arena, used);
	taken->used = used;
	taken->count = count;
	memcpy(taken->blocks, blocks, count * sizeof(blocks[0]));
	for (int i = 0; i < count; i++)
		if (blocks[i].bytes >= LARGE)
			host_out_of_scope("a boot that allocates more than a storm copies");
	return taken;
}

void snapshot_restore(const struct snapshot *from)
{
	for (int i = 0; i < count; i++)
		if (blocks[i].bytes >= LARGE)
			munmap(blocks[i].start, blocks[i].bytes);
	copy(__start_storm_data, from->data, __stop_storm_data - __start_storm_data);
	copy(__start_storm_bss, from->bss, __stop_storm_bss - __start_storm_bss);
	copy(arena, from->arena, from->used);
	count = from->count;
	memcpy(blocks, from->blocks, count * sizeof(blocks[0]));
	ASAN_POISON_MEMORY_REGION(arena, used);
	for (int i = 0; i < count; i++)
		ASAN_UNPOISON_MEMORY_REGION(blocks[i].start, blocks[i].bytes);
	used = from->used;
}

void *host_memory(word bytes)
{
	word alignment = bytes >= PAGE ? PAGE : 16;
	char *start;

	if (!arena)
		arena = mmap(NULL, SPACE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bytes > LARGEST || count == MOST_BLOCKS || used + bytes + GAP + PAGE > SPACE)
		host_out_of_scope("more memory than a storm has");
	if (bytes >= LARGE) {
		start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	} else {
		used = (used + GAP + alignment - 1) / alignment * alignment;
		start = arena + used;
		used += bytes;
		ASAN_UNPOISON_MEMORY_REGION(start, bytes);
		memset(start, 0, bytes);
	}
	blocks[count++] = (struct block){ start, bytes, allocating };
	allocating = NULL;
	return start;
}

static int find(const void *start)
{
	for (int i = count - 1; i >= 0; i--)
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
	if (blocks[i].bytes >= LARGE) {
		munmap(start, blocks[i].bytes);
	} else {
		memset(start, POISON, blocks[i].bytes);
		ASAN_POISON_MEMORY_REGION(start, blocks[i].bytes);
	}
	blocks[i] = blocks[--count];
}

/*
 * What was allocated since and is still there, NULL if nothing is. Properties stay by design: of_remove_property() keeps
 * them for readers. So does the page of TCEs, one for each CPU.
 */
const char *arena_left_since(const struct snapshot *before)
{
	for (int i = 0; i < count; i++) {
		const char *what = blocks[i].what;
		int old = 0;

		for (int k = 0; k < before->count && !old; k++)
			old = blocks[i].start == before->blocks[k].start;
		if (!old && what && strcmp(what, "property") && strcmp(what, "saved-property") && strcmp(what, "tce-page"))
			return what;
	}
	return NULL;
}
