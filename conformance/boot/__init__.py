# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernels booted in QEMU, and what was seen written down for the judge."""
