# SPDX-License-Identifier: GPL-2.0-or-later
"""`ddwcheck campaign`: machines, platforms, kernels and seeds for hours, on all cores or a cluster, kept as it goes.

A *plan* is a fixed sequence of *units* of work. A unit's answer depends on the unit alone, so that it does not matter which
worker carries it out, when, or how often: what is lost is carried out again, and a campaign that was broken off goes on.
"""
