# SPDX-License-Identifier: GPL-2.0-or-later
"""Proofs of the pure decisions: `pytest proofs/` proves each obligation as its own test id.

Reading order: `symbolic` (words as bit-vectors, one run per path), `case` (what an obligation is a run of),
`obligation` (theorem, mutant, verdict), then the obligations, one file per file of `model/guest`. `second` and `drat`
ask further solvers; `judged`, `release` and `cache` are what `ddwcheck prove` makes of an obligation.
"""
