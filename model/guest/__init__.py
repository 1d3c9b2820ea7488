# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's side: what Linux's pseries DDW code means to do, one file per subject; `kernel.Kernel` puts it together."""
