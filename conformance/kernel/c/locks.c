/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks: one CPU runs at a time, so a lock that is held already is a deadlock, and sleeping under a spinlock a bug. */
#include "shim.h"

bool irqs_off;
bool tree_is_told; /* while the notifiers of the device tree's changes run */
static int spinning, mutexes;

void lock_spin(spinlock_t *lock, const char *file, int line)
{
	if (lock->held)
		host_crash("deadlock: spinlock taken twice", file, line);
	lock->held = 1;
	spinning++;
}

void unlock_spin(spinlock_t *lock, const char *file, int line)
{
	if (!lock->held)
		host_crash("unlock of a spinlock that is not held", file, line);
	lock->held = 0;
	spinning--;
}

void lock_mutex(struct mutex *lock, const char *file, int line)
{
	may_sleep(file, line);
	if (lock->held)
		host_crash("deadlock: mutex taken twice", file, line);
	lock->held = 1;
	mutexes++;
}

void unlock_mutex(struct mutex *lock, const char *file, int line)
{
	if (!lock->held)
		host_crash("unlock of a mutex that is not held", file, line);
	lock->held = 0;
	mutexes--;
}

void may_sleep(const char *file, int line)
{
	if (spinning)
		host_crash("sleeping under a spinlock", file, line);
	if (irqs_off)
		host_crash("sleeping with interrupts off", file, line);
}

int locks_held(void)
{
	return spinning + mutexes;
}

void locks_at_end(void)
{
	if (locks_held() || irqs_off)
		host_crash("an event that ends with a lock held or interrupts off", __FILE__, __LINE__);
}
