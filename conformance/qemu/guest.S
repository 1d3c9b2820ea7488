# SPDX-License-Identifier: GPL-2.0-or-later
# The partition's only program: it makes the hypercalls that it finds in a mailbox. mailbox.py is the other side.
#
# Header: doorbell, number of records, doorbell that was served last, address of the device tree.
# Record: r3 to r7 of a hypercall, then what is answered in r3 and r4; before that the second of these says how many
# records to leave out if the call fails. r3 = -1 reads TCEs back: r4 LIOBN, r5 bus address, r6 count, r7 I/O page, the
# last word where to. The doorbell is compared only, so its byte order does not matter.

	.equ	MAILBOX, 0x100000
	.equ	DOORBELL, 0
	.equ	COUNT, 8
	.equ	SERVED, 16
	.equ	TREE, 24
	.equ	RECORDS, 64
	.equ	ANSWER, 40
	.equ	SECOND, 48
	.equ	WHERE, 56
	.equ	RECORD_SHIFT, 6
	.equ	LOOKS, 30000		# at the doorbell before the CPU sleeps
	.equ	NAP, 4			# in 65536 ticks of 512 MHz
	.equ	DEC, 22
	.equ	SPRG0, 272
	.equ	H_GET_TCE, 0x1c
	.equ	H_CEDE, 0xe0

	.org	0x100
	.globl	_start
_start:
	lis	31, MAILBOX@h
	ld	30, DOORBELL(31)	# what was rung before a reset has been served
	sync
	std	3, TREE(31)
look:	li	27, 0
again:	ld	26, DOORBELL(31)
	cmpd	26, 30
	bne	serve
	addi	27, 27, 1
	cmpwi	27, LOOKS
	blt	again
	lis	4, NAP
	mtspr	DEC, 4
	li	3, H_CEDE
	sc	1
	b	look

serve:	isync
	ld	29, COUNT(31)
	addi	28, 31, RECORDS
next:	cmpdi	29, 0
	beq	done
	ld	3, 0(28)
	ld	4, 8(28)
	ld	5, 16(28)
	ld	6, 24(28)
	ld	7, 32(28)
	ld	22, SECOND(28)
	cmpdi	3, -1
	beq	walk
	sc	1
	std	4, SECOND(28)
	std	3, ANSWER(28)
	cmpdi	3, 0
	beq	step
	sub	29, 29, 22		# the loop that this call belongs to is over
	sldi	22, 22, RECORD_SHIFT
	add	28, 28, 22
step:	addi	28, 28, 1 << RECORD_SHIFT
	addi	29, 29, -1
	b	next
done:	mr	30, 26
	sync
	std	30, SERVED(31)
	b	look

walk:	mr	25, 4
	mr	24, 5
	mr	23, 6
	mr	22, 7
	ld	21, WHERE(28)
	li	3, 0
entry:	cmpdi	23, 0
	beq	walked
	li	3, H_GET_TCE
	mr	4, 25
	mr	5, 24
	sc	1
	cmpdi	3, 0
	bne	walked
	std	4, 0(21)
	addi	21, 21, 8
	add	24, 24, 22
	addi	23, 23, -1
	b	entry
walked:	std	23, SECOND(28)
	std	3, ANSWER(28)
	b	step

	.org	0x900			# the nap is over
	mtspr	SPRG0, 3
	lis	3, 0x7fff
	mtspr	DEC, 3
	mfspr	3, SPRG0
	rfid
