# SPDX-License-Identifier: GPL-2.0-or-later
"""What obligations assume of real systems and compare the rules with, stated apart from the rules."""

PAGE_SHIFT_OF_OFFER = {0: 12, 1: 16, 2: 24, 3: 25, 4: 26, 5: 27, 6: 28, 7: 34, 8: 21}
"""I/O page shift for each bit of query's page mask: 4K, 64K, 16M, 32M, 64M, 128M, 256M, 16G, 2M. LoPAR table 132."""

PAGE_SHIFTS = tuple(PAGE_SHIFT_OF_OFFER.values())
"""log2 of the I/O pages there are, in bytes."""

MOST_MEMORY_SHIFT = 51
"""log2 of the memory, in bytes, that a partition may ever have: 2 PiB, Linux's MAX_PHYSMEM_BITS on powerpc."""
MOST_MEMORY = 1 << MOST_MEMORY_SHIFT

WIDE_MASKS = tuple((1 << bits) - 1 for bits in range(33, 65))
"""DMA masks for which Linux opens a window: more than 32 low bits."""

TWO_GIB = 1 << 31
"""Bytes of dynamic TCEs below which a window is not split."""
LAST_ADDRESS = (1 << 64) - 1
"""The highest bus address there is."""
HALF_OF_THE_BUS = 1 << 63
"""In bytes; PowerVM's windows begin at 1 << 59."""
