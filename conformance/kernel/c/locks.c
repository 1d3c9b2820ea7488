/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks. Each request runs as on a CPU of its own; one runs at a time. Where others are in the middle of something, a
 * lock is asked for and its release is told, and whoever answers keeps CPUs waiting and finds those that wait in a
 * circle. Where there is one CPU, a lock that is held already is a deadlock. Sleeping under a spinlock is a bug on any.
 */
#include "shim.h"

int this_cpu, locks_are_asked;
struct cpu cpus[MOST_RUNNING];

void lock_spin(spinlock_t *lock, const char *name, const char *file, int line)
{
	if (locks_are_asked)
		host_lock(lock, name);
	if (lock->held)
		host_crash("deadlock: spinlock taken twice", file, line);
	lock->held = 1;
	cpus[this_cpu].spinning++;
}

void unlock_spin(spinlock_t *lock, const char *name, const char *file, int line)
{
	if (!lock->held)
		host_crash("unlock of a spinlock that is not held", file, line);
	lock->held = 0;
	cpus[this_cpu].spinning--;
	if (locks_are_asked)
		host_unlock(lock, name);
}

void lock_mutex(struct mutex *lock, const char *name, const char *file, int line)
{
	may_sleep(file, line);
	if (locks_are_asked)
		host_lock(lock, name);
	if (lock->held)
		host_crash("deadlock: mutex taken twice", file, line);
	lock->held = 1;
	cpus[this_cpu].mutexes++;
}

void unlock_mutex(struct mutex *lock, const char *name, const char *file, int line)
{
	if (!lock->held)
		host_crash("unlock of a mutex that is not held", file, line);
	lock->held = 0;
	cpus[this_cpu].mutexes--;
	if (locks_are_asked)
		host_unlock(lock, name);
}

void may_sleep(const char *file, int line)
{
	if (cpus[this_cpu].spinning)
		host_crash("sleeping under a spinlock", file, line);
	if (irqs_off)
		host_crash("sleeping with interrupts off", file, line);
}

int locks_held(void)
{
	return cpus[this_cpu].spinning + cpus[this_cpu].mutexes;
}

void locks_at_end(void)
{
	if (locks_held() || irqs_off)
		host_crash("an event that ends with a lock held or interrupts off", __FILE__, __LINE__);
}
