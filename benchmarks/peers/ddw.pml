/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A split window as Spin sees it, the peer of `ddwcheck explore`: RAM blocks come and go and are mapped 1:1 in the direct
 * part, vPMEM is mapped and unmapped in the dynamic part, any hypercall may fail. One bit a TCE. Sizes: BLOCKS of RAM, BLOCK
 * units each; PAGE units an I/O page; DYNAMIC entries; LIVE mappings at a time. Mistakes: LEAK (F1), DOWN (F2), SHARED (F3).
 */
#ifndef BLOCKS
#define BLOCKS 4
#endif
#ifndef DYNAMIC
#define DYNAMIC 4
#endif
#define BLOCK 3
#define PAGE 2
#define LIVE 2
#define PAGES ((BLOCKS * BLOCK + PAGE - 1) / PAGE)
#define NONE DYNAMIC

bit open;
bit online[BLOCKS];
bit direct[PAGES];
bit dynamic[DYNAMIC];
bit taken[DYNAMIC];
byte live[LIVE];

/* whether a page holds a unit of a block, and of online RAM */
#define FIRST(block) ((block) * BLOCK / PAGE)
#define LAST(block) (((block) * BLOCK + BLOCK - 1) / PAGE)
#define BELOW(page) ((page) * PAGE / BLOCK)
#define ABOVE(page) (((page) * PAGE + PAGE - 1) / BLOCK)
#define WANTED(page) (online[BELOW(page)] || (ABOVE(page) < BLOCKS && online[ABOVE(page)]))
#ifdef DOWN
#define END(block) (((block) * BLOCK + BLOCK) / PAGE - 1)
#else
#define END(block) LAST(block)
#endif

inline premap(block)
{
	for (page : FIRST(block) .. END(block)) {
		direct[page] = 1
	}
	page = 0
}

inline unmap_block(block)
{
	for (page : FIRST(block) .. LAST(block)) {
#ifdef SHARED
		direct[page] = 0
#else
		direct[page] = WANTED(page)
#endif
	}
	page = 0
}

inline hold()
{
	if
	:: open ->
		for (page : 0 .. PAGES - 1) {
			assert(direct[page] == WANTED(page))
		}
	:: else
	fi;
	for (page : 0 .. DYNAMIC - 1) {
		assert(dynamic[page] == taken[page]);
		assert(dynamic[page] == (live[0] == page || live[1] == page))
	}
	page = 0
}

init
{
	byte page, block, slot, entry;

	d_step {
		online[0] = 1;
		live[0] = NONE;
		live[1] = NONE
	}
	do
	:: !open -> d_step {
		for (block : 0 .. BLOCKS - 1) {
			if
			:: online[block] -> premap(block)
			:: else
			fi
		}
		block = 0;
		open = 1;
		hold()
	}
	:: open -> d_step {	/* the driver goes and comes back */
		for (page : 0 .. PAGES - 1) {
			direct[page] = 0
		}
		page = 0;
		for (page : 0 .. DYNAMIC - 1) {
			dynamic[page] = 0;
			taken[page] = 0
		}
		page = 0;
		live[0] = NONE;
		live[1] = NONE;
		open = 0;
		hold()
	}
	:: atomic {
		select(block : 0 .. BLOCKS - 1);
		if
		:: d_step { online[block] ->
			online[block] = 0;
			if
			:: open -> unmap_block(block)
			:: else
			fi;
			block = 0;
			hold() }
		:: d_step { !online[block] ->
			online[block] = 1;
			if
			:: open -> premap(block)
			:: else
			fi;
			block = 0;
			hold() }
		:: d_step { !online[block] && open ->	/* refused: undone */
			premap(block);
			unmap_block(block);
			block = 0;
			hold() }
		fi
	}
	:: open -> atomic {
		select(slot : 0 .. LIVE - 1);
		if
		:: d_step { live[slot] == NONE ->
			entry = 0;
			do
			:: entry < DYNAMIC && taken[entry] -> entry++
			:: else -> break
			od;
			if
			:: entry < DYNAMIC ->
				taken[entry] = 1;
				dynamic[entry] = 1;
				live[slot] = entry
			:: else
			fi;
			entry = 0;
			slot = 0;
			hold() }
		:: d_step { live[slot] != NONE ->
#ifndef LEAK
			dynamic[live[slot]] = 0;
			taken[live[slot]] = 0;
#endif
			live[slot] = NONE;
			slot = 0;
			hold() }
		:: slot = 0	/* H_PUT_TCE fails: the entry is given back */
		fi
	}
	od
}
