# SPDX-License-Identifier: GPL-2.0-or-later
"""Hypothesis strategies and state machines over any guest and hypervisor; `pytest properties/` is the main job."""
