/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RTAS calls and hypercalls leave the kernel side here. */
#include "shim.h"
#include <asm/hvcall.h>

unsigned long powerpc_firmware_features;

int rtas_call(int token, int nargs, int nret, int *outputs, ...)
{
	unsigned int args[MOST_CELLS], out[MOST_CELLS] = { 0 };
	__builtin_va_list list;
	int status;

	__builtin_va_start(list, outputs);
	for (int i = 0; i < nargs; i++)
		args[i] = __builtin_va_arg(list, int);
	__builtin_va_end(list);
	status = host_rtas(__builtin_return_address(0), (u32)token, nargs, nret, args, out);
	for (int i = 0; outputs && i < nret - 1; i++)
		outputs[i] = out[i];
	return status;
}

/* arch/powerpc/kernel/rtas.c: whether to call again; it may sleep, so nobody may hold a spinlock. */
unsigned int rtas_busy_delay(int status)
{
	if (status != -2 && (status < 9900 || status > 9905))
		return 0;
	may_sleep(__FILE__, __LINE__);
	return 1;
}

/* Those of asm/hvcall.h that write TCEs; no other is made. */
long plpar_hcall_norets(unsigned long opcode, ...)
{
	const void *caller = __builtin_return_address(0);
	word liobn, ioba, third, count = 1;
	__builtin_va_list list;

	__builtin_va_start(list, opcode);
	liobn = __builtin_va_arg(list, unsigned long);
	ioba = __builtin_va_arg(list, unsigned long);
	third = __builtin_va_arg(list, unsigned long);
	if (opcode != H_PUT_TCE)
		count = __builtin_va_arg(list, unsigned long);
	__builtin_va_end(list);
	switch (opcode) {
	case H_PUT_TCE:
		return host_hcall(caller, PUT_TCE, liobn, ioba, third, 1, NULL);
	case H_STUFF_TCE:
		return host_hcall(caller, STUFF_TCE, liobn, ioba, third, count, NULL);
	case H_PUT_TCE_INDIRECT:
		return host_hcall(caller, PUT_TCE_INDIRECT, liobn, ioba, 0, count, (const word *)third);
	}
	host_out_of_scope("a hypercall that the harness does not supply");
}

long plpar_hcall(unsigned long opcode, unsigned long *results, ...)
{
	word liobn, ioba;
	__builtin_va_list list;
	long status;

	__builtin_va_start(list, results);
	liobn = __builtin_va_arg(list, unsigned long);
	ioba = __builtin_va_arg(list, unsigned long);
	__builtin_va_end(list);
	if (opcode != H_GET_TCE)
		host_out_of_scope("a hypercall that the harness does not supply");
	results[0] = host_get_tce(__builtin_return_address(0), liobn, ioba, &status);
	return status;
}
