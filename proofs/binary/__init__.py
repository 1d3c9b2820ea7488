# SPDX-License-Identifier: GPL-2.0-or-later
"""Theorems about the kernel's compiled code: what it decides is what the model's rule of that release decides.

`execute` runs in an environment of its own, with angr, and turns the machine code of one decision into a formula. Everything
else is judged here by `proofs.prover`, which asks nothing of angr: that the paths of a formula leave no input out is part of
each theorem, and every answer is replayed on the program itself.
"""
