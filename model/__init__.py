# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference model of Dynamic DMA Windows: what PAPR says, what Linux means, and what must hold.

Reading order: `types`, `calls`, `profiles`, `interfaces`; then `hypervisor/` (LoPAR's side), `guest/` (Linux's side),
`invariants/` (what must hold between them), `run` and `trace` (one run of both, recorded).
"""
